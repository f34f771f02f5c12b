"""Messages of IPP: requests with attributes, and what an answer says (RFC 8010). No bytes are sent here."""

from dataclasses import dataclass, field

CHARSET, LANGUAGE, URI, NAME, TEXT, INTEGER = 0x47, 0x48, 0x45, 0x42, 0x41, 0x21
TEXT_WITH_LANGUAGE = 0x35
"""Tags of values (clause 3.5.2). Others of a text are `unknown` and `no-value`, and no text comes with them."""
GET_PRINTER_ATTRIBUTES, SET_PRINTER_ATTRIBUTES = 0x000B, 0x0013
CUPS_GET_DEFAULT, CUPS_GET_DEVICES = 0x4001, 0x400B
CUPS_ADD_MODIFY_PRINTER, CUPS_DELETE_PRINTER = 0x4003, 0x4004
_OPERATION, _PRINTER, _END = 0x01, 0x04, 0x03
_DELIMITERS = 0x10
"""Tags below this one begin a group of attributes."""
_MOST = 400
"""Attributes that are read."""
Attribute = tuple[int, str, bytes]


@dataclass(frozen=True)
class IppAnswer:
    """The status of an answer, and the tag and the first value of each attribute of a printer."""

    status: int
    attributes: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the operation was done (RFC 8011 appendix B, 0x0000 to 0x00FF)."""
        return self.status < 0x0100

    @property
    def is_denial(self) -> bool:
        """Whether it is forbidden, not authenticated, not authorised, or not supported."""
        return self.status in (0x0401, 0x0402, 0x0403, 0x0501)

    @property
    def words(self) -> str:
        """The status and its words."""
        return f"IPP status {self.status:#06x} {self.message}".rstrip()


def request(operation: int, *operands: Attribute, printer: tuple[Attribute, ...] = ()) -> bytes:
    """Return a request with its operation attributes, and attributes of a printer after them."""
    own: tuple[Attribute, ...] = (
        (CHARSET, "attributes-charset", b"utf-8"),
        (LANGUAGE, "attributes-natural-language", b"en"),
    )
    groups = bytes([_OPERATION]) + b"".join(map(_attribute, (*own, *operands)))
    groups += bytes([_PRINTER]) + b"".join(map(_attribute, printer)) if printer else b""
    return b"\1\1" + operation.to_bytes(2, "big") + b"\0\0\0\1" + groups + bytes([_END])


def integer(name: str, value: int) -> Attribute:
    """Return an attribute with a number."""
    return INTEGER, name, value.to_bytes(4, "big")


def _attribute(attribute: Attribute) -> bytes:
    tag, name, value = attribute
    return bytes([tag]) + len(name).to_bytes(2, "big") + name.encode() + len(value).to_bytes(2, "big") + value


def parsed(data: bytes) -> IppAnswer | None:
    """Parse an answer. None if it is not one; attributes after a malformed one are left out."""
    if len(data) < 9 or data[0] not in (1, 2) or data[8] >= _DELIMITERS:
        return None
    found: dict[str, tuple[int, bytes]] = {}
    at, message = 8, ""
    for _ in range(_MOST):
        if at >= len(data) or data[at] == _END:
            break
        if data[at] < _DELIMITERS:
            at += 1
            continue
        tag, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        name = data[at + 3 : at + 3 + size].decode("latin-1")
        at += 3 + size
        length = int.from_bytes(data[at : at + 2], "big")
        value = data[at + 2 : at + 2 + length]
        at += 2 + length
        if at > len(data):
            break
        if name == "status-message":
            message = value.decode("utf-8", "replace")
        elif name:
            found.setdefault(name, (tag, value))
    return IppAnswer(int.from_bytes(data[2:4], "big"), found, message)
