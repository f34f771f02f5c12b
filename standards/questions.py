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
    """One question: the item of IR 8425, what is asked, what counts as evidence, and what to do about a no."""

    leaf: str
    title: str
    asks: str
    evidence: str
    advice: str
    also: tuple[str, ...] = ()
    """Clauses of other catalogues that a yes is evidence for."""

    @property
    def case_id(self) -> str:
        """The id of its case: `document.doc_1a_i`."""
        return f"document.{self.leaf.lower().replace('-', '_')}"


@cache
def questions() -> dict[str, ReviewQuestion]:
    """Read questions.yaml, by leaf in the order of the document. ConfigurationError where an item has none, or two."""
    entries = yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)["questions"]
    found = {entry["leaf"]: ReviewQuestion(**{**entry, "also": tuple(entry.get("also", ()))}) for entry in entries}
    wanted = {leaf for leaf in catalogues().leaves if leaf.split("-")[0] in {"DOC", "IQR", "ID", "PEA"}}
    if wrong := sorted(wanted ^ set(found)) or [entry["leaf"] for entry in entries[len(found) :]]:
        raise ConfigurationError(f"{FILE.name} is not one question for {', '.join(wrong)}.", "Correct it.")
    return found
