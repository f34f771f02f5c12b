"""The error tree: every error says whose fault it is and what to do next.

What a *device* does wrong is never an error, it is a fact in an observation; these are the reasons why
there is no observation, or why what is there cannot be judged.
"""

from enum import StrEnum


class Fault(StrEnum):
    """Who has to act before the question can be asked again."""

    DEVICE = "device"
    BENCH = "bench"
    CONFIGURATION = "configuration"
    HARNESS = "harness"


class TrustprobeError(Exception):
    """Root of all errors of trustprobe.

    `what` is one sentence on what happened; `next_step` is one sentence on what the reader does now.
    """

    fault = Fault.HARNESS

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        """Give one line: fault, what happened, what to do."""
        tail = f" {self.next_step}" if self.next_step else ""
        return f"{self.fault}: {self.what}{tail}"


class ConfigurationError(TrustprobeError):
    """A file or an option is wrong; nothing was sent to the device."""

    fault = Fault.CONFIGURATION


class BenchError(TrustprobeError):
    """A cable, an adapter, an address or a collector of the bench does not work."""

    fault = Fault.BENCH


class DeviceLostError(TrustprobeError):
    """The device answered before and does not come back; what follows cannot be observed."""

    fault = Fault.DEVICE


class HarnessError(TrustprobeError):
    """trustprobe itself failed; please report it with the evidence folder."""

    fault = Fault.HARNESS
