"""The directions of import that the architecture allows: one way, no way back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe", "virtual_lab")
GROUND = {"trustprobe.errors", "trustprobe.place", "trustprobe.probe"}
"""The ground floor: the words that every package uses. It imports nothing else of the project."""
JUDGING = {"trustprobe.judging"}
READERS = ("lab_config.load", "lab_config.secrets")
"""The modules of lab_config that read files. All others are models."""
MAY_IMPORT = {
    "standards": GROUND,
    "lab_config": GROUND,
    "drivers": GROUND | {"lab_config"},
    "reports": GROUND | {"lab_config"},
    "suites": GROUND | JUDGING | {"drivers", "fixtures", "lab_config"},
    "fixtures": GROUND | JUDGING | {"drivers", "lab_config", "reports", "standards"},
    # The firmware device's debug port reads the memory of its machine as the power switch reaches it: over QMP.
    "virtual_lab": GROUND | {"drivers.power.qmp", "lab_config"},
}
MAY_NOT_IMPORT = {
    "drivers": {"pytest", "allure", "virtual_lab"},
    "suites": {"socket", "serial", "paramiko", "scapy", "OpenSSL", "ssl", "requests", "subprocess"},
    "reports": {"pytest", "socket"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_from_where_the_data_comes(room: str) -> None:
    allowed = MAY_IMPORT[room]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(room)
        for name in imports(path)
        if name.split(".")[0] in ROOMS
        and name.split(".")[0] != room
        and not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]
    assert not wrong


@pytest.mark.parametrize("room", sorted(MAY_NOT_IMPORT))
def test_a_room_leaves_other_peoples_tools_alone(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(room)
        for name in imports(path)
        if name.split(".")[0] in MAY_NOT_IMPORT[room]
    ]
    assert not wrong


@pytest.mark.parametrize("room", ["drivers", "suites"])
def test_drivers_and_suites_know_of_no_virtual_device(room: str) -> None:
    knowing = [str(path) for path in files(room) if "virtual" in path.read_text("utf-8").lower()]
    assert not knowing


def test_no_module_is_called_like_one_of_the_standard_library() -> None:
    import sys

    names = {path.stem for room in ROOMS for path in files(room)} - {"__init__", "__main__"}
    # Inside a package these are reached by their full name only.
    shadowing = {path.stem for path in ROOT.glob("*.py")} & set(sys.stdlib_module_names)
    assert not shadowing
    assert "profile" not in names
