"""Modbus servers on the device: what anonymous clients can read and write (MODBUS/TCP, MODBUS/TCP Security).

The protocol has no login: over plain TCP every client is served, and inside TLS a client certificate decides.
Nothing is written but a value that was read from a point whose declaration says that this changes nothing.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.network.bounded import ends_after
from drivers.network.iot.modbus_message import (
    HEADER,
    READS,
    ModbusReply,
    ModbusReplyKind,
    identify,
    identity,
    read,
    reply_to,
    request,
    size_of,
    write,
)
from drivers.network.lenient_tls import lenient_context
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.sweep.canary import Canary
from drivers.network.target import Target, answer_of
from lab_config.component import Service, Transport
from lab_config.interfaces import ModbusPoint
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, printable

SECONDS = 2.0
"""How long one answer may take; small devices poll a serial line for it."""
USUAL_UNITS = (255, 1)
"""Units that are asked where none is declared: the server itself (Messaging clause 4.4.2.3), and the first one."""
USUAL_ADDRESSES = (0, 1, 100, 1_000, 4_096, 40_000)
PORT_SECONDS = 15.0
"""How long one connection is held at most."""
_MESSAGES = 8
"""Messages that are read while the answer to a request is waited for."""
_SHOWN = 200
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _NO_UNIT = 1, 2, (10, 11)


@dataclass(frozen=True)
class ModbusPort:
    """A TCP port on which Modbus is declared, or lives by custom; with `tls`, inside TLS."""

    port: int
    tls: bool
    service: str | None = None
    """The id of the declared service."""
    units: tuple[int, ...] = USUAL_UNITS
    points: tuple[ModbusPoint, ...] = ()

    @property
    def about(self) -> str:
        """The name of this port in observations: `tcp/502`."""
        return f"tcp/{self.port}"

    def reading(self, point: ModbusPoint) -> str:
        """Return the name of the question whether a point can be read."""
        return f"{self.service} read {point.table} {point.address}"

    def writing(self, point: ModbusPoint) -> str:
        """Return the name of the question whether a point can be written."""
        return f"{self.service} write {point.table} {point.address}"


USUAL_PORTS = (ModbusPort(502, tls=False), ModbusPort(802, tls=True))
"""The ports of IANA's registry: mbap and mbap-s."""


def modbus_ports(
    services: tuple[Service, ...], points: dict[str, tuple[int, tuple[ModbusPoint, ...]]]
) -> tuple[ModbusPort, ...]:
    """Return the declared ports, with unit and points by the service's id, and the usual ones."""
    declared = []
    for one in services:
        if one.protocol == "modbus" and one.transport is Transport.TCP:
            unit, own = points.get(one.id, (None, ()))
            units = USUAL_UNITS if unit is None else (unit,)
            declared.append(ModbusPort(one.port, one.tls, one.id, units, own))
    known = {port.port for port in declared}
    return (*declared, *(port for port in USUAL_PORTS if port.port not in known))


class NoModbusError(Exception):
    """No Modbus came about: REFUSED for an RST or a TLS alert, SILENT for all that proves nothing."""

    def __init__(self, answer: Answer, detail: str) -> None:
        super().__init__(detail)
        self.answer, self.detail = answer, printable(detail, _SHOWN)


@dataclass
class ModbusClient:
    """One connection to a Modbus server."""

    sock: socket.socket
    _number: int = field(default=0x7470, init=False)

    def ask(self, unit: int, pdu: bytes) -> ModbusReply:
        """Send a request and return its answer; NoModbusError where none comes."""
        self._number = (self._number + 1) & 0xFFFF
        deadline = time.monotonic() + SECONDS
        try:
            self.sock.settimeout(SECONDS)
            self.sock.sendall(request(self._number, unit, pdu))
            for _ in range(_MESSAGES):
                reply = reply_to(self._number, unit, pdu, self._message(deadline))
                if reply is not None:
                    return reply
        except OSError as error:
            raise _no_modbus(error) from error
        raise NoModbusError(Answer.SILENT, "answers arrive, but none to the request")

    def _message(self, deadline: float) -> bytes:
        head = self._take(HEADER, deadline)
        size = size_of(head)
        if size is None:
            raise NoModbusError(Answer.SILENT, f"something other than Modbus answers: {printable(head)}")
        return head + self._take(size - HEADER, deadline)

    def _take(self, size: int, deadline: float) -> bytes:
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("time was up")
            self.sock.settimeout(left)
            more = self.sock.recv(size - len(data))
            if not more:
                raise NoModbusError(
                    Answer.SILENT, f"the device closed the connection {'within' if data else 'without'} an answer"
                )
            data += more
        return data


