"""A recorder for tests: keeps in memory what a probe leaves behind."""


class MemoryRecorder:
    """Holds what was kept by name, and the notes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.notes: list[str] = []

    def keep(self, name: str, data: bytes) -> None:
        """Store raw bytes."""
        self.kept[name] = data

    def note(self, line: str) -> None:
        """Store a line."""
        self.notes.append(line)

    def progress(self, done: int, total: int, what: str) -> None:
        """Nothing watches a test."""
