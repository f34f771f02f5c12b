"""Modbus servers on the device: what anonymous clients can read and write (MODBUS/TCP, MODBUS/TCP Security).

The protocol has no login: over plain TCP every client is served, and inside TLS a client certificate decides.
Nothing is written but a value that was read from a point whose declaration says that this changes nothing.
"""

from dataclasses import dataclass

from drivers.network.iot.modbus_client import ModbusSession, NoModbusError, connected
from drivers.network.iot.modbus_message import (
    READS,
    WRITABLE,
    ModbusReply,
    ModbusReplyKind,
    identify,
    identity,
    read,
    write,
    write_nothing,
)
from drivers.network.peer_certificate import ClientCertificate
from drivers.network.sweep.canary import CONNECTION, Canary
from drivers.network.target import Target
from lab_config.component import Service, Transport
from lab_config.interfaces import ModbusPoint
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

USUAL_UNITS = (255, 1)
"""Units that are asked where none is declared: the server itself (Messaging clause 4.4.2.3), and the first one."""
USUAL_ADDRESSES = (0, 1, 100, 1_000, 4_096, 40_000)
_SHOWN = 200
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _NO_UNIT = 1, 2, 3, (10, 11)


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
    which: str = ""
    """Says which ports these are, where there is more than one such question to a target."""

    @property
    def name(self) -> str:
        """One observation for each set of ports of a target."""
        family = "modbus6_anonymous" if ":" in self.target.address else "modbus_anonymous"
        return f"{family}.{self.which}" if self.which else family

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
            return condition(what, holds=False)
        point = next((one for one in port.points if not one.public), next(iter(port.points), None))
        pdu = read(point.table, point.address, point.count) if point else identify()
        try:
            with connected(self.target, port.port, own, tls=port.tls) as client:
                reply = client.ask(port.units[0], pdu)
        except NoModbusError as error:
            return condition(f"{port.service} did not answer Modbus {when}: {error.detail}", holds=False)
        record.note(f"control {when}: {port.service} -> {reply.words}")
        holds = reply.kind is ModbusReplyKind.DATA or (reply.kind is ModbusReplyKind.EXCEPTION and not port.tls)
        what = f"{port.service} answered the control {when} with {reply.words}"
        return Witness(what=what, holds=holds, asked=_asked_of(port))

    def _ask(self, port: ModbusPort) -> tuple[list[Fact], dict[str, str]]:
        """Probe all of one port. Also return the reasons that leave facts open."""
        try:
            with ModbusSession(self.target, port.port, port.tls) as session:
                facts, doubts = self._all(session, port)
        except NoModbusError as error:
            facts = _all_of(port, error.answer, error.detail, None if error.connected else CONNECTION)
            # Of a declared service, the control does connect. Without TLS it is as anonymous as these requests.
            contradicts = port.service is not None and not (port.tls and error.connected)
            return facts, {fact.about: fact.detail for fact in facts} if contradicts else {}
        if port.tls and not session.is_answered:  # not even the request that the peer gets an answer to
            return _all_of(port, Answer.SILENT if session.is_timed_out else Answer.REFUSED, facts[0].detail), {}
        return facts, doubts

    def _all(self, session: ModbusSession, port: ModbusPort) -> tuple[list[Fact], dict[str, str]]:
        fact, is_open = _whatever(session, port)
        facts = [fact]
        doubts = {fact.about: fact.detail} if is_open else {}
        for point in port.points:
            if not point.public:
                session.renew()  # an unusual request before it may have disturbed the connection
                found, why = self._point(session, port, point)
                facts += found
                doubts |= why
        if fact.answer is Answer.SEEN and (served := _writes(session, port)):
            facts[0] = fact.model_copy(update={"detail": f"{fact.detail}; {served}"})
        return facts, doubts

    def _point(self, session: ModbusSession, port: ModbusPort, point: ModbusPoint) -> tuple[list[Fact], dict[str, str]]:
        unit = port.units[0]
        got = session.ask(unit, read(point.table, point.address, point.count))
        asked = _asked_of(port)
        facts = [Fact(about=port.reading(point), answer=_answer(got), detail=got.words, asked=asked)]
        doubts = {port.reading(point): got.words} if _is_open(port, got) else {}
        if not point.rewrite:
            return facts, doubts
        about = port.writing(point)
        if self.may_write and got.kind is ModbusReplyKind.DATA:
            done = session.ask(unit, write(point.table, point.address, point.count, got.data))
            facts.append(Fact(about=about, answer=_answer(done), detail=f"written back: {done.words}", asked=asked))
            return facts, doubts | ({about: facts[-1].detail} if _is_open(port, done) else {})
        is_read = got.kind is ModbusReplyKind.DATA
        why = "the bench does not allow configure" if is_read else f"it could not be read: {got.words}"
        facts.append(Fact(about=about, answer=Answer.SILENT, detail=f"not written: {why}", asked=asked))
        return facts, doubts | {about: facts[-1].detail}