def _no_modbus(error: OSError) -> NoModbusError:
    if isinstance(error, ssl.SSLError):
        alert = "ALERT" in (error.reason or "")
        return NoModbusError(Answer.REFUSED if alert else Answer.SILENT, f"TLS: {error.reason or error}")
    if isinstance(error, TimeoutError):
        return NoModbusError(Answer.SILENT, f"no answer within {SECONDS:g} s")
    return NoModbusError(answer_of(error), f"{type(error).__name__}: {error}")


@contextmanager
def connected(target: Target, port: ModbusPort, own: ClientCertificate | None = None) -> Iterator[ModbusClient]:
    """Connect, with a client certificate where there is one; NoModbusError where no connection comes about."""
    try:
        plain = target.connect(port.port, SECONDS)
    except OSError as error:
        answer = answer_of(error)
        word = "connection refused" if answer is Answer.REFUSED else "no answer to connect()"
        raise NoModbusError(answer, word) from error
    with plain, ends_after(plain, PORT_SECONDS):
        if not port.tls:
            yield ModbusClient(plain)
            return
        context = lenient_context()
        if own is not None:
            own.load(context)
        try:
            stream = context.wrap_socket(plain)
        except OSError as error:
            raise _no_modbus(error) from error
        with stream:
            yield ModbusClient(stream)


