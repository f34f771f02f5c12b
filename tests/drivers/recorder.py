"""A recorder for the tests of probes: keeps everything in memory."""


class MemoryRecorder:
    """What a probe kept and noted."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.notes: list[str] = []

    def keep(self, name: str, data: bytes) -> None:
        self.kept[name] = data

    def note(self, line: str) -> None:
        self.notes.append(line)

    def progress(self, done: int, total: int, what: str) -> None:
        """Nobody looks."""
