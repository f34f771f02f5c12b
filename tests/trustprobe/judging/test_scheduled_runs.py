"""What fixtures declare of rows and scheduling, judged in a process of its own; and what every fixture declares."""

import ast
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.trustprobe.judging.judging import ROOT, judge

SUITE = """
from trustprobe.judging.schedule import Alone, Place, rows, scheduled, value_of
from tests.trustprobe.judging.test_scheduled_runs import ASKED, BEGUN, Asking

def ask(name, asked=ASKED):
    asked.append(name)
    return saw(Answer.REFUSED)

def published(function):
    name = function.__name__.removeprefix("test_")
    return case(f"made.{name}", covers=["AI-1"], fails_on="presence", advice="None.")(function)

@pytest.fixture
@scheduled(last=True)
def looks_back(): return ask("looks_back")

@pytest.fixture
@scheduled(place=Place.AFTER_THE_LONGEST)
def tolerates_nothing(): return ask("tolerates_nothing")

@pytest.fixture
@scheduled(ahead=lambda run: Asking("ahead"), place=Place.AFTER_WAITING)
def waits(observe): return observe(Asking("ahead"))

@pytest.fixture
def first():
    assert BEGUN.wait(30), "nothing was asked ahead"
    return ask("first")

@pytest.fixture
@rows(lambda run: [("a", 1), ("b", 2)])
def with_rows(request): return ask(f"row {request.param}")

@pytest.fixture
@rows(lambda run: [], none=NotApplicable("the product has none of them"))
def without_rows(request): return ask("never")

@pytest.fixture
@scheduled(alone=Alone.YES)
def alone(): return ask("alone")
"""
NAMES = ("looks_back", "tolerates_nothing", "waits", "first", "with_rows", "without_rows")
CASES = "".join(
    f'''
@published
def test_{name}({name}):
    """Look."""
'''
    for name in NAMES
)
ASKED: list[str] = []
"""What was asked, in its order; of use in the judging process only."""
BEGUN = threading.Event()
"""Set when the probe is asked: the first case waits for it."""


class Asking:
    """A probe that answers at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, _record: object) -> Any:
        from trustprobe.probe import Answer, Fact, Observation

        ASKED.append(self.name)
        BEGUN.set()
        return Observation(question="?", facts=(Fact(about="it", answer=Answer.REFUSED),))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    folder = tmp_path_factory.mktemp("schedule")
    end = f"""
@pytest.fixture(scope="session", autouse=True)
def kept():
    yield
    import json, pathlib
    pathlib.Path({str(folder / "asked.json")!r}).write_text(json.dumps(ASKED))
"""
    rules = "".join(f"  made.{name}: {{strength: required, clause: ours}}\n" for name in NAMES)
    _, results, output = judge(
        folder, [], "-p", "trustprobe.judging.ahead", more_rules=rules, suite=SUITE + CASES + end
    )
    assert results, output
    return {entry["id"].removeprefix("made."): entry for entry in results["cases"]}, json.loads(
        (folder / "asked.json").read_text("utf-8")
    )


def test_cases_run_in_the_order_that_their_fixtures_declare(judged: tuple[dict[str, Any], list[str]]) -> None:
    asked = [name for name in judged[1] if name != "ahead"]
    assert asked == ["first", "row 1", "row 2", "tolerates_nothing", "looks_back"]


def test_a_probe_that_is_declared_ahead_begins_before_the_first_case_and_is_asked_once(
    judged: tuple[dict[str, Any], list[str]],
) -> None:
    assert judged[1].count("ahead") == 1
    assert judged[1].index("ahead") < judged[1].index("first")
    assert judged[0]["waits"]["verdict"] == "PASS"


def test_a_case_has_the_rows_that_its_fixture_declares(judged: tuple[dict[str, Any], list[str]]) -> None:
    assert [row["id"] for row in judged[0]["with_rows"]["rows"]] == ["a", "b"]


def test_a_case_without_rows_has_the_declared_verdict_in_the_words_of_the_fixture(
    judged: tuple[dict[str, Any], list[str]],
) -> None:
    entry = judged[0]["without_rows"]
    assert (entry["verdict"], entry["reason"]) == ("NOT_APPLICABLE", "the product has none of them")
    assert "never" not in judged[1]


DISTURBING = ("drivers.serial", "drivers.logs", "drivers.debug", "drivers.power", "drivers.update")
"""Drivers whose probes take the console, count records, stop the processor or restart the device."""


def disturbing_names(tree: ast.Module) -> set[str]:
    """Return the probes of those drivers that a fixture module imports, and the fixtures that cause logged events."""
    found = {"await_event", "event_question"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(DISTURBING):
            module = __import__(node.module or "", fromlist=["*"])
            for alias in node.names:
                if callable(getattr(getattr(module, alias.name), "run", None)):
                    found.add(alias.name)
    return found


def observing(function: ast.FunctionDef) -> bool:
    """Whether a fixture observes: it takes `observe` or the fixture that waits for an event."""
    return bool({"observe", "await_event"} & {argument.arg for argument in function.args.args})


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").rglob("*.py")), ids=lambda path: path.stem)
def test_a_fixture_that_asks_over_such_an_interface_declares_what_it_tolerates(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = disturbing_names(tree)
    missing = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or not observing(function):
            continue
        used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} & names
        decorated = ast.unparse(ast.Module([*function.decorator_list], []))  # type: ignore[list-item]
        makes = "fixture" in decorated and "Question" not in ast.unparse(function.returns or ast.Constant(None))
        if used and makes and function.name != "await_event" and "alone=" not in decorated:
            missing.append(f"{path.name}: {function.name} uses {', '.join(sorted(used))}")
    assert not missing, "add @scheduled(alone=...) below @pytest.fixture"


def test_only_the_schedule_looks_fixtures_up_by_name() -> None:
    found = []
    for path in [*(ROOT / "trustprobe" / "judging").rglob("*.py"), *(ROOT / "fixtures").rglob("*.py")]:
        if path.name == "schedule.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = node.attr if isinstance(node, ast.Attribute) else getattr(node, "value", "")
            if named in ("getfixturevalue", "fixturenames"):
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {named}")
    assert not found, "refer to fixtures as objects: `value_of(request, module.fixture)`, `uses(item, fixture)`"


def test_probes_begin_after_the_servers_and_the_capture_of_every_fixture_module() -> None:
    import conftest

    assert conftest.pytest_plugins[-1] == "trustprobe.judging.ahead"
    paths = (path for path in (ROOT / "fixtures").rglob("*.py") if path.name != "__init__.py")
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}
    assert modules <= set(conftest.pytest_plugins)