@dataclass(frozen=True)
class AskModbus:
    """Read from each Modbus port without a client certificate: `tcp/N`, and each declared point of it.

    SEEN is a value that came, or a write that was taken; REFUSED the exception "illegal function", a TLS alert or an
    RST. A unit that is not there and an address that does not exist refuse nothing: they leave the question open.
    Witness: the canary connected before and after; a declared service answered Modbus before and after, with the
    paired peer's certificate where it is inside TLS.
    """

    target: Target
    ports: tuple[ModbusPort, ...]
    canary: int | None
    peers: tuple[tuple[str, ClientCertificate], ...] = ()
    """By the service's id."""
    may_write: bool = False

    @property
    def name(self) -> str:
        """One observation a target."""
        return "modbus_anonymous"

    def run(self, record: Recorder) -> Observation:
        """Ask each port; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        facts: list[Fact] = []
        witnesses: list[Witness] = []
        left_open: dict[str, str] = {}
        for port in self.ports:
            try:
                if port.service is not None:
                    witnesses.append(self._control(port, "before", record))
                found, doubts = self._ask(port)
                if port.service is not None:
                    witnesses.append(self._control(port, "after", record))
            except NotForwardedError as error:
                found = _all_of(port, Answer.SILENT, error.words)
                doubts = {fact.about: fact.detail for fact in found}
            facts += found
            left_open |= doubts
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        witnesses.append(canary.witness())
        question = f"What can anonymous clients read and write on {len(self.ports)} Modbus ports?"
        return Observation(question=question, facts=tuple(facts), witness=all_of(witnesses), left_open=left_open)

    def _control(self, port: ModbusPort, when: str, record: Recorder) -> Witness:
        """Ask a declared service for its identity, or a declared point, as the paired peer."""
        own = dict(self.peers).get(port.service or "")
        if port.tls and own is None:
            what = (
                f"the bench file has no peers.{port.service}, the certificate that serves as control: add it to `peers`"
            )
            return Witness(what=what, holds=False)
        pdu = read(port.points[0].table, port.points[0].address, port.points[0].count) if port.points else identify()
        try:
            with connected(self.target, port, own) as client:
                reply = client.ask(port.units[0], pdu)
        except NoModbusError as error:
            return Witness(what=f"{port.service} did not answer Modbus {when}: {error.detail}", holds=False)
        record.note(f"control {when}: {port.service} -> {reply.words}")
        holds = reply.kind is ModbusReplyKind.DATA or (reply.kind is ModbusReplyKind.EXCEPTION and not port.tls)
        return Witness(what=f"{port.service} answered the control {when} with {reply.words}", holds=holds)

    def _ask(self, port: ModbusPort) -> tuple[list[Fact], dict[str, str]]:
        """Probe all of one port. Also return the reasons that leave facts open."""
        facts: list[Fact] = []
        doubts: dict[str, str] = {}
        try:
            with connected(self.target, port) as client:
                fact, is_open = _whatever(client, port)
                facts.append(fact)
                doubts |= {fact.about: fact.detail} if is_open else {}
                for point in port.points:
                    if not point.public:
                        found, why = self._point(client, port, point)
                        facts += found
                        doubts |= why
        except NoModbusError as error:
            told = {fact.about for fact in facts}
            facts += [fact for fact in _all_of(port, error.answer, error.detail) if fact.about not in told]
        return facts, doubts

    def _point(self, client: ModbusClient, port: ModbusPort, point: ModbusPoint) -> tuple[list[Fact], dict[str, str]]:
        unit = port.units[0]
        got = client.ask(unit, read(point.table, point.address, point.count))
        facts = [Fact(about=port.reading(point), answer=_answer(got), detail=got.words)]
        if point.rewrite:
            about = port.writing(point)
            if not self.may_write or got.kind is not ModbusReplyKind.DATA:
                why = (
                    "the bench does not allow configure"
                    if got.kind is ModbusReplyKind.DATA
                    else f"it could not be read: {got.words}"
                )
                answer = Answer.SILENT
                facts.append(Fact(about=about, answer=answer, detail=f"not written: {why}"))
            else:
                done = client.ask(unit, write(point.table, point.address, point.count, got.data))
                facts.append(Fact(about=about, answer=_answer(done), detail=f"written back: {done.words}"))
        return facts, {fact.about: fact.detail for fact in facts if fact.answer is Answer.SILENT}


def _all_of(port: ModbusPort, answer: Answer, detail: str) -> list[Fact]:
    closed = [point for point in port.points if not point.public]
    names = [port.about, *map(port.reading, closed), *(port.writing(point) for point in closed if point.rewrite)]
    return [Fact(about=name, answer=answer, detail=detail) for name in names]


def _answer(reply: ModbusReply) -> Answer:
    """Say what a reply means: what is neither data nor the refusal of the function leaves the question open."""
    if reply.kind is ModbusReplyKind.DATA:
        return Answer.SEEN
    return Answer.REFUSED if reply.code == _ILLEGAL_FUNCTION else Answer.SILENT


def _whatever(client: ModbusClient, port: ModbusPort) -> tuple[Fact, bool]:
    """Read what can be read of a port but for what is public, up to the first value; and whether that stays open."""
    said: list[str] = []
    refused, mute = True, None
    for unit in port.units:
        try:
            name = client.ask(unit, identify())
        except NoModbusError as error:
            mute, refused = error, False
            continue
        told = (
            f"; it identifies itself as {printable(identity(name), _SHOWN)}"
            if name.kind is ModbusReplyKind.DATA
            else ""
        )
        if name.code in _NO_UNIT:
            said.append(f"unit {unit}: {name.words}")
            refused = False
            continue
        for table in READS:
            address, reply = _first(client, unit, table, port.points)
            if reply.kind is ModbusReplyKind.DATA:
                detail = f"unit {unit}: {table} {address} reads {reply.words}{told}"
                return Fact(about=port.about, answer=Answer.SEEN, detail=detail), False
            said.append(f"unit {unit}, {table}: {reply.words}{told}")
            refused &= _answer(reply) is Answer.REFUSED
    if mute is not None and not said:
        raise mute
    detail = f"nothing can be read: {', '.join(said)}"
    fact = Fact(about=port.about, answer=Answer.REFUSED if refused else Answer.SILENT, detail=detail)
    return fact, not refused


def _first(client: ModbusClient, unit: int, table: str, points: tuple[ModbusPoint, ...]) -> tuple[int, ModbusReply]:
    """Read the usual addresses of a table that are not public, until one is there."""
    public = {
        address
        for point in points
        if point.public and point.table == table
        for address in range(point.address, point.address + point.count)
    }
    reply = ModbusReply(ModbusReplyKind.EXCEPTION, code=_ILLEGAL_ADDRESS)
    for address in USUAL_ADDRESSES:
        if address not in public:
            reply = client.ask(unit, read(table, address))
            if reply.code != _ILLEGAL_ADDRESS:
                return address, reply
    return 0, reply
