"""A recorder for one of several questions of an observation."""

from dataclasses import dataclass

from trustprobe.probe import Recorder


@dataclass(frozen=True)
class TitledRecorder:
    """Names the sample or service that is asked, so that its evidence does not replace that of another one."""

    record: Recorder
    title: str

    def keep(self, name: str, data: bytes) -> None:
        """Keep a file under a name that begins with the title."""
        self.record.keep(f"{self.title}.{name}", data)

    def note(self, line: str) -> None:
        """Note a line after the title."""
        self.record.note(f"{self.title}: {line}")

    def progress(self, done: int, total: int, what: str) -> None:
        """Report progress of what has the title."""
        self.record.progress(done, total, f"{self.title}: {what}")
