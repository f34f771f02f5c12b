"""What is said to a port to make a protocol speak, and how its answer is known: rows of the tables in `drivers/data/`.

Holds no socket; the probes in `udp.py` and `services.py` do the asking.
"""

import re
import uuid
from functools import cached_property

from pydantic import model_validator

from drivers.data import table
from drivers.probe import Frozen


class Question(Frozen):
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

    @model_validator(mode="after")
    def _one_payload(self) -> "Question":
        if self.text is not None and self.hex is not None:
            raise ValueError(f"{self.service}: give text or hex, not both")
        bytes.fromhex(self.hex or "")
        re.compile(self.answer)
        re.compile(self.unfinished or "")
        return self

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


def udp_questions() -> tuple[Question, ...]:
    """Return the rows of `udp_payloads.yaml`: a service may have more than one."""
    return tuple(Question.model_validate(row) for row in table("udp_payloads"))


def clear_services() -> tuple[Question, ...]:
    """Return the rows of `clear_services.yaml`: services that carry everything, passwords too, in clear."""
    return tuple(Question.model_validate(row) for row in table("clear_services"))


def declared_services() -> tuple[Question, ...]:
    """Return the rows of `declared_services.yaml`: the protocols that a declaration names, over TCP or inside TLS."""
    return tuple(Question.model_validate(row) for row in table("declared_services"))
