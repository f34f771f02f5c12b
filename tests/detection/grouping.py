"""Which planted flaws may share a run: those whose cases probe different parts of the device.

A run costs a start of the device and all the cases of its capabilities, so that planting some 180 flaws one by one
takes too long for a test of every change. Two flaws share a run when no part is probed for both; what a flaw fails is
then its own. The run judges the capabilities of all its flaws, so that a flaw of one capability is seen to fail
nothing in the others. `make matrix` plants each flaw in a device of its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from trustprobe.cli.published import capabilities
from virtual_lab.defects import Defect, register

MOST = 32
"""Flaws in one run."""
MOST_RESTARTS = 5
"""Flaws in one run that crash the device: each start of it takes seconds."""
LONG = "interface_access_control"
"""Its cases take longer than all others together: its flaws share runs with each other only."""
PARTS = (
    (re.compile(r"^(tls\.server\.(?:suites|version)\[.*\])$"), r"\1"),
    (re.compile(r"^(input\.malformed\.[a-z]+\[.*\])$"), r"\1"),
    (re.compile(r"^(input\.malformed\[.*\])$"), r"\1"),
    (re.compile(r"^(components\.unpaired\[.*\])$"), r"\1"),
    (re.compile(r"^(services\.forbidden\[.*\])$"), r"\1"),
    (re.compile(r"^(storage\.image\[.*\])$"), r"\1"),
    (re.compile(r"^(session\.(?:cookie_flags|csrf)\[.*\])$"), r"\1"),
    (re.compile(r"^tls\.server\.certificate"), "certificate"),
    (re.compile(r"^(?:access\.anonymous|credentials\.(?:default|guessing))\.rtsp"), "stream"),
    (re.compile(r"^(credentials\.default\.serial|credentials\.derivable|serial)"), "uart"),
    (re.compile(r"^log\.emits\.update"), "update"),
    (re.compile(r"^(update\.(?:notice|refusal|interrupted|unauthorised))"), r"\1"),
    (re.compile(r"^(log\.emits\.(?!login|lockout).*|log\.(?:read|clear|write)\.unauthorised|log\.persists)$"), r"\1"),
    (re.compile(r"^(log|state|update|config\.reset|sbom|registry_record|support_period|document)"), r"\1"),
)
"""The part of the device that a case probes, where it is not the case's own name."""
LISTS = frozenset({"ports.tcp.undeclared", "ports.udp.undeclared"})
"""Cases that list all that they find. Flaws that each fail another case or row as well may share them."""
TOGETHER = (
    ("http_any_password", "ssh_any_password", "uart_root_shell"),  # each lets anybody in, at a door of its own
    ("boot_window_telnet", "collector_cleartext"),
    ("update_refusal_not_reported", "anonymous_update", "update_notice_missing"),
    ("update_expired_accepted", "update_check_by_hand"),
    ("update_replay_accepted", "update_check_missing"),
)
"""Flaws that share a device with no other flaw of their capability, except these with each other."""

Planted = tuple[tuple[str, ...], tuple[str, ...]]
"""The flaws of one run, and the capabilities that it judges."""


def part(name: str) -> str:
    """Return the part that a case, or a row of it, probes."""
    for pattern, label in PARTS:
        if match := pattern.match(name):
            return match.expand(label)
    return name.split("[", 1)[0]


def parts(defect: Defect) -> set[str]:
    """Return the parts that are probed for this flaw."""
    return {part(name) for name in (*defect.fails, *defect.leaves_manual)}


def own_parts(defect: Defect) -> set[str]:
    """Return the parts that may be probed for this flaw only, in its run."""
    return parts(defect) - LISTS or parts(defect)


def crashes(defect: Defect) -> bool:
    """Whether the device starts again, or is started again, because of this flaw."""
    return any(name.startswith("input.malformed") for name in defect.fails)


@dataclass
class _Group:
    """A run to be: its flaws, with the capabilities in which nothing may be added."""

    names: list[str] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    restarts: int = 0

    def has_room_for(self, name: str, defect: Defect, where: Sequence[str]) -> bool:
        """Whether the flaw can be planted as well, without touching what the others fail."""
        companions = next((names for names in TOGETHER if name in names), ())
        apart = set() if set(self.names) <= set(companions) else self.judged if defect.alone else self.closed
        return (
            len(self.names) < MOST
            and (LONG in where) == (LONG in self.judged)
            and apart.isdisjoint(where)
            and not self.hides(name, defect)
            and self.parts.isdisjoint(own_parts(defect))
            and self.own.isdisjoint(parts(defect))
            and self.restarts + crashes(defect) <= MOST_RESTARTS
        )

    def hides(self, name: str, defect: Defect) -> bool:
        """Whether a flaw of the run hides this one, or the other way round."""
        theirs = {other for planted in self.names for other in register()[planted].not_beside}
        return bool(theirs & {name} or set(defect.not_beside) & set(self.names))

    def add(self, name: str, defect: Defect, where: Sequence[str]) -> None:
        """Plant the flaw as well, and judge its capabilities."""
        self.names.append(name)
        self.judged |= set(where)
        self.parts |= parts(defect)
        self.own |= own_parts(defect)
        self.closed |= set(where) if defect.alone else set()
        self.restarts += crashes(defect)


def runs() -> list[Planted]:
    """Return the runs that plant every flaw of the register, in each capability that has to find it; longest first."""
    groups: list[_Group] = []
    for name, defect in register().items():
        for where in _halves(defect):
            group = next((group for group in groups if group.has_room_for(name, defect, where)), None)
            if group is None:
                groups.append(group := _Group())
            group.add(name, defect, where)
    groups.sort(key=lambda group: (LONG in group.judged, len(group.judged)), reverse=True)
    return [(tuple(group.names), tuple(sorted(group.judged))) for group in groups]


def _halves(defect: Defect) -> list[tuple[str, ...]]:
    """Return the capabilities of a flaw: the long one, and the others."""
    where = capabilities(defect)
    others = tuple(one for one in where if one != LONG)
    return [half for half in ((LONG,) if LONG in where else (), others) if half]
