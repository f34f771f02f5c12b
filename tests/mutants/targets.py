"""Which files are mutated, by which tests, and which mutants are known to be equivalent."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
MUTATED = (
    "suites/*/[!_]*.py",
    "trustprobe/judging/*.py",
    "trustprobe/errors.py",
    "trustprobe/place.py",
    "trustprobe/probe.py",
)
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can kill, and why. It is known by the lines that it changes."""

    file: str
    was: str
    becomes: str
    reason: str

    def describes(self, mutant: Mutant) -> bool:
        """Whether a mutant is this one; the number of blanks does not count."""
        same_lines = _plain(self.was) == _plain(mutant.was) and _plain(self.becomes) == _plain(mutant.becomes)
        return self.file == mutant.path and same_lines


def _plain(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def equivalents(path: Path = EQUIVALENT) -> tuple[Equivalent, ...]:
    """Return the list of equivalent mutants."""
    return tuple(Equivalent(**entry) for entry in yaml.safe_load(path.read_text("utf-8")) or ())


def targets(root: Path = ROOT) -> list[str]:
    """Return every file that is mutated."""
    return sorted(str(path.relative_to(root)) for pattern in MUTATED for path in root.glob(pattern))


def mirrored(file: str, root: Path = ROOT) -> str:
    """Return the file of the tests of a file: suites/a/test_b.py in tests/suites/a, trustprobe/b.py in test_b.py.

    What only the cases of one file use is tested with these, if it has no tests of its own.
    """
    path = Path(file)
    name = path.name if path.name.startswith("test_") else f"test_{path.name}"
    if not (root / "tests" / path.parent / name).is_file():
        module = ".".join(path.with_suffix("").parts)
        cases = (root / path.parent).glob("test_*.py")
        users = [one.name for one in cases if f"from {module} import" in one.read_text("utf-8")]
        name = users[0] if len(users) == 1 else name
    return str("tests" / path.parent / name)


def changed(since: str, root: Path = ROOT) -> list[str]:
    """Return the files of which something changed since a revision: the file or its tests, committed or not."""
    listing = ["git", "diff", "--name-only", "--relative", since]
    more = ["git", "ls-files", "--others", "--exclude-standard"]
    names = {name for command in (listing, more) for name in _lines(command, root)}
    return [file for file in targets(root) if {file, mirrored(file, root)} & names]


def _lines(command: Sequence[str], root: Path) -> list[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()


def tracked(root: Path = ROOT) -> list[str]:
    """Return what belongs to the tree: every file that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return [name for name in _lines(command, root) if (root / name).is_file()]
