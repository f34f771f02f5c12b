"""Which planted flaws may share a run: those whose cases ask different parts of the device.

A run costs a start of the device and all the cases of a capability, so that planting some 140 flaws one by one takes
too long for a test of every change. Two flaws share a run when no part is asked about both; what a flaw fails is then
its own.
"""

import re

from trustprobe.cli.published import capabilities
from virtual_lab.defects import Defect, register

MOST = 6
"""Flaws in one run."""
PARTS = (
    (re.compile(r"^(tls\.server\.(?:suites|version)\[.*\])$"), r"\1"),
    (re.compile(r"^(input\.malformed\.[a-z]+\[.*\])$"), r"\1"),
    (re.compile(r"^(components\.unpaired\[.*\])$"), r"\1"),
    (re.compile(r"^(storage\.image\[.*\])$"), r"\1"),
    (re.compile(r"^(session\.(?:cookie_flags|csrf)\[.*\])$"), r"\1"),
    (re.compile(r"^tls\.server\.certificate"), "certificate"),
    (re.compile(r"^(?:access\.anonymous|credentials\.(?:default|guessing))\.rtsp"), "stream"),
    (re.compile(r"^(credentials\.default\.serial|credentials\.derivable|serial)"), "uart"),
    (re.compile(r"^(log\.emits\.(?!login|lockout).*|log\.(?:read|clear|write)\.unauthorised|log\.persists)$"), r"\1"),
    (re.compile(r"^(log|state|update|config\.reset|sbom|registry_record|support_period|document)"), r"\1"),
)
"""The part of the device that a case asks, where it is not the case's own name."""


def part(name: str) -> str:
    """Return the part that a case, or a row of it, asks."""
    for pattern, label in PARTS:
        if match := pattern.match(name):
            return match.expand(label)
    return name.split("[", 1)[0]


def _shares(defect: Defect) -> bool:
    return len(capabilities(defect)) == 1 and not defect.alone and bool(defect.fails)


def runs() -> list[tuple[tuple[str, ...], str]]:
    """Return the runs that plant every flaw of the register: the flaws, and the capability that is judged."""
    alone = [
        ((name,), capability)
        for name, defect in register().items()
        if not _shares(defect)
        for capability in capabilities(defect)
    ]
    groups: list[tuple[list[str], str, set[str]]] = []
    for name, defect in register().items():
        if not _shares(defect):
            continue
        (capability,) = capabilities(defect)
        parts = {part(case) for case in defect.fails}
        for names, where, taken in groups:
            if where == capability and len(names) < MOST and taken.isdisjoint(parts):
                names.append(name)
                taken |= parts
                break
        else:
            groups.append(([name], capability, parts))
    return [*alone, *((tuple(names), capability) for names, capability, _ in groups)]
