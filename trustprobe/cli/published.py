"""The published cases, and the capabilities whose cases have to find a planted flaw."""

import importlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from trustprobe.errors import ConfigurationError
from trustprobe.judging.case import Case, cases
from trustprobe.place import TREE
from virtual_lab.defects import Defect

SUITES = "suites"


@cache
def published() -> Mapping[str, Case]:
    """Import the suites, and return every case by id."""
    for path in sorted((TREE / SUITES).rglob("test_*.py")):
        importlib.import_module(".".join(path.relative_to(TREE).with_suffix("").parts))
    return MappingProxyType({name: entry for name, entry in cases().items() if entry.capability})


def capabilities(defect: Defect) -> tuple[str, ...]:
    """Return the folders of suites/ that hold the cases of a flaw; ConfigurationError for a case that there is not."""
    if unknown := sorted(defect.cases - published().keys()):
        raise ConfigurationError(
            f"the flaw {defect.title!r} names {', '.join(unknown)}, which is not a case.",
            "Correct defects.yaml of its device.",
        )
    return tuple(sorted({published()[case].capability for case in defect.cases}))
