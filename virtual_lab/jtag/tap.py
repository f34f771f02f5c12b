"""JTAG Test Access Ports on one scan chain (IEEE 1149.1), and OpenOCD's remote_bitbang protocol in front of them.

The state machine, instruction and data registers live here; what an ARM debug port does with its data registers is in
`debug_port.py`. Nothing here opens a socket.
"""

from collections.abc import Sequence
from enum import IntEnum


class State(IntEnum):
    """States of the TAP controller (IEEE 1149.1, figure 6-1)."""

    RESET = 0
    IDLE = 1
    SELECT_DR = 2
    CAPTURE_DR = 3
    SHIFT_DR = 4
    EXIT1_DR = 5
    PAUSE_DR = 6
    EXIT2_DR = 7
    UPDATE_DR = 8
    SELECT_IR = 9
    CAPTURE_IR = 10
    SHIFT_IR = 11
    EXIT1_IR = 12
    PAUSE_IR = 13
    EXIT2_IR = 14
    UPDATE_IR = 15


_NEXT: dict[State, tuple[State, State]] = {
    State.RESET: (State.IDLE, State.RESET),
    State.IDLE: (State.IDLE, State.SELECT_DR),
    State.SELECT_DR: (State.CAPTURE_DR, State.SELECT_IR),
    State.CAPTURE_DR: (State.SHIFT_DR, State.EXIT1_DR),
    State.SHIFT_DR: (State.SHIFT_DR, State.EXIT1_DR),
    State.EXIT1_DR: (State.PAUSE_DR, State.UPDATE_DR),
    State.PAUSE_DR: (State.PAUSE_DR, State.EXIT2_DR),
    State.EXIT2_DR: (State.SHIFT_DR, State.UPDATE_DR),
    State.UPDATE_DR: (State.IDLE, State.SELECT_DR),
    State.SELECT_IR: (State.CAPTURE_IR, State.RESET),
    State.CAPTURE_IR: (State.SHIFT_IR, State.EXIT1_IR),
    State.SHIFT_IR: (State.SHIFT_IR, State.EXIT1_IR),
    State.EXIT1_IR: (State.PAUSE_IR, State.UPDATE_IR),
    State.PAUSE_IR: (State.PAUSE_IR, State.EXIT2_IR),
    State.EXIT2_IR: (State.SHIFT_IR, State.UPDATE_IR),
    State.UPDATE_IR: (State.IDLE, State.SELECT_DR),
}
"""The state after a rising edge of TCK, with TMS low and with TMS high."""


class Tap:
    """One TAP: an instruction register, and behind it IDCODE (32 bits) and BYPASS (1 bit).

    Subclasses add data registers by `captured` and `updated`. Every unknown instruction selects BYPASS.
    """

    def __init__(self, idcode: int, ir_length: int, idcode_instruction: int) -> None:
        self.idcode = idcode
        self.ir_length = ir_length
        self.idcode_instruction = idcode_instruction
        self.instruction = idcode_instruction
        self._register = 0
        self._length = 1

    @property
    def tdo(self) -> int:
        """The bit that stands at TDO while shifting."""
        return self._register & 1

    def reset(self) -> None:
        """Enter Test-Logic-Reset: IDCODE is selected."""
        self.instruction = self.idcode_instruction

    def capture_dr(self) -> None:
        """Load the data register that the instruction selects."""
        self._register, self._length = self.captured()

    def capture_ir(self) -> None:
        """Load the instruction register with the mandatory ...01 (IEEE 1149.1, 7.1.1 d)."""
        self._register, self._length = 1, self.ir_length

    def shift(self, tdi: int) -> int:
        """Take a bit in at TDI and return the one that leaves at TDO."""
        out = self._register & 1
        self._register = (self._register >> 1) | (tdi << (self._length - 1))
        return out

    def update_dr(self) -> None:
        """Hand what was shifted in to the selected data register."""
        self.updated(self._register)

    def update_ir(self) -> None:
        """Make what was shifted in the instruction."""
        self.instruction = self._register

    def captured(self) -> tuple[int, int]:
        """Return value and length in bits of the selected data register."""
        if self.instruction == self.idcode_instruction:
            return self.idcode, 32
        return 0, 1

    def updated(self, value: int) -> None:
        """Act on a value that was shifted in; IDCODE and BYPASS ignore it."""


class ScanChain:
    """The TAPs of a board, from TDO to TDI, that share TCK and TMS; a board without power leaves TDO pulled up."""

    def __init__(self, taps: Sequence[Tap]) -> None:
        self.taps = tuple(taps)
        self.state = State.RESET
        self.tdo = 1
        self._powered = False
        self._tck = 0

    @property
    def powered(self) -> bool:
        """Whether the TAPs run; they come up in Test-Logic-Reset."""
        return self._powered

    @powered.setter
    def powered(self, powered: bool) -> None:
        self._powered = powered
        self.reset()

    def reset(self) -> None:
        """Drive TRST: every TAP is in Test-Logic-Reset, and TDO floats high."""
        self.state = State.RESET
        self.tdo = 1
        for tap in self.taps:
            tap.reset()

    def pins(self, tck: int, tms: int, tdi: int) -> None:
        """Set the three pins (0 or 1 each). TMS and TDI count at TCK's rising edge, TDO changes at its falling edge."""
        if tck != self._tck and self._powered:
            if tck:
                self._rise(tms, tdi)
            else:
                self._fall()
        self._tck = tck

    def _rise(self, tms: int, tdi: int) -> None:
        match self.state:
            case State.SHIFT_DR | State.SHIFT_IR:
                bit = tdi
                for tap in reversed(self.taps):
                    bit = tap.shift(bit)
            case State.CAPTURE_DR:
                for tap in self.taps:
                    tap.capture_dr()
            case State.CAPTURE_IR:
                for tap in self.taps:
                    tap.capture_ir()
        self.state = _NEXT[self.state][tms]

    def _fall(self) -> None:
        shifting = self.state in (State.SHIFT_DR, State.SHIFT_IR)
        self.tdo = self.taps[0].tdo if shifting and self.taps else 1
        for tap in self.taps:
            if self.state is State.UPDATE_DR:
                tap.update_dr()
            elif self.state is State.UPDATE_IR:
                tap.update_ir()
            elif self.state is State.RESET:
                tap.reset()


def remote_bitbang(chain: ScanChain, commands: bytes) -> tuple[bytes, bool]:
    """Carry out commands of OpenOCD's remote_bitbang protocol (doc/manual/jtag/drivers/remote_bitbang.txt).

    Returns the answers to its reads, and whether the host asked to quit. SRST is not wired, the LED neither.
    """
    answers = bytearray()
    for command in commands:
        if 0x30 <= command <= 0x37:  # '0' to '7'
            chain.pins(command >> 2 & 1, command >> 1 & 1, command & 1)
        elif command == 0x52:  # 'R'
            answers.append(0x30 + chain.tdo)
        elif command in b"tu":
            chain.reset()
        elif command == 0x51:  # 'Q'
            return bytes(answers), True
    return bytes(answers), False
