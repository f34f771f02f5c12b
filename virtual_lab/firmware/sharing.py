"""Which planted flaws may share one firmware device, so that `trustprobe matrix --own` starts fewer of them.

A device takes as long to boot and to be swept as to be asked about one flaw. Flaws share one where they are found by
the same capabilities, no case or row is named by two of them, none hides another, and all can be planted at once.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from virtual_lab.defects import Defect
from virtual_lab.firmware import planted
from virtual_lab.firmware.image import rootfs

MOST: Final = 8
"""Flaws in one device."""


def groups(defects: Mapping[str, Defect], capabilities: Callable[[Defect], Collection[str]]) -> list[tuple[str, ...]]:
    """Return every flaw once, with those that it shares a device with, in the order of the register.

    `capabilities` returns the capabilities whose cases have to find a flaw.
    """
    entries = rootfs.own()
    made: list[list[str]] = []
    for name, defect in defects.items():
        for group in made:
            others = [defects[other] for other in group]
            alike = all(set(capabilities(other)) == set(capabilities(defect)) for other in others)
            hidden = {*defect.not_beside, *(theirs for other in others for theirs in other.not_beside)}
            if len(group) == MOST or hidden & {*group, name} or not alike or not _are_apart(defect, others):
                continue
            if planted.fit_together([*group, name], entries):
                group.append(name)
                break
        else:
            made.append([name])
    return [tuple(group) for group in made]


def _are_apart(defect: Defect, others: list[Defect]) -> bool:
    """Whether nothing that this flaw fails is asked about one of the others."""
    names = {*defect.fails, *defect.leaves_manual}
    return not defect.alone and not any(
        other.alone or any(_overlap(one, two) for one in names for two in (*other.fails, *other.leaves_manual))
        for other in others
    )


def _overlap(one: str, two: str) -> bool:
    """Whether two names are the same row, or one is the case of the other."""
    case, row = one.split("[")[0], two.split("[")[0]
    return one == two or (case == row and ("[" not in one or "[" not in two))
