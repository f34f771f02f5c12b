"""What the console shows of a device that no longer answers over the network after an update was interrupted."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.serial.boot import ends_of_boot, restarted
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Recorder, printable

_SHOWN = 200
_LEAST_OCTETS = 16
"""A console that shows less may show noise of the line when the power comes back."""


@dataclass(frozen=True)
class StartOnConsole:
    """Restarts the device once more, and reads its console until a login is offered or the time for a start is over."""

    bench: ConsoleBench
    declaration: ConsoleDeclaration

    def __call__(self, restart: Callable[[], None], seconds: float, record: Recorder) -> tuple[Answer, str]:
        """Return SEEN and why if the console shows that nothing starts; else SILENT, and why that shows nothing."""
        try:
            with restarted(self.bench, self.declaration.baud, restart, seconds) as boot:
                end = boot.read_to_end(*ends_of_boot(self.declaration, lambda: boot.started))
                raw = boot.raw
        except BenchError as error:
            return Answer.SILENT, f"the console could not be read: {error.what}"
        record.keep("console_after_cut.bin", raw)
        if end is not None:
            return Answer.SILENT, "the console shows that a system starts, so only the network is missing"
        if len(raw.strip()) < _LEAST_OCTETS:
            return Answer.SILENT, "the console is silent as well, so nothing shows whether the device has power"
        return Answer.SEEN, f"the console offers no login within {seconds:g} s; it ends with {printable(raw[-_SHOWN:])}"
