"""The questions that only a person can answer, one for each item of IR 8425's developer capabilities."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError

FILE = Path(__file__).parent / "questions.yaml"


@dataclass(frozen=True)
class ReviewQuestion:
    """One question: the item of IR 8425, the question, the accepted evidence, and the advice after a no."""

    leaf: str
    title: str
    asks: str
    evidence: str
    advice: str
    also: tuple[str, ...] = ()
    """Clauses of other catalogues for which a yes is evidence."""

    @property
    def case_id(self) -> str:
        """The id of its case: `document.doc_1a_i`."""
        return f"document.{self.leaf.lower().replace('-', '_')}"


@cache
def questions() -> dict[str, ReviewQuestion]:
    """Read questions.yaml, by leaf in the order of the document. ConfigurationError unless each item has one."""
    entries = yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)["questions"]
    found = {entry["leaf"]: ReviewQuestion(**{**entry, "also": tuple(entry.get("also", ()))}) for entry in entries}
    wanted = {leaf for leaf in catalogues().leaves if leaf.split("-")[0] in {"DOC", "IQR", "ID", "PEA"}}
    if wrong := sorted(wanted ^ set(found)) or [entry["leaf"] for entry in entries[len(found) :]]:
        raise ConfigurationError(f"{FILE.name} must have exactly one question for {', '.join(wrong)}.", "Correct it.")
    return found
