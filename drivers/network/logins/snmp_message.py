"""SNMP messages of our own: requests of v1, v2c (RFC 1157, 3416) and v3 without authentication (RFC 3412, 3414).

What an answer means for a community is said in `snmp.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from drivers.network.logins.ber import (
    INTEGER,
    NULL,
    OBJECT,
    OCTETS,
    SEQUENCE,
    BerError,
    content_of,
    element,
    elements,
    integer,
    number_of,
    object_identifier,
)

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
INTERNET = "1.3.6.1"
_GET, _GET_NEXT, _RESPONSE, _REPORT = 0xA0, 0xA1, 0xA2, 0xA8
_NO_VALUE = {NULL, 0x80, 0x81, 0x82}
"""NULL, noSuchObject, noSuchInstance and endOfMibView (RFC 3416 clause 3)."""
_REPORTABLE, _USER_BASED, _SIZE = b"\x04", 3, 65_507
_NUMBERS = {"v1": 0, "v2c": 1, "v3": 3}
_REPORTS = {
    1: "usmStatsUnsupportedSecLevels",
    2: "usmStatsNotInTimeWindows",
    3: "usmStatsUnknownUserNames",
    4: "usmStatsUnknownEngineIDs",
    5: "usmStatsWrongDigests",
    6: "usmStatsDecryptionErrors",
}
_STATISTICS = content_of(object_identifier("1.3.6.1.6.3.15.1.1"), OBJECT)
"""usmStats (RFC 3414 clause 5). The number after it selects the counter."""


class Version(StrEnum):
    """The versions of SNMP, as manuals name them."""

    V1 = "v1"
    V2C = "v2c"
    V3 = "v3"


@dataclass(frozen=True)
class Engine:
    """The public data of a v3 agent (RFC 3414 clause 4): its name, its starts, and seconds since the last."""

    name: bytes = b""
    boots: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class SnmpAnswer:
    """An answer. `value` is what was read, None where nothing was; `report` is the counter of a v3 report."""

    version: Version
    number: int
    error: int = 0
    value: bytes | None = None
    report: str = ""
    engine: Engine | None = None


def request(version: Version, number: int, community: str, name: str = SYS_DESCR, *, following: bool = False) -> bytes:
    """Return a GET of v1 or v2c; `following` makes it a GETNEXT. `number` comes back in the answer."""
    return element(
        SEQUENCE,
        integer(_NUMBERS[version]),
        element(OCTETS, community.encode("latin-1")),
        _asking(number, name, following),
    )


def request_v3(number: int, engine: Engine, user: str, name: str = SYS_DESCR, *, following: bool = False) -> bytes:
    """Return a GET of v3 by a user without authentication and privacy."""
    return _message_v3(number, engine, user, _asking(number, name, following))


def discovery(number: int) -> bytes:
    """Return the message that asks a v3 agent for its engine (RFC 3414 clause 4)."""
    nothing = element(_GET, integer(number), integer(0), integer(0), element(SEQUENCE))
    return _message_v3(number, Engine(), "", nothing)


def _asking(number: int, name: str, following: bool) -> bytes:
    binding = element(SEQUENCE, object_identifier(name), element(NULL))
    tag = _GET_NEXT if following else _GET
    return element(tag, integer(number), integer(0), integer(0), element(SEQUENCE, binding))


def _message_v3(number: int, engine: Engine, user: str, asking: bytes) -> bytes:
    header = element(SEQUENCE, integer(number), integer(_SIZE), element(OCTETS, _REPORTABLE), integer(_USER_BASED))
    security = element(
        SEQUENCE,
        element(OCTETS, engine.name),
        integer(engine.boots),
        integer(engine.seconds),
        element(OCTETS, user.encode("latin-1")),
        element(OCTETS),
        element(OCTETS),
    )
    scoped = element(SEQUENCE, element(OCTETS, engine.name), element(OCTETS), asking)
    return element(SEQUENCE, integer(_NUMBERS["v3"]), header, element(OCTETS, security), scoped)


def parse(data: bytes) -> SnmpAnswer | None:
    """Parse an answer. None if the datagram is not one: a request that was sent back, or not SNMP at all."""
    try:
        parts = list(elements(content_of(data, SEQUENCE)))
        number = number_of(*parts[0])
        if number == _NUMBERS["v3"]:
            return _parse_v3(parts)
        version = Version.V1 if number == _NUMBERS["v1"] else Version.V2C
        tag, pdu = parts[2]
        return _parse_pdu(version, tag, pdu) if number in (0, 1) else None
    except (BerError, IndexError, ValueError):
        return None


def _parse_v3(parts: list[tuple[int, bytes]]) -> SnmpAnswer | None:
    number = number_of(*next(elements(parts[1][1])))
    security = list(elements(content_of(parts[2][1], SEQUENCE)))
    engine = Engine(security[0][1][:32], number_of(*security[1]), number_of(*security[2]))
    if parts[3][0] != SEQUENCE:  # encrypted: not for us
        return None
    tag, pdu = list(elements(parts[3][1]))[2]
    answer = _parse_pdu(Version.V3, tag, pdu)
    if answer is None or min(engine.boots, engine.seconds) < 0:
        return None
    return SnmpAnswer(Version.V3, number, answer.error, answer.value, answer.report, engine)


def _parse_pdu(version: Version, tag: int, pdu: bytes) -> SnmpAnswer | None:
    if tag not in (_RESPONSE, _REPORT):
        return None
    fields = list(elements(pdu))
    number, error = number_of(*fields[0]), number_of(*fields[1])
    bindings = list(elements(fields[3][1]))
    name, value = list(elements(bindings[0][1])) if bindings else ((OBJECT, b""), (NULL, b""))
    if tag == _REPORT:
        return SnmpAnswer(version, number, error, report=_report(name[1]))
    has_value = error == 0 and value[0] not in _NO_VALUE
    shown = str(number_of(*value)).encode() if value[0] == INTEGER else value[1]
    return SnmpAnswer(version, number, error, shown if has_value else None)


def _report(name: bytes) -> str:
    """Name the counter of a report; usmStats of RFC 3414 by their names."""
    counter = name.removeprefix(_STATISTICS)
    return _REPORTS.get(counter[0], "a report") if counter != name and counter else "a report"
