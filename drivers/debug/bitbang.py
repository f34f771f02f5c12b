"""JTAG straight over the remote_bitbang protocol, where OpenOCD is not installed: IDCODEs, and memory by ADIv5.

The protocol (OpenOCD, doc/manual/jtag/drivers/remote_bitbang.txt): `0` to `7` set TCK, TMS and TDI, `R` reads TDO.
TAPs are counted from TDO: the first bits shifted out are TAP 0's.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from drivers.debug.adapter import (
    ACCESS_PORTS,
    IDCODE_INSTRUCTION,
    WORDS,
    AccessPort,
    Chain,
    MemoryAnswer,
    Stuck,
    Tap,
    is_memory_port,
)
from trustprobe.errors import BenchError

SECONDS = 5.0
"""For one answer of the adapter."""
MAX_TAPS = 32
_MAX_IR_BITS = 512
_IDLE_CLOCKS = 8
_RETRIES = 100
_IDCODES = 8
"""How often an IDCODE is read before and after memory."""

_DPACC, _APACC = 0b1010, 0b1011
_OK_FAULT, _WAIT = 0b010, 0b001
_CTRL_STAT, _SELECT, _RDBUFF = 0x4, 0x8, 0xC
_CSW, _TAR, _DRW, _IDR = 0x00, 0x04, 0x0C, 0xFC
_STICKY_ERROR = 1 << 5
_POWER_UP = 1 << 30 | 1 << 28 | _STICKY_ERROR | 1 << 4 | 1 << 1
"""CSYSPWRUPREQ and CDBGPWRUPREQ, and a one to clear each sticky flag (ADIv5, B2.2.2)."""
_POWERED = 1 << 31 | 1 << 29
_CSW_WORD = 0x2300_0002
"""Privileged data access as a debugger, 32 bits (ADIv5, C2.6.4 and E1.5)."""
_CSW_KEPT = 0xFFFF_FFC8


class _NoAcknowledgeError(Exception):
    """No debug port answers at this TAP."""


class Pins:
    """A connection to a remote_bitbang server, as a context manager; between scans the TAPs idle."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self.log = bytearray()
        """What was answered, with a newline after each scan."""

    def __enter__(self) -> Self:
        """Connect, and reset the TAPs by five clocks with TMS high."""
        host, port = self._address
        try:
            self._socket = socket.create_connection(self._address, SECONDS)
        except OSError as error:
            raise BenchError(
                f"no remote_bitbang server answers at {host}:{port}: {error}.",
                "Start it, or correct `jtag.remote_bitbang` in the bench file.",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reset()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()

    def reset(self) -> None:
        """Bring every TAP to Test-Logic-Reset, where IDCODE is selected, and then to Run-Test/Idle."""
        self._exchange(_clocks(1, 1, 1, 1, 1, 0))

    def idle(self) -> None:
        """Give the debug port some clocks to work in."""
        self._exchange(_clocks(*[0] * _IDLE_CLOCKS))

    def scan_ir(self, bits: Sequence[int]) -> list[int]:
        """Shift bits through the instruction registers."""
        return self._scan((1, 1, 0, 0), bits)

    def scan_dr(self, bits: Sequence[int]) -> list[int]:
        """Shift bits through the data registers."""
        return self._scan((1, 0, 0), bits)

    def _scan(self, way: Sequence[int], bits: Sequence[int]) -> list[int]:
        last = len(bits) - 1
        shifts = b"".join(
            b"%dR%d" % (pins, 4 | pins) for pins in ((index == last) << 1 | bit for index, bit in enumerate(bits))
        )
        return [octet & 1 for octet in self._exchange(_clocks(*way) + shifts + _clocks(1, 0))]

    def _exchange(self, commands: bytes) -> bytes:
        """Send commands, and read one answer for each `R` among them."""
        wanted, answer = commands.count(b"R"), b""
        try:
            self._socket.sendall(commands)
            while len(answer) < wanted:
                data = self._socket.recv(wanted - len(answer))
                if not data:
                    raise ConnectionError("it closed the connection")
                answer += data
        except OSError as error:
            raise BenchError(
                f"the remote_bitbang server stopped answering: {error}.", "Restart it, and check the debug adapter."
            ) from error
        if answer.strip(b"01"):
            raise BenchError("the remote_bitbang server sends data that is not bits.", "Restart it.")
        if answer:
            self.log += answer + b"\n"
        return answer


def _clocks(*levels: int) -> bytes:
    """Clock TMS through these levels, and leave TCK low."""
    return b"".join(b"%d%d" % (level << 1, 4 | level << 1) for level in levels) + b"0"


def _bits(value: int, length: int) -> list[int]:
    return [value >> index & 1 for index in range(length)]


def _value(bits: Sequence[int]) -> int:
    return sum(bit << index for index, bit in enumerate(bits))


@dataclass(frozen=True)
class RemoteBitbang:
    """A remote_bitbang server."""

    host: str
    port: int

    @property
    def tool(self) -> str:
        """Ourselves."""
        return "remote_bitbang"

    def scan(self) -> tuple[Chain, bytes]:
        """Read the IDCODEs twice after a reset, and then how long the instruction registers are."""
        with Pins(self.host, self.port) as pins:
            ones = [1] * (32 * (MAX_TAPS + 1))
            first = pins.scan_dr(ones)
            pins.reset()
            if pins.scan_dr(ones) != first:
                return Chain((), Stuck.UNSTABLE), bytes(pins.log)
            if len(set(first)) == 1:
                return Chain((), Stuck.ONES if first[0] else Stuck.ZEROS), bytes(pins.log)
            idcodes = _idcodes(first)
            lengths = _ir_lengths(pins, len(idcodes))
            taps = tuple(Tap(*pair) for pair in zip(idcodes, lengths, strict=True))
            return Chain(taps, complaint=_complaint(first, idcodes)), bytes(pins.log)

    def read_memory(self, taps: Sequence[Tap], index: int, address: int) -> tuple[MemoryAnswer, bytes]:
        """Read through every MEM-AP of one TAP. The other TAPs are in BYPASS."""
        with Pins(self.host, self.port) as pins:
            port = _DebugPort(pins, [tap.ir_length or 0 for tap in taps], index)
            addressed = port.shows(taps[index].idcode)
            try:
                control = port.power_up()
                found = [port.access_port(number, address & ~3) for number in range(ACCESS_PORTS)]
            except _NoAcknowledgeError:
                return MemoryAnswer(None, addressed), bytes(pins.log)
            ports = tuple(one for one in found if one is not None)
            changed = addressed and not port.shows(taps[index].idcode)
            complaint = "the IDCODE changed during the read" if changed else ""
            return MemoryAnswer(control, addressed, ports, complaint), bytes(pins.log)


def _idcodes(bits: Sequence[int]) -> list[int]:
    """Take the chain apart: a TAP with IDCODE begins with a one, one in BYPASS is a single zero, then come our ones."""
    idcodes: list[int] = []
    start = 0
    while start + 32 <= len(bits) and len(idcodes) < MAX_TAPS:
        word = _value(bits[start : start + 32])
        if word == 0xFFFF_FFFF:
            break
        idcodes.append(word if word & 1 else 0)
        start += 32 if word & 1 else 1
    return idcodes


def _complaint(bits: Sequence[int], idcodes: Sequence[int]) -> str:
    """Return what speaks against a scan: only our ones come after the end of the chain."""
    end = sum(32 if idcode else 1 for idcode in idcodes)
    wrong = bits[end:].count(0)
    return f"{wrong} wrong bits came after the end of the chain" if wrong else ""


def _ir_lengths(pins: Pins, count: int) -> list[int | None]:
    """Learn IR lengths from the ...01 that every TAP captures (IEEE 1149.1, 7.1.1 d); None where that is ambiguous.

    What is captured comes out first; then our ones; then our zero, as many clocks late as the registers are long.
    """
    answer = pins.scan_ir([1] * _MAX_IR_BITS + [0] + [1] * _MAX_IR_BITS)
    if 0 not in answer[_MAX_IR_BITS:]:
        return [None] * count
    length = answer.index(0, _MAX_IR_BITS) - _MAX_IR_BITS
    starts = [index for index in range(length) if answer[index : index + 2] == [1, 0]]
    if len(starts) != count or starts[0] != 0:
        return [None] * count
    return [end - start for start, end in zip(starts, [*starts[1:], length], strict=True)]


class _DebugPort:
    """A JTAG-DP (ADIv5, B3): 35-bit scans, each of which brings the answer to the one before."""

    def __init__(self, pins: Pins, ir_lengths: Sequence[int], index: int) -> None:
        self._pins = pins
        self._lengths = ir_lengths
        self._index = index

    def shows(self, idcode: int) -> bool:
        """Whether the instruction for IDCODE shows this one each time: the IR lengths and the bits are right."""
        return all(self._select_and_scan(IDCODE_INSTRUCTION, [1] * 32) == idcode for _ in range(_IDCODES))

    def power_up(self) -> int:
        """Ask for power, clear the sticky flags, and return CTRL/STAT; power that is not acknowledged shows there."""
        self._write(_DPACC, _CTRL_STAT, _POWER_UP)
        for _ in range(_RETRIES):
            control = self._read(_DPACC, _CTRL_STAT)
            if control & _POWERED == _POWERED:
                break
        return control

    def access_port(self, number: int, address: int) -> AccessPort | None:
        """Read words through one access port; None where there is no MEM-AP."""
        idr = self._ap_read(number, _IDR)
        if idr is None or not is_memory_port(idr):
            return None
        csw = self._ap_read(number, _CSW)
        if csw is not None:
            self._ap_write(number, _CSW, csw & _CSW_KEPT | _CSW_WORD)
        words: list[int] = []
        for offset in range(0, 4 * WORDS, 4):
            self._ap_write(number, _TAR, address + offset)
            word = self._ap_read(number, _DRW)
            if word is None:
                break
            words.append(word)
        return AccessPort(number, idr, csw, tuple(words), fault=not words)

    def _ap_read(self, number: int, register: int) -> int | None:
        """Read a register of an access port; None when the debug port raised STICKYERR, which is cleared."""
        self._select(number, register)
        value = self._read(_APACC, register & 0xC)
        return None if self._faulted() else value

    def _ap_write(self, number: int, register: int, value: int) -> None:
        self._select(number, register)
        self._write(_APACC, register & 0xC, value)

    def _select(self, number: int, register: int) -> None:
        self._write(_DPACC, _SELECT, number << 24 | register & 0xF0)

    def _faulted(self) -> bool:
        if not self._read(_DPACC, _CTRL_STAT) & _STICKY_ERROR:
            return False
        self._write(_DPACC, _CTRL_STAT, _POWER_UP)
        return True

    def _read(self, instruction: int, register: int) -> int:
        self._scan(instruction, register >> 1 | 1)
        return self._scan(_DPACC, _RDBUFF >> 1 | 1)

    def _write(self, instruction: int, register: int, value: int) -> None:
        self._scan(instruction, value << 3 | register >> 1)
        self._scan(_DPACC, _RDBUFF >> 1 | 1)

    def _scan(self, instruction: int, request: int) -> int:
        """Scan one request, again while the port says WAIT, and return the result of the one before."""
        for _ in range(_RETRIES):
            answer = self._once(instruction, request)
            if answer & 0b111 == _OK_FAULT:
                return answer >> 3
            if answer & 0b111 != _WAIT:
                break
        raise _NoAcknowledgeError

    def _once(self, instruction: int, request: int) -> int:
        answer = self._select_and_scan(instruction, _bits(request, 35))
        self._pins.idle()
        return answer

    def _select_and_scan(self, instruction: int, request: Sequence[int]) -> int:
        """Scan an instruction into this TAP and BYPASS into the others, then data through all of them."""
        bits: list[int] = []
        for index, length in enumerate(self._lengths):
            bits += _bits(instruction if index == self._index else -1, length)
        self._pins.scan_ir(bits)
        before, behind = self._index, len(self._lengths) - self._index - 1
        answer = self._pins.scan_dr([0] * before + list(request) + [0] * behind)
        return _value(answer[before : before + len(request)])
