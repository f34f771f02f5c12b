"""The host's end of a scan chain, for tests: bit-bangs scans through the remote_bitbang protocol, as OpenOCD would."""

from collections.abc import Callable

DPACC, APACC = 0b1010, 0b1011
CTRL_STAT, SELECT, RDBUFF = 0x4, 0x8, 0xC
CSW, TAR, DRW, BD1, IDR = 0x00, 0x04, 0x0C, 0x14, 0xFC
POWER_UP = 1 << 30 | 1 << 28
POWERED = 0b1111 << 28
STICKY_ERR = 1 << 5


class JtagHost:
    """Scans registers; `exchange` carries protocol bytes to the adapter and returns its answers."""

    def __init__(self, exchange: Callable[[bytes], bytes]) -> None:
        self._exchange = exchange
        self.tms(1, 1, 1, 1, 1, 0)

    def tms(self, *levels: int) -> None:
        self._exchange(b"".join(b"%d%d" % (level << 1, 4 | level << 1) for level in levels) + b"0")

    def _shift(self, value: int, length: int) -> int:
        """Shift bits in Shift-xR, and go to Run-Test/Idle."""
        commands = bytearray()
        for index in range(length):
            pins = (index == length - 1) << 1 | (value >> index & 1)
            commands += b"%dR%d" % (pins, 4 | pins)
        answer = self._exchange(bytes(commands))
        self.tms(1, 0)
        return sum((bit - 0x30) << index for index, bit in enumerate(answer))

    def scan_ir(self, value: int, length: int = 4) -> int:
        self.tms(1, 1, 0, 0)
        return self._shift(value, length)

    def scan_dr(self, value: int, length: int) -> int:
        self.tms(1, 0, 0)
        return self._shift(value, length)

    def _access(self, instruction: int, register: int, value: int | None) -> int:
        """One access and a read of RDBUFF, whose scan brings its result; returns that scan."""
        self.scan_ir(instruction)
        self.scan_dr((value or 0) << 3 | (register >> 2 & 3) << 1 | (value is None), 35)
        self.scan_ir(DPACC)
        return self.scan_dr(RDBUFF >> 2 << 1 | 1, 35)

    def dp(self, register: int, value: int | None = None) -> int:
        answer = self._access(DPACC, register, value)
        assert answer & 0b111 == 0b010, "not acknowledged"
        return answer >> 3

    def ap(self, register: int, value: int | None = None) -> int:
        self.dp(SELECT, register & 0xF0)
        answer = self._access(APACC, register, value)
        assert answer & 0b111 == 0b010, "not acknowledged"
        return answer >> 3
