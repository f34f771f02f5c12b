"""What any debug adapter can be asked of a JTAG port, and its answers: the TAPs found, and words of memory.

How it is asked is in `openocd.py` and `bitbang.py`; what the answers mean for a fact is in `jtag.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

WORDS = 16
"""32-bit words that are read where one can be read."""
ACCESS_PORTS = 8
"""The number of access ports of a debug port that are probed."""
IDCODE_INSTRUCTION = 0b1110
"""Selects IDCODE in a JTAG-DP (ADIv5, B3.3)."""
CSW_DEVICE_ENABLED = 1 << 6
"""CSW.DeviceEn (ADIv5, C2.6.4): the MEM-AP may make transfers."""


@dataclass(frozen=True)
class Tap:
    """A TAP on the chain. `idcode` is 0 where it has no IDCODE register; `ir_length` None where it was not learnt."""

    idcode: int
    ir_length: int | None = None

    @property
    def plausible(self) -> bool:
        """Whether this is an IDCODE at all (IEEE 1149.1, 12.1.1): bit 0 is 1, the manufacturer is not 0x7F."""
        return self.idcode & 1 == 1 and (self.idcode >> 1) & 0x7FF != 0x7F


class Stuck(StrEnum):
    """How TDO behaves when no TAP answers."""

    ONES = "TDO stays at one"
    ZEROS = "TDO stays at zero"
    UNSTABLE = "TDO changes between identical reads"


@dataclass(frozen=True)
class Chain:
    """The TAPs from TDO to TDI, or how TDO is stuck."""

    taps: tuple[Tap, ...]
    stuck: Stuck | None = None
    complaint: str = ""
    """What the adapter's program says against its own result, such as bits after the end of the chain."""


@dataclass(frozen=True)
class AccessPort:
    """A MEM-AP (ADIv5, C2) and the result of reading memory through it. `csw` is None if it could not be read."""

    number: int
    idr: int
    csw: int | None
    words: tuple[int, ...]
    fault: bool
    """The debug port raised STICKYERR, or acknowledged with a fault."""


@dataclass(frozen=True)
class MemoryAnswer:
    """The answer of the debug port at one TAP. `control_status` is None if none acknowledged.

    `addressed`: the TAP showed its IDCODE when its instruction was scanned in, so that the scans had the right lengths.
    """

    control_status: int | None
    addressed: bool
    access_ports: tuple[AccessPort, ...] = ()
    complaint: str = ""
    """What the adapter's program says against its own result, such as an acknowledgement that does not exist."""


def is_memory_port(idr: int) -> bool:
    """Whether an access port's IDR names it a MEM-AP: class 0b1000 (ADIv5, C1.3)."""
    return (idr >> 13) & 0xF == 0b1000


class DebugAdapter(Protocol):
    """A way to the chain. Every method raises BenchError when the adapter itself does not work."""

    @property
    def tool(self) -> str:
        """What speaks to the adapter, for the transcript."""

    def scan(self) -> tuple[Chain, bytes]:
        """Reset the chain and read its IDCODEs; with the raw evidence."""

    def read_memory(self, taps: Sequence[Tap], index: int, address: int) -> tuple[MemoryAnswer, bytes]:
        """Read WORDS words through the debug port at `taps[index]`, whose IR lengths are all known; with evidence."""
