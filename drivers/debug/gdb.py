"""An open GDB port: does a stub or gdb server let anybody read the processor's memory, without any login.

The usual ports of the device are asked (gdbserver, QEMU, OpenOCD, J-Link), and the server that the bench names. The
packets are in `gdb_remote.py`.
"""

import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from drivers.debug.gdb_remote import GdbRemote
from drivers.network.questions import clear_services
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import CONNECT_SECONDS, Target, answer_of
from lab_config.bench import GdbBench
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

_PACKET = "a packet of GDB"
_AT_SERVER = Asked(door="the debug server of the bench", shape=_PACKET)

OCTETS = 16
"""What is read of memory."""
SERVER = "server"
"""The fact about the server that the bench names; the others are about `tcp/N` of the device."""
_SHOWN = 200
_ZEROS = (
    "all memory reads as zero, which is also OpenOCD's answer for memory that it cannot read: "
    "give it `gdb_report_data_abort enable`, or declare an address that is not zero"
)
_NO_PROCESS = "WXN"
"""How a reply to `?` begins if no process runs: it exited, was killed, or no thread is left."""
_AT_ONCE = 8
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_REGISTERS = re.compile(r"(?:[0-9a-fA-F]{2}|xx){4,}")


def gdb_ports() -> tuple[int, ...]:
    """Return the TCP ports on which stubs and gdb servers listen by custom."""
    return next(row.ports for row in clear_services() if row.service == "gdbserver")


@dataclass(frozen=True)
class ReadGdbMemory:
    """Ask for registers and memory on each port; a stub has no login, so what reads is open to anybody.

    `address` is where memory is read. SEEN is memory or registers that are not all zero, REFUSED an RST or the stub's
    own error for a process that it has. `gdbserver --multi` without one starts what anybody names, so its errors refuse
    nothing. Witness: the canary connected before and after; at the bench's server its answer, or attested wiring.
    """

    address: int
    target: Target | None
    canary: int | None
    server: GdbBench | None = None

    @property
    def name(self) -> str:
        """One processor a bench."""
        return "gdb_memory"

    def run(self, record: Recorder) -> Observation:
        """Ask everywhere; BenchError when this machine cannot send."""
        witnesses, facts = [], list[Fact]()
        if self.target is not None:
            canary = Canary(self.target, self.canary)
            asked = self._ask_ports(self.target, record)
            facts += [fact for fact, _ in asked]
            witnesses += [_mute(fact) for fact, doubtful in asked if doubtful and fact.answer is Answer.SILENT]
            witnesses.append(canary.witness())
        if self.server is not None:
            fact, spoke = self._ask_server(self.server, record)
            facts.append(fact)
            witnesses.append(_server_witness(self.server, fact, spoke))
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        return Observation(
            question="Can memory be read through an open GDB port?", facts=tuple(facts), witness=all_of(witnesses)
        )

    def _ask_ports(self, target: Target, record: Recorder) -> list[tuple[Fact, bool]]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda port: self._ask_port(target, port, record), gdb_ports()))

    def _ask_port(self, target: Target, port: int, record: Recorder) -> tuple[Fact, bool]:
        """Probe one port. Also return whether its silence is in doubt."""
        about = f"tcp/{port}"
        try:
            return self._ask(about, lambda: target.connect(port), record)
        except NotForwardedError as error:
            return Fact(about=about, answer=Answer.SILENT, detail=error.words), True

    def _ask_server(self, server: GdbBench, record: Recorder) -> tuple[Fact, bool]:
        """Ask the bench's server. That nobody listens there is nothing that the device said."""
        fact, spoke = self._ask(
            SERVER, lambda: socket.create_connection((server.host, server.port), CONNECT_SECONDS), record
        )
        if spoke or fact.answer is Answer.SEEN:
            return fact, spoke
        return fact.model_copy(update={"answer": Answer.SILENT, "asked": _AT_SERVER}), False

    def _ask(self, about: str, connect: Callable[[], socket.socket], record: Recorder) -> tuple[Fact, bool]:
        """Request registers and memory from one stub. Also return whether a stub answered at all."""
        at = partial(asked_at, about, _PACKET)
        try:
            sock = connect()
        except OSError as error:
            answer = answer_of(error)
            detail = "connection refused" if answer is Answer.REFUSED else "no answer to connect()"
            return Fact(about=about, answer=answer, detail=detail, asked=at(connected=False)), False
        remote = GdbRemote(sock)
        with remote:
            if remote.ask("qSupported") is None and not remote.spoke:
                state = registers = memory = None
            else:
                state = remote.ask("?")
                registers, memory = remote.ask("g"), remote.ask(f"m{self.address:x},{OCTETS:x}")
        record.keep(f"{about.replace('/', '-')}.bin", bytes(remote.heard))
        if not remote.spoke:
            shown = printable(bytes(remote.heard), _SHOWN) or "nothing"
            words = f"the port is open, but no GDB stub answered: {shown}"
            return Fact(about=about, answer=Answer.SILENT, detail=words, asked=at(connected=True)), False
        record.note(
            f"{about}: {'detached, the target continues to run' if remote.detached else 'the detach was not answered'}"
        )
        return self._fact(about, state, registers, memory), True

    def _fact(self, about: str, state: str | None, registers: str | None, memory: str | None) -> Fact:
        parts = []
        if memory and _HEX.fullmatch(memory) and len(memory) <= 2 * OCTETS:
            parts.append((memory, f"memory at {self.address:#x} reads {memory}"))
        if registers and _REGISTERS.fullmatch(registers) and registers.strip("x"):
            parts.append((registers, f"registers read {registers[:64]}"))
        if shown := [words for value, words in parts if value.strip("0x")]:
            return Fact(about=about, answer=Answer.SEEN, detail="; ".join(shown))
        if parts:
            return Fact(about=about, answer=Answer.SILENT, detail=_ZEROS)
        if memory is None:
            return Fact(about=about, answer=Answer.SILENT, detail="a GDB stub answered, but not to `m`")
        if state and state[0] in _NO_PROCESS:
            words = f"a GDB server without a process (? -> {_words(state)}): vRun and vAttach were not tried"
            return Fact(about=about, answer=Answer.SILENT, detail=words)
        words = f"a GDB stub refuses to read: g -> {_words(registers)}, m -> {_words(memory)}"
        return Fact(about=about, answer=Answer.REFUSED, detail=words)


def _server_witness(server: GdbBench, fact: Fact, spoke: bool) -> Witness:
    if spoke and fact.answer is Answer.SILENT:
        return _mute(fact)
    if spoke:
        return Witness(what=f"the stub at {server.server} answered", holds=True, asked=_AT_SERVER)
    if server.attested_wiring is not None:
        return Witness(what=f"wiring attested: {server.attested_wiring}", holds=True, asked=_AT_SERVER)
    return condition(f"no stub answered at {server.server} ({fact.detail}), and no wiring is attested", holds=False)


def _mute(fact: Fact) -> Witness:
    return condition(f"{fact.about}: {fact.detail}", holds=False)


def _words(reply: str | None) -> str:
    if reply is None:
        return "nothing"
    return printable(reply, _SHOWN) or "not supported"
