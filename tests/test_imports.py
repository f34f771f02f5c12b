"""The directions of import that the architecture allows: one way, no way back."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe", "virtual_lab")
GROUND = {"trustprobe.errors", "trustprobe.place", "trustprobe.probe"}
"""The ground floor: the words that every package uses. It imports nothing else of the project."""
JUDGING = {"trustprobe.judging"}
READERS = ("lab_config.connected", "lab_config.load", "lab_config.secrets", "lab_config.reading.yaml_file")
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
WEB = "drivers.network.web"
WEB_LAYERS = ("transport", "login", "administration", "probes")
"""The folders of it, lowest first: each imports only from itself and from those before it."""
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


@cache
def modules() -> dict[str, Path]:
    """The modules of the project by their names."""
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for room in ROOMS for path in files(room)}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


@cache
def graph() -> dict[str, set[str]]:
    """The modules that each module imports anywhere: in a function or for a type checker as well."""
    known, found = modules(), dict[str, set[str]]()
    for name, path in known.items():
        froms = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom))
        parts = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
        found[name] = ({*imports(path), *parts} & known.keys()) - {name}
    return found


def cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """One cycle of a graph, its first name again at its end; nothing where there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


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


def test_no_module_imports_itself_over_others() -> None:
    found = cycle(graph())
    assert not found, " -> ".join(found)


def test_no_folder_of_the_product_imports_itself_over_others() -> None:
    folders = dict[str, set[str]]()
    for name, reached in graph().items():
        if name.startswith("virtual_lab"):
            continue  # the devices to test against are programs of their own
        folder = modules()[name].parent
        others = {modules()[other].parent for other in reached} - {folder}
        folders.setdefault(shown(folder), set()).update(map(shown, others))
    found = cycle(folders)
    assert not found, " -> ".join(found)


@pytest.mark.parametrize("layer", WEB_LAYERS)
def test_a_layer_of_the_web_administration_imports_only_from_those_below_it(layer: str) -> None:
    allowed = [f"{WEB}.{below}." for below in WEB_LAYERS[: WEB_LAYERS.index(layer) + 1]]
    wrong = [
        f"{name} imports {other}"
        for name, reached in graph().items()
        for other in reached
        if name.startswith(f"{WEB}.{layer}.")
        and other.startswith(f"{WEB}.")
        and not any(f"{other}.".startswith(one) for one in allowed)
    ]
    assert not wrong


def test_the_web_administration_has_no_folder_that_is_no_layer() -> None:
    web = ROOT / WEB.replace(".", "/")
    assert {path.parent.name for path in web.rglob("*.py")} == {"web", *WEB_LAYERS}
    assert [path.name for path in web.glob("*.py")] == ["__init__.py"]


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
    names = {path.stem for room in ROOMS for path in files(room)} - {"__init__", "__main__"}
    # Inside a package these are reached by their full name only.
    shadowing = {path.stem for path in ROOT.glob("*.py")} & set(sys.stdlib_module_names)
    assert not shadowing
    assert "profile" not in names


def test_no_run_waits_for_scapy_or_dnspython_before_it_is_needed() -> None:
    imported = "; ".join(f"import fixtures.{path.stem}" for path in sorted((ROOT / "fixtures").glob("*.py")))
    said = subprocess.run(
        [sys.executable, "-c", f"import sys; {imported}; print({{'scapy', 'dns'}} & set(sys.modules))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "set()\n"
