"""The page of `trustprobe matrix --markdown`: which defect each case was seen to find, as `docs/soundness.md` has it.

The table stands between two marks; what a person wrote around them stays.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.run_folder import write_atomically
from trustprobe.errors import ConfigurationError
from virtual_lab.defects import REFERENCE, register

HARDENED = "(none)"
BEGIN = "<!-- matrix: written by `trustprobe matrix --markdown`, not by hand -->"
END = "<!-- end of the matrix -->"
PAGE = f"# Soundness\n\n{BEGIN}\n{END}\n"


@dataclass(frozen=True)
class Outcome:
    """What one run came to, against what the register says of its defect."""

    defect: str
    missed: tuple[str, ...]
    """Cases and rows that should have failed and did not."""
    others: tuple[str, ...]
    """Cases that failed and should not have."""
    inconclusive: int
    failed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether exactly the defect's cases failed; the hardened device is inconclusive nowhere."""
        return not self.missed and not self.others and (self.defect != HARDENED or not self.inconclusive)


def require_writable(path: Path) -> None:
    """Raise ConfigurationError, before the long run, where the page cannot be written or does not hold the marks."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder of {path} does not exist.", "Make it, or give another --markdown.")
    try:
        text = path.read_text("utf-8") if path.exists() else PAGE
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.", "Give another --markdown.") from None
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise ConfigurationError(
            f"{path} does not hold the marks of the table.", f"Give a new file, or put {BEGIN} and {END} into it."
        )


def write_page(
    path: Path, outcomes: Sequence[Outcome], cases: Collection[str], idle: Collection[str], device: str = REFERENCE
) -> None:
    """Put the table between the marks of the page, made where it is missing. ConfigurationError if it cannot."""
    text = path.read_text("utf-8") if path.exists() else PAGE
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    try:
        write_atomically(path, f"{before}{BEGIN}\n\n{to_markdown(outcomes, cases, idle, device)}\n{END}{after}")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.", "Free space.") from error


def to_markdown(
    outcomes: Sequence[Outcome], cases: Collection[str], idle: Collection[str], device: str = REFERENCE
) -> str:
    """Return the numbers, the table of defects, and the cases that no defect made fail."""
    planted = [outcome for outcome in outcomes if outcome.defect != HARDENED]
    found = sum(outcome.holds for outcome in planted)
    lines = [
        f"{found} of {len(planted)} planted flaws are found by exactly their cases; {len(cases)} cases were asked."
    ]
    hardened = next((outcome for outcome in outcomes if outcome.defect == HARDENED), None)
    if hardened is not None:
        state = f"{len(hardened.failed)} cases fail and {hardened.inconclusive} are open"
        lines.append(f"On the device without a flaw, {state}.")
    if idle:
        lines.append(f"No flaw makes these cases fail: {_codes(idle)}.")
    lines += ["", "| flaw | what is planted | cases that fail | as expected |", "|---|---|---|---|"]
    lines += [_line(outcome, device) for outcome in planted]
    return "\n".join(lines) + "\n"


def _line(outcome: Outcome, device: str) -> str:
    entry = register(device).get(outcome.defect)
    title = entry.title.replace("|", "\\|") if entry else ""
    gaps = [f"missed: {_codes(outcome.missed)}"] if outcome.missed else []
    gaps += [f"not expected: {_codes(outcome.others)}"] if outcome.others else []
    word = "yes" if outcome.holds else f"no; {'; '.join(gaps)}"
    return f"| `{outcome.defect}` | {title} | {_codes(outcome.failed) or 'none'} | {word} |"


def _codes(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
