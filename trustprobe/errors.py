"""The error tree: every error states whose fault it is and what to do next.

A fault of the *device* is never an error but a fact in an observation. Errors are the reasons why there is no
observation, or why an observation cannot be judged.
"""

from enum import StrEnum


class Fault(StrEnum):
    """Who must act before the probe can run again."""

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


class NotForwardedError(BenchError):
    """The bench leads nowhere near this port of the device: the machine that forwards the others would answer.

    Nothing was sent. A verdict that rests on this port is INCONCLUSIVE.
    """

    def __init__(self, transport: str, port: int) -> None:
        super().__init__(
            f"the bench forwards no {transport}/{port} to the device.",
            f"Add `{transport}/{port}: PORT` to `network.port_map` of the bench file.",
        )

    @property
    def words(self) -> str:
        """One sentence for a fact's detail or a verdict's reason: what is missing, and the line that adds it."""
        return f"{self.what.rstrip('.')}: {self.next_step[0].lower()}{self.next_step[1:].rstrip('.')}"


class DeviceLostError(TrustprobeError):
    """The device answered before and does not come back. Nothing after this can be observed."""

    fault = Fault.DEVICE


class HarnessError(TrustprobeError):
    """trustprobe itself failed; please report it with the evidence folder."""

    fault = Fault.HARNESS
