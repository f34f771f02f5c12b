"""What is said to a port to make a protocol speak, and how its answer is known: rows of the tables in `drivers/data/`.

Holds no socket; the probes in `udp.py` and `services.py` do the asking.
"""

import re
import uuid
from functools import cache, cached_property
from typing import Protocol as Structure
from typing import get_args

from pydantic import model_validator

from drivers.data import table
from lab_config.component import Protocol
from trustprobe.probe import Frozen


class MulticastGroup(Frozen):
    """The addresses at which the services of one protocol are found together."""

    ipv4: str
    ipv6: str = ""
    leisure: float
    """Seconds within which a service sends its answer to the group's question. Each waits a random time (RFC 7252)."""
    is_coap: bool = False
    """Whether a question to the group must be non-confirmable (RFC 7252 clause 8.1)."""

    def address(self, host: str) -> str:
        """Return the group's address in the family of a device's address."""
        return self.ipv6 if ":" in host else self.ipv4

    def form(self, data: bytes) -> bytes:
        """Return a question in the form that is sent to the group."""
        return bytes([data[0] & 0xCF | 0x10]) + data[1:] if self.is_coap and data else data


class ServiceQuestion(Frozen):
    """One row: a service, the ports it lives on, what is sent there, and where that is from."""

    service: str
    ports: tuple[int, ...]
    origin: str
    """The RFC or specification that the payload and the answer follow."""
    text: str | None = None
    """The payload as text; `{uuid}` becomes a fresh UUID each time, `{host}` the address of the device."""
    hex: str | None = None
    """The payload in hexadecimal digits; white space is ignored."""
    pad: int = 0
    """The payload is filled with zero bytes up to this length."""
    answer: str = ""
    """Regular expression on the answer's bytes as Latin-1, which only this protocol's answers match."""

    unfinished: str | None = None
    """Regular expression on bytes that may yet become an answer when more of them come."""

    clear: str = ""
    """Its row of `services.forbidden`: it carries everything in clear, passwords too, or lets anybody in."""

    multicast: MulticastGroup | None = None
    """Where the service is found if it does not answer at the device's own address."""

    # What follows is for services over TCP, whose protocol is found by asking one question after the other.
    after: str = ""
    """Regular expression on a greeting: the payload is for servers that greet so, and is sent after it."""
    over: str = ""
    """The service that this one is found on: asked only where that has spoken."""
    inside_tls: bool = False
    """Whether it is worth probing inside TLS. A server that sends first is heard there anyway."""
    anywhere: bool = True
    """False where the answer tells little: then it is asked on its own ports, and where it is declared, alone."""
    in_any_answer: bool = False
    """Whether it is known by what it says to other questions as well."""
    doubt: str = ""
    """Regular expression on an answer that a server of TLS may give as well: TLS is asked before it is believed."""
    fragile: bool = False
    """Whether those who speak it may take harm from other questions: on its ports little else is asked."""
    open_to_all: str = ""
    """Regular expression on an answer that shows that no login is needed."""
    tells: str = ""
    """Regular expression on the answer, whose groups are what the service tells of its software: `version 1.2`."""
    has_headers: bool = False
    """Whether the answer has headers, whose names may say that they hold a version."""

    @model_validator(mode="after")
    def _one_payload(self) -> "ServiceQuestion":
        if self.text is not None and self.hex is not None:
            raise ValueError(f"{self.service}: give text or hex, not both")
        bytes.fromhex(self.hex or "")
        for pattern in (self.answer, self.unfinished, self.after, self.doubt, self.open_to_all, self.tells):
            re.compile(pattern or "")
        return self

    @property
    def speaks_first(self) -> bool:
        """Whether the service says something unasked."""
        return self.text is None and self.hex is None

    def payload(self, host: str = "") -> bytes:
        """Return what to send; empty where the service speaks first."""
        if self.text is not None:
            text = self.text.replace("{uuid}", str(uuid.uuid4())).replace("{host}", host)
            return text.encode("latin-1").ljust(self.pad, b"\0")
        return bytes.fromhex(self.hex or "").ljust(self.pad, b"\0")

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(self.answer.encode("latin-1"), re.DOTALL)

    def is_answered_by(self, data: bytes) -> bool:
        """Whether these bytes are an answer of this protocol."""
        return bool(data) and self._pattern.search(data) is not None

    def may_become_answered(self, data: bytes) -> bool:
        """Whether these bytes are nothing yet, or the beginning of an answer."""
        return not data or (
            self.unfinished is not None and re.search(self.unfinished.encode("latin-1"), data, re.DOTALL) is not None
        )


class SpokenService(Structure):
    """A port and the name of the rows in which it is asked: a declared service, or one that was found."""

    @property
    def port(self) -> int:
        """Its number on the device."""

    @property
    def protocol(self) -> str:
        """The name of its rows."""

    @property
    def tls(self) -> bool:
        """Whether it speaks inside TLS, or DTLS."""


@cache
def udp_questions() -> tuple[ServiceQuestion, ...]:
    """Return the rows of `udp_payloads.yaml`: a service may have more than one."""
    return tuple(ServiceQuestion.model_validate(row) for row in table("udp_payloads"))


@cache
def tcp_questions() -> tuple[ServiceQuestion, ...]:
    """Return the rows of `tcp_services.yaml`, in the order in which an unknown port is asked."""
    return tuple(ServiceQuestion.model_validate(row) for row in table("tcp_services"))


@cache
def version_questions() -> tuple[ServiceQuestion, ...]:
    """Return the rows of `tcp_versions.yaml`: what a service that is known is asked for its version."""
    return tuple(ServiceQuestion.model_validate(row) for row in table("tcp_versions"))


def base_of(service: str) -> str:
    """Return the service over TCP that a service is found on: `http` for `websocket`. Most are found on no other."""
    over = next((row.over for row in tcp_questions() if row.service == service and row.over), "")
    return base_of(over) if over else service


def clear_services() -> tuple[ServiceQuestion, ...]:
    """Return one row for each service that nobody may leave open, under its name in `services.forbidden`."""
    rows = {row.clear: row for row in reversed(tcp_questions()) if row.clear}
    return tuple(row.model_copy(update={"service": name}) for name, row in reversed(rows.items()))


def clear_datagrams() -> tuple[str, ...]:
    """Return the names in `services.forbidden` of what is asked over UDP."""
    return tuple(dict.fromkeys(row.clear for row in udp_questions() if row.clear))


def declared_services() -> tuple[ServiceQuestion, ...]:
    """Return the rows of the protocols that a declaration names, over TCP or inside TLS; a service may have several."""
    return tuple(row for row in tcp_questions() if row.service in _NAMES)


_NAMES = frozenset(get_args(Protocol))