def _all_of(port: ModbusPort, answer: Answer, detail: str, asked: Asked | None = None) -> list[Fact]:
    closed = [point for point in port.points if not point.public]
    names = [port.about, *map(port.reading, closed), *(port.writing(point) for point in closed if point.rewrite)]
    return [Fact(about=name, answer=answer, detail=detail, asked=asked or _asked_of(port)) for name in names]


def _asked_of(port: ModbusPort) -> Asked:
    """Return the question that each request to this port is."""
    return Asked(door=port.about, shape="a Modbus request")


def _answer(reply: ModbusReply) -> Answer:
    """Say what a reply means: what is neither data nor the refusal of the function leaves the question open."""
    if reply.kind is ModbusReplyKind.DATA:
        return Answer.SEEN
    return Answer.REFUSED if reply.code == _ILLEGAL_FUNCTION or reply.is_reset else Answer.SILENT


def _is_open(port: ModbusPort, reply: ModbusReply) -> bool:
    """Whether a reply leaves open what an anonymous client may do.

    On a declared port without TLS, an RST does: the control is anonymous as well, and it gets an answer.
    """
    contradicts = reply.is_reset and port.service is not None and not port.tls
    return contradicts or _answer(reply) is Answer.SILENT


def _whatever(session: ModbusSession, port: ModbusPort) -> tuple[Fact, bool]:
    """Read what can be read of a port but for what is public, up to the first value; and whether that stays open."""
    said: list[str] = []
    refused, is_open = True, False
    for unit in port.units:
        name = session.ask(unit, identify())
        if name.code in _NO_UNIT:
            said.append(f"unit {unit}: {name.words}")
            refused, is_open = False, True
            continue
        told = (
            f"; it identifies itself as {printable(identity(name), _SHOWN)}"
            if name.kind is ModbusReplyKind.DATA
            else ""
        )
        replies = {}
        for table in READS:
            address, reply = _first(session, unit, table, port.points)
            if reply.kind is ModbusReplyKind.DATA:
                detail = f"unit {unit}: {table} {address} reads {reply.words}{told}"
                return Fact(about=port.about, answer=Answer.SEEN, detail=detail), False
            replies[table] = reply
            refused &= _answer(reply) is Answer.REFUSED
            is_open |= _is_open(port, reply)
        said += _said(unit, name, replies, told)
    detail = f"nothing can be read: {', '.join(said)}"
    answer = Answer.REFUSED if refused else Answer.SILENT
    return Fact(about=port.about, answer=answer, detail=detail, asked=_asked_of(port)), is_open


def _said(unit: int, name: ModbusReply, replies: dict[str, ModbusReply], told: str) -> list[str]:
    """Word the replies of a unit, in one piece if it has answered nothing."""
    if len({reply.words for reply in (name, *replies.values())}) == 1 and name.kind is ModbusReplyKind.NOTHING:
        return [f"unit {unit}: {name.words}"]
    return [f"unit {unit}, {table}: {reply.words}{told}" for table, reply in replies.items()]


def _writes(session: ModbusSession, port: ModbusPort) -> str:
    """Name the tables that everybody can write, by a request that writes nothing. Empty if none is known."""
    for unit in port.units:
        served = []
        for table in WRITABLE:
            reply = session.ask(unit, write_nothing(table))
            if reply.kind is ModbusReplyKind.NOTHING:
                break
            if reply.kind is ModbusReplyKind.DATA or reply.code in (_ILLEGAL_ADDRESS, _ILLEGAL_VALUE):
                served.append(table)
        if served:
            return f"requests to write {' and '.join(served)} are served (tested with a request that writes nothing)"
    return ""


def _first(session: ModbusSession, unit: int, table: str, points: tuple[ModbusPoint, ...]) -> tuple[int, ModbusReply]:
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
            reply = session.ask(unit, read(table, address))
            if reply.code != _ILLEGAL_ADDRESS:
                return address, reply
    return 0, reply
