"""An ARM debug port on a TAP (JTAG-DP, ADIv5) and the memory access port behind it (MEM-AP, AHB).

Accesses take no time, so WAIT is never acknowledged. Pushed operations and packed transfers are not built, as on many
real parts. A locked part answers on its debug port and refuses every access to memory.
"""

from typing import Final, Protocol

from virtual_lab.jtag.tap import Tap

JTAG_DP_IDCODE: Final = 0x4BA0_0477
AHB_AP_IDR: Final = 0x2477_0011
MEMORY_BASE: Final = 0x0800_0000
MEMORY_SIZE: Final = 64 * 1024
_VECTORS: Final = bytes.fromhex("00000120 01010008")
"""Initial stack pointer 0x20010000 and reset vector 0x08000101: what flash of such a part begins with."""

_ABORT, _DPACC, _APACC, _IDCODE = 0b1000, 0b1010, 0b1011, 0b1110
_ACK_OK_FAULT = 0b010

_STICKY_ERR = 1 << 5
_STICKY = 1 << 1 | 1 << 4 | _STICKY_ERR | 1 << 7
"""STICKYORUN, STICKYCMP, STICKYERR and WDATAERR: cleared by writing 1 (ADIv5, B2.2.2)."""
_READ_ONLY = _STICKY | 1 << 6 | 1 << 27 | 1 << 29 | 1 << 31
_REQUESTS = 1 << 26 | 1 << 28 | 1 << 30
_DEBUG_POWER = 1 << 29

_CSW, _TAR, _DRW, _BD0, _BD3, _BASE, _IDR = 0x00, 0x04, 0x0C, 0x10, 0x1C, 0xF8, 0xFC
_CSW_WRITABLE = 0x7F00_0037
_CSW_RESET = 0x2300_0002
_CSW_DEVICE_ENABLED = 1 << 6
_NO_ROM_TABLE = 0xFFFF_FFFF


class AccessFaultError(Exception):
    """The access port refused a transaction; the debug port shows it as STICKYERR."""


class Bus(Protocol):
    """What a memory access port reads and writes; raises AccessFaultError where nothing answers."""

    def read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 octets, little endian."""

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 octets, little endian."""


class Memory:
    """64 KiB at 0x08000000: a vector table and the running firmware's payload. Any other address is a bus error."""

    def __init__(self) -> None:
        self._octets = bytearray(b"\xff" * MEMORY_SIZE)

    def load(self, payload: bytes) -> None:
        """Replace the content, as a start of the device does; what does not fit is cut, the rest reads as erased."""
        image = (_VECTORS + payload)[:MEMORY_SIZE]
        self._octets[:] = image + b"\xff" * (MEMORY_SIZE - len(image))

    def read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 octets, little endian."""
        start = self._offset(address, size)
        return int.from_bytes(self._octets[start : start + size], "little")

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 octets, little endian."""
        start = self._offset(address, size)
        self._octets[start : start + size] = value.to_bytes(size, "little")

    def _offset(self, address: int, size: int) -> int:
        offset = address - MEMORY_BASE
        if not 0 <= offset <= MEMORY_SIZE - size:
            raise AccessFaultError(f"no memory at {address:#010x}")
        return offset


