"""Passwords that follow from what is printed on a sample or sent in clear: serial number, MAC address, model.

EN 303 645 5.1-2 asks that a password of one device does not follow from such values. Nothing is sent here.
"""

import hashlib
import re

_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
_TAIL = 6
_SHORT_TAIL = 4
_DIGEST = 8


def derived(serial: str, mac: str | None, model: str) -> dict[str, str]:
    """Return the passwords that people derive from a sample's identifiers, by the name of the derivation."""
    found = {
        "serial": serial,
        "serial_lower": serial.lower(),
        "serial_plain": _plain(serial),
        "serial_last_part": _NO_WORD.split(serial)[-1],
        "serial_last_six": _plain(serial)[-_TAIL:],
        "serial_last_four": _plain(serial)[-_SHORT_TAIL:],
        "serial_reversed": serial[::-1],
        "serial_md5": _digest(serial),
        "model": model,
        "model_plain": _plain(model),
        "model_serial_last_four": _plain(model) + _plain(serial)[-_SHORT_TAIL:],
    }
    if mac is not None:
        plain = _plain(mac)
        found |= {
            "mac": plain,
            "mac_upper": plain.upper(),
            "mac_colons": ":".join(re.findall("..", plain)),
            "mac_last_four": plain[-_SHORT_TAIL:],
            "mac_last_six": plain[-_TAIL:],
            "mac_last_six_upper": plain[-_TAIL:].upper(),
            "mac_md5": _digest(plain),
            "model_mac_last_four": _plain(model) + plain[-_SHORT_TAIL:],
        }
    once = {value: name for name, value in reversed(found.items()) if value}
    return {name: value for value, name in reversed(once.items())}


def _plain(text: str) -> str:
    return _NO_WORD.sub("", text).lower()


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_DIGEST]
