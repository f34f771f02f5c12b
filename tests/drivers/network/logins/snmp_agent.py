"""An SNMP agent for the tests: communities, users of v3 without a password, and an engine, as far as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.network.logins.ber import (
    INTEGER,
    OCTETS,
    SEQUENCE,
    content_of,
    element,
    elements,
    integer,
    object_identifier,
)

ENGINE = b"\x80\0\x1f\x88engine"
STATISTICS = "1.3.6.1.6.3.15.1.1"


@dataclass
class Agent:
    """Answers datagrams; `value` is an element, or None for noSuchName."""

    communities: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None
    """None: an agent without v3."""
    value: bytes | None = field(default_factory=lambda: element(OCTETS, b"Acme 1"))
    hides_description: bool = False
    discoveries: int = 1_000
    """How many times the engine is told."""
    lost: int = 0
    """How many questions for the engine get no answer before."""
    asked: list[str] = field(default_factory=list)

    def __call__(self, data: bytes, reply: Callable[[bytes], object]) -> None:
        parts = list(elements(content_of(data, SEQUENCE)))
        if parts[0][1] == b"\3":
            answer = self._v3(parts)
        else:
            community = parts[1][1].decode()
            self.asked.append(community)
            same = [element(INTEGER, parts[0][1]), element(OCTETS, parts[1][1])]
            answer = [*same, self._read(*parts[2])] if community in self.communities else None
        if answer:
            reply(element(SEQUENCE, *answer))

    def _v3(self, parts: list[tuple[int, bytes]]) -> list[bytes] | None:
        if self.users is None:
            return None
        security = list(elements(content_of(parts[2][1], SEQUENCE)))
        tag, pdu = list(elements(parts[3][1]))[2]
        user = security[3][1].decode()
        if not security[0][1]:
            self.lost -= 1
            if self.lost >= 0:
                return None
            self.discoveries -= 1
            if self.discoveries < 0:
                return None
            response = self._report(4)
        else:
            self.asked.append(user)
            response = self._read(tag, pdu) if user in self.users else self._report(3)
        told = element(
            SEQUENCE,
            element(OCTETS, ENGINE),
            integer(3),
            integer(200),
            element(OCTETS, security[3][1]),
            element(OCTETS),
            element(OCTETS),
        )
        scoped = element(SEQUENCE, element(OCTETS, ENGINE), element(OCTETS), response)
        return [integer(3), element(SEQUENCE, parts[1][1]), element(OCTETS, told), scoped]

    def _report(self, counter: int) -> bytes:
        binding = element(SEQUENCE, object_identifier(f"{STATISTICS}.{counter}.0"), element(0x41, b"\5"))
        return element(0xA8, integer(0), integer(0), integer(0), element(SEQUENCE, binding))

    def _read(self, tag: int, pdu: bytes) -> bytes:
        number, _, _, bindings = list(elements(pdu))
        name = next(elements(next(elements(bindings[1]))[1]))
        value = None if self.hides_description and tag == 0xA0 else self.value
        binding = element(SEQUENCE, element(name[0], name[1]), value or element(5))
        error = integer(0) if value else integer(2)
        return element(0xA2, element(INTEGER, number[1]), error, integer(0), element(SEQUENCE, binding))
