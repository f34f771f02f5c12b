"""From judgements to results: every observation says where it was made."""

import ast
from pathlib import Path

import pytest

from reports.results import Interface
from trustprobe.judging.results import interface_of

DRIVERS = Path(__file__).parents[3] / "drivers"
THROUGH_A_DOOR = {"guessing"}
"""Folders whose probes take the interface of the door that they are given."""


def holds_a_probe(path: Path) -> bool:
    """Whether a class of the file has the method that `observe` calls."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "run" and "record" in {one.arg for one in node.args.args}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


FOLDERS = sorted({path.relative_to(DRIVERS).parts[0] for path in DRIVERS.rglob("*.py") if holds_a_probe(path)})


def test_the_probes_of_the_drivers_are_found() -> None:
    assert {"network", "serial", "storage", "update"} <= set(FOLDERS)


@pytest.mark.parametrize("folder", sorted({*FOLDERS} - THROUGH_A_DOOR))
def test_observations_of_each_folder_of_drivers_are_recorded_with_an_interface(folder: str) -> None:
    assert interface_of(folder) is not Interface.NONE


def test_a_probe_that_is_in_no_folder_of_drivers_has_no_interface() -> None:
    assert interface_of("") is Interface.NONE
