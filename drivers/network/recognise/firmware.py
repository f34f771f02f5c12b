"""Whether an answer contains the declared firmware version, wherever and under whatever name."""

import re
from collections.abc import Iterable

from drivers.network.recognise.headers import is_named_after_protocol

DECLARED = b"the declared firmware version "
_CORE = re.compile(r"\d+(?:\.\d+){2,}")
"""Three numbers with dots or more. Two numbers may be anything: a protocol, a length, a price."""
_BEFORE = 40
"""Octets before an occurrence in which its name is looked for."""
_LABEL = re.compile(rb"[\w.-]+(?=[\s\"':=/<>v]{0,12}\Z)")
_LIBRARY = re.compile(rb"[\w.-]{0,20}\.(?:js|mjs|css|map)\b")
"""What follows the version of a library in the name of its file: `jquery-3.6.0.min.js`."""


def firmware_in(firmware: str, answer: bytes, told: Iterable[bytes] = ()) -> list[bytes]:
    """Return the declared version if an answer contains it, and not as that of a protocol, an API or a library.

    Return nothing if what is `told` of the answer says it.
    """
    core = _CORE.search(firmware)
    if core is None or any(core[0].encode() in piece for piece in told):
        return []
    pattern = re.compile(rb"(?<![\d.])" + re.escape(core[0].encode()) + rb"(?!\d|\.\d)")
    for found in pattern.finditer(answer):
        label = _LABEL.search(answer[max(0, found.start() - _BEFORE) : found.start()])
        if not _LIBRARY.match(answer, found.end()) and not (label and is_named_after_protocol(label[0])):
            return [DECLARED + core[0].encode()]
    return []
