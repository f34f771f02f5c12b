"""The set of planted flaws that one reference device has. `defects.yaml`, next to this file, describes each of them.

A flaw changes one habit, in the one place that asks for its id. That place does not say which case must find it.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".yaml")


class UnknownDefectError(ValueError):
    """A defect id that defects.yaml does not hold."""


@cache
def known() -> frozenset[str]:
    """Return the ids of defects.yaml. The firmware boots faster than a YAML parser loads, so this reads lines."""
    return frozenset(re.findall(r"^  (\w+):$", FILE.read_text("utf-8"), re.MULTILINE))


class Defects:
    """The defects of one device. `defects("telnet_open")` says whether it has that one."""

    def __init__(self, planted: Iterable[str] = ()) -> None:
        self._planted = frozenset(planted)
        _require_known(*sorted(self._planted))

    def __call__(self, defect: str) -> bool:
        """Say whether this device has a defect; UnknownDefectError for an id that defects.yaml does not hold."""
        _require_known(defect)
        return defect in self._planted

    def __iter__(self) -> Iterator[str]:
        """Go through the ids that are planted, sorted."""
        return iter(sorted(self._planted))


def _require_known(*defects: str) -> None:
    if unknown := [defect for defect in defects if defect not in known()]:
        raise UnknownDefectError(f"{FILE.parent.name}/{FILE.name} holds no defect {', '.join(unknown)}")
