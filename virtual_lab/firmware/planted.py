"""How planted flaws change the files and the boot environment of the device; `defects.yaml` says what each changes."""

import stat
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from virtual_lab.defects import Change, Edit, plantable
from virtual_lab.firmware.image.rootfs import Entry

DEVICE: Final = "firmware"
_FILE = stat.S_IFREG | 0o644


def changes(names: Sequence[str]) -> list[Change]:
    """Return what these flaws change, each in its turn."""
    return [change for name in names if (change := plantable(DEVICE)[name].change) is not None]


def labels(names: Sequence[str]) -> frozenset[str]:
    """Return what the factory does differently for these flaws."""
    return frozenset(change.label for change in changes(names) if change.label is not None)


def unsigned_boot(names: Sequence[str]) -> bool:
    """Whether U-Boot asks for no signature."""
    return any(change.unsigned_boot for change in changes(names))


def other_hardware(names: Sequence[str], default: str) -> str:
    """Return what the release for another model says of the hardware that it is for."""
    return next((change.other_hardware for change in changes(names) if change.other_hardware is not None), default)


def boot_environment(variables: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the environment of U-Boot with the flaws in it; `bootcmd_prefix` is put before its bootcmd."""
    changed = dict(variables)
    for change in changes(names):
        changed |= change.flash
    prefix = changed.pop("bootcmd_prefix", "")
    changed["bootcmd"] = prefix + changed["bootcmd"]
    return changed


def files(entries: Mapping[str, Entry], names: Sequence[str]) -> dict[str, Entry]:
    """Return the files of the device with the flaws in them; ValueError where a text to replace is not there once."""
    changed = dict(entries)
    for name, change in _named(names):
        for edit in change.edits:
            changed[edit.file] = _edited(changed[edit.file], edit, name)
        for path, content in change.files.items():
            changed[path] = Entry(_FILE, _private_key() if content == "private_key" else content.encode())
    return changed


_ALTERNATIVES: Final = (
    frozenset({"service_password", "service_is_serial"}),
    frozenset({"certificate_self_signed", "certificate_expired", "certificate_wrong_name"}),
)
"""Labels of which a factory can do one: a password is this or that, and one fault of a certificate hides the next."""


def fit_together(names: Sequence[str], entries: Mapping[str, Entry]) -> bool:
    """Whether these flaws can be planted in one device: none of them undoes another or edits the same text."""
    variables = [variable for change in changes(names) for variable in change.flash]
    there = labels(names)
    if len(set(variables)) < len(variables) or any(len(there & one) > 1 for one in _ALTERNATIVES):
        return False
    edits = [(name, edit) for name, change in _named(names) for edit in change.edits]
    if any(name != other and _in_the_way(one, two) for name, one in edits for other, two in edits):
        return False
    try:
        files(entries, names)
    except ValueError:
        return False
    return True


def _named(names: Sequence[str]) -> list[tuple[str, Change]]:
    return [(name, change) for name in names for change in changes([name])]


def _in_the_way(one: Edit, two: Edit) -> bool:
    """Whether two edits meet in one text; those that put lines before it do not."""
    same = one.file == two.file and (one.old in two.old or two.old in one.old)
    return same and not all(edit.new.endswith(edit.old) for edit in (one, two))


def _edited(entry: Entry, edit: Edit, name: str) -> Entry:
    text = entry.content.decode()
    if text.count(edit.old) != 1:
        raise ValueError(f"{name} replaces {edit.old!r}, which is there {text.count(edit.old)} times")
    return Entry(entry.mode, text.replace(edit.old, edit.new).encode())


def _private_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