class MemoryAccessPort:
    """MEM-AP (ADIv5, C2.6). Locked, CSW.DeviceEn reads 0 and every transfer faults; its own registers answer."""

    def __init__(self, memory: Bus, *, locked: bool) -> None:
        self._memory = memory
        self._locked = locked
        self.reset()

    def reset(self) -> None:
        """Set CSW and TAR to their values after power on."""
        self._csw = _CSW_RESET
        self._tar = 0

    def read(self, register: int) -> int:
        """Read a register by its offset; raises AccessFaultError."""
        if register == _DRW:
            value = self._transfer(None)
            self._advance()
            return value
        if _BD0 <= register <= _BD3:
            return self._banked(register, None)
        csw = self._csw | (0 if self._locked else _CSW_DEVICE_ENABLED)
        return {_CSW: csw, _TAR: self._tar, _BASE: _NO_ROM_TABLE, _IDR: AHB_AP_IDR}.get(register, 0)

    def write(self, register: int, value: int) -> None:
        """Write a register by its offset; raises AccessFaultError. Read-only registers ignore it."""
        if register == _CSW:
            self._csw = value & _CSW_WRITABLE
            if self._csw >> 4 & 0b11 > 1:  # packed transfers: reads back as no increment, so the host knows
                self._csw &= ~0b11_0000
        elif register == _TAR:
            self._tar = value
        elif register == _DRW:
            self._transfer(value)
            self._advance()
        elif _BD0 <= register <= _BD3:
            self._banked(register, value)

    @property
    def _size(self) -> int:
        return 1 << min(self._csw & 0b111, 2)

    def _check(self) -> None:
        if self._locked:
            raise AccessFaultError("debug access is disabled")

    def _transfer(self, value: int | None) -> int:
        """Read or write at TAR; narrow data stands in the byte lanes of its address (ADIv5, C2.2.6)."""
        self._check()
        size = self._size
        address = self._tar & ~(size - 1)
        lane = 8 * (address & 3)
        if value is None:
            return self._memory.read(address, size) << lane
        self._memory.write(address, size, (value >> lane) & ((1 << 8 * size) - 1))
        return 0

    def _advance(self) -> None:
        """Increment TAR; it wraps at 1 KiB, all that ADIv5 guarantees (C2.2.2)."""
        if self._csw >> 4 & 0b11 == 1:
            self._tar = (self._tar & ~0x3FF) | ((self._tar + self._size) & 0x3FF)

    def _banked(self, register: int, value: int | None) -> int:
        """Read or write a word of the four at TAR[31:4]."""
        self._check()
        address = (self._tar & ~0xF) | (register & 0xC)
        if value is None:
            return self._memory.read(address, 4)
        self._memory.write(address, 4, value)
        return 0


class DebugPort(Tap):
    """JTAG-DP (ADIv5, B3): 35-bit scans, whose result and acknowledgement come with the next scan."""

    def __init__(self, access_port: MemoryAccessPort) -> None:
        super().__init__(JTAG_DP_IDCODE, ir_length=4, idcode_instruction=_IDCODE)
        self._access_port = access_port
        self.power_on_reset()

    def power_on_reset(self) -> None:
        """Forget everything, as without power. TRST does not do this (ADIv5, B3.2)."""
        self._control = 0
        self._select = 0
        self._result = 0
        self._access_port.reset()
        self.reset()

    def captured(self) -> tuple[int, int]:
        """Return the answer to the previous scan, or what the plain TAP registers hold."""
        if self.instruction in (_DPACC, _APACC):
            return self._result << 3 | _ACK_OK_FAULT, 35
        if self.instruction == _ABORT:
            return 0, 35
        return super().captured()

    def updated(self, value: int) -> None:
        """Carry out a DPACC, APACC or ABORT scan: RnW, two address bits, 32 bits of data."""
        if self.instruction == _ABORT:
            return  # DAPABORT: no transaction is ever under way here
        if self.instruction not in (_DPACC, _APACC):
            return
        register, data = (value >> 1 & 0b11) << 2, value >> 3
        written = None if value & 1 else data
        if self.instruction == _DPACC:
            self._result = self._debug_access(register, written)
        else:
            self._result = self._memory_access(register, written)

    def _debug_access(self, register: int, written: int | None) -> int:
        if register == 0x4 and self._select & 0xF == 0:
            if written is None:
                return self._control_status
            self._control = (written & ~_READ_ONLY) | (self._control & _READ_ONLY & ~(written & _STICKY))
        elif register == 0x8:
            if written is None:
                return self._select
            self._select = written
        return 0  # RDBUFF reads as zero: a result came with the capture of this very scan

    @property
    def _control_status(self) -> int:
        """CTRL/STAT, in which every power-up or reset request is acknowledged at once, one bit above it."""
        return self._control | (self._control & _REQUESTS) << 1

    def _memory_access(self, register: int, written: int | None) -> int:
        if self._control & _STICKY:
            return 0  # ignored until the host clears the flag (ADIv5, B2.2.1)
        if self._select >> 24:
            return 0  # an access port that is not there reads as zero, its IDR too
        register |= self._select & 0xF0
        try:
            if not self._control_status & _DEBUG_POWER:
                raise AccessFaultError("debug power is off")
            if written is None:
                return self._access_port.read(register)
            self._access_port.write(register, written)
        except AccessFaultError:
            self._control |= _STICKY_ERR
        return 0
