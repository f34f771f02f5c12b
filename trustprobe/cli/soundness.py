"""The page of `trustprobe matrix --markdown`: the defect that each case found, as in `docs/soundness.md`.

The table is between two marks. The text around them is kept. The table contains the results of a matrix run. The titles
come from the register of flaws when the site is built (`with_titles`, called by docs/flaws.py).
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.run_folder import write_atomically
from trustprobe.errors import ConfigurationError
from virtual_lab.defects import file_name, register

HARDENED = "(none)"
BEGIN = "<!-- matrix: written by `trustprobe matrix --markdown`, not by hand -->"
END = "<!-- end of the matrix -->"
PAGE = f"# Soundness\n\n{BEGIN}\n{END}\n"
_HEAD = ("| flaw | cases that fail | as expected |", "|---|---|---|")
_ROW = re.compile(r"^\| `(\w+)` \| (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class DefectOutcome:
    """The result of one run, compared with the register's entry of its defect."""

    defect: str
    missed: tuple[str, ...]
    """Cases and rows that should have failed and did not."""
    others: tuple[str, ...]
    """Cases that failed and should not have."""
    inconclusive: int
    failed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether exactly the cases of the defect failed. On the hardened device, no case may be inconclusive."""
        return not self.missed and not self.others and (self.defect != HARDENED or not self.inconclusive)


def require_writable(path: Path) -> None:
    """Before the long run, raise ConfigurationError if the page is not writable or lacks the marks."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder of {path} does not exist.", "Create it, or give another --markdown.")
    try:
        text = path.read_text("utf-8") if path.exists() else PAGE
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.", "Give another --markdown.") from None
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise ConfigurationError(
            f"{path} does not contain the marks of the table.", f"Give a new file, or add {BEGIN} and {END} to it."
        )


def write_page(path: Path, outcomes: Sequence[DefectOutcome], cases: Collection[str], idle: Collection[str]) -> None:
    """Write the table between the marks of the page. Create a missing page. ConfigurationError if this fails."""
    text = path.read_text("utf-8") if path.exists() else PAGE
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    try:
        write_atomically(path, f"{before}{BEGIN}\n\n{to_markdown(outcomes, cases, idle)}\n{END}{after}")
    except OSError as error:
        raise ConfigurationError(f"{path} is not writable: {error.strerror or error}.", "Free disk space.") from error


def to_markdown(outcomes: Sequence[DefectOutcome], cases: Collection[str], idle: Collection[str]) -> str:
    """Return the numbers, the table of defects, and the cases that no defect made fail."""
    planted = [outcome for outcome in outcomes if outcome.defect != HARDENED]
    found = sum(outcome.holds for outcome in planted)
    lines = [f"{found} of {len(planted)} planted flaws make exactly their cases fail. Each run had {len(cases)} cases."]
    hardened = next((outcome for outcome in outcomes if outcome.defect == HARDENED), None)
    if hardened is not None:
        state = f"{len(hardened.failed)} cases fail and {hardened.inconclusive} are open"
        lines.append(f"On the device without a flaw, {state}.")
    if idle:
        lines.append(f"No flaw makes these cases fail: {_codes(idle)}.")
    lines += ["", *_HEAD, *map(_line, planted)]
    return "\n".join(lines) + "\n"


def with_titles(page: str, device: str) -> str:
    """Return a page with the title of each flaw from the register, and the flaws that its tables do not hold yet.

    ConfigurationError for a flaw that the register does not hold.
    """
    flaws = register(device)
    named = {match[1] for match in _ROW.finditer(page)}
    if unknown := sorted(named - flaws.keys()):
        raise ConfigurationError(
            f"the page names {', '.join(unknown)}, which {file_name(device)} does not contain.",
            "Correct one of the two.",
        )
    titled = page.replace(
        "\n".join(_HEAD), "| flaw | what is planted | cases that fail | as expected |\n|---|---|---|---|"
    )
    titled = _ROW.sub(lambda row: f"| `{row[1]}` | {_title(row[1], device)} | {row[2]}", titled)
    new = [name for name in flaws if name not in named]
    if not new:
        return titled
    rows = [f"| `{name}` | {_title(name, device)} | {_codes(sorted(flaws[name].cases))} |" for name in new]
    lines = [
        "",
        "No matrix run has planted these flaws yet:",
        "",
        "| flaw | what is planted | its cases |",
        "|---|---|---|",
        *rows,
    ]
    return titled.replace(END, "\n".join([*lines, "", END]))


def _title(name: str, device: str) -> str:
    return register(device)[name].title.replace("|", "\\|")


def _line(outcome: DefectOutcome) -> str:
    gaps = [f"missed: {_codes(outcome.missed)}"] if outcome.missed else []
    gaps += [f"not expected: {_codes(outcome.others)}"] if outcome.others else []
    word = "yes" if outcome.holds else f"no; {'; '.join(gaps)}"
    return f"| `{outcome.defect}` | {_codes(outcome.failed) or 'none'} | {word} |"


def _codes(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
