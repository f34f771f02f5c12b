"""The table of planted flaws (planted.yaml) and how they change the files and the boot environment of the device."""

import stat
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from virtual_lab.firmware.rootfs import Entry

TABLE: Final = Path(__file__).with_name("planted.yaml")
_FILE = stat.S_IFREG | 0o644


class UnknownDefectError(ValueError):
    """A name that planted.yaml does not hold."""


@cache
def table() -> Mapping[str, dict[str, Any]]:
    """Return every flaw that can be planted, by name."""
    return MappingProxyType(yaml.safe_load(TABLE.read_text()))


def known(names: Sequence[str]) -> tuple[str, ...]:
    """Return names sorted and once each; UnknownDefectError for one that there is not."""
    for name in names:
        if name not in table():
            raise UnknownDefectError(f"{name!r} is no flaw of the firmware device")
    return tuple(sorted(set(names)))


def labels(names: Sequence[str]) -> frozenset[str]:
    """Return what the factory does differently for these flaws."""
    every = table()
    return frozenset(every[name]["label"] for name in names if "label" in every[name])


def unsigned_boot(names: Sequence[str]) -> bool:
    """Whether U-Boot asks for no signature."""
    return any(table()[name].get("unsigned_boot") for name in names)


def other_hardware(names: Sequence[str], default: str) -> str:
    """Return what the release for another model says of the hardware that it is for."""
    return next((str(table()[name]["other_hardware"]) for name in names if "other_hardware" in table()[name]), default)


def boot_environment(variables: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the environment of U-Boot with the flaws in it; `bootcmd_prefix` is put before its bootcmd."""
    changed = dict(variables)
    for name in names:
        changed |= table()[name].get("flash", {})
    prefix = changed.pop("bootcmd_prefix", "")
    changed["bootcmd"] = prefix + changed["bootcmd"]
    return changed


def files(entries: Mapping[str, Entry], names: Sequence[str]) -> dict[str, Entry]:
    """Return the files of the device with the flaws in them; ValueError where a text to replace is not there once."""
    changed = dict(entries)
    for name in names:
        flaw = table()[name]
        for edit in flaw.get("edits", ()):
            changed[edit["file"]] = _edited(changed[edit["file"]], edit["old"], edit["new"], name)
        for path, content in flaw.get("files", {}).items():
            changed[path] = Entry(_FILE, _private_key() if content == "private_key" else str(content).encode())
    return changed


_ALTERNATIVES: Final = (
    frozenset({"service_password", "service_is_serial"}),
    frozenset({"certificate_self_signed", "certificate_expired", "certificate_wrong_name"}),
)
"""Labels of which a factory can do one: a password is this or that, and one fault of a certificate hides the next."""


def fit_together(names: Sequence[str], entries: Mapping[str, Entry]) -> bool:
    """Whether these flaws can be planted in one device: none of them undoes another or edits the same text."""
    flaws = [table()[name] for name in names]
    variables = [variable for flaw in flaws for variable in flaw.get("flash", {})]
    there = labels(names)
    if len(set(variables)) < len(variables) or any(len(there & one) > 1 for one in _ALTERNATIVES):
        return False
    edits = [(name, edit) for name in names for edit in table()[name].get("edits", ())]
    if any(name != other and _in_the_way(one, two) for name, one in edits for other, two in edits):
        return False
    try:
        files(entries, names)
    except ValueError:
        return False
    return True


def _in_the_way(one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    """Whether two edits meet in one text; those that put lines before it do not."""
    same = one["file"] == two["file"] and (one["old"] in two["old"] or two["old"] in one["old"])
    return same and not all(edit["new"].endswith(edit["old"]) for edit in (one, two))


def _edited(entry: Entry, old: str, new: str, name: str) -> Entry:
    text = entry.content.decode()
    if text.count(old) != 1:
        raise ValueError(f"{name} replaces {old!r}, which is there {text.count(old)} times")
    return Entry(entry.mode, text.replace(old, new).encode())


def _private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
