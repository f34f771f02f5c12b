"""What a person sees during a run, on a terminal and elsewhere."""

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reports.results import Verdict
from tests.trustprobe.judging.made_up_run import Item, case
from trustprobe.errors import BenchError
from trustprobe.judging import progress as engine
from trustprobe.judging.judge import Judgement
from trustprobe.judging.plugin import JUDGE
from trustprobe.judging.progress import Progress

CLEAR = "\r\x1b[K"
ONE = Item.of(case())


class File(io.StringIO):
    """Standard output, as it was when it was last flushed."""

    flushed = ""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        self.flushed = self.getvalue()

    def take(self) -> str:
        """Return what was written since the last call."""
        text = self.flushed
        self.seek(0)
        self.truncate()
        self.flushed = ""
        return text


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(engine, "time", made)
    return made


def progress(*, terminal: bool, verbose: bool = False, rows: int = 3) -> tuple[Progress, File]:
    file = File(terminal)
    made = Progress(file, verbose=verbose)
    made.pytest_collection_finish(cast(pytest.Session, SimpleNamespace(items=[None] * rows)))
    return made, file


def with_judge(made: Progress, **judgements: Judgement) -> None:
    """Configure it with a judge that has these judgements."""
    stash = pytest.Stash()
    stash[JUDGE] = cast(Any, SimpleNamespace(judgements=judgements))
    manager = SimpleNamespace(unregister=lambda name: None)
    made.pytest_configure(cast(pytest.Config, SimpleNamespace(stash=stash, pluginmanager=manager)))


def test_on_a_terminal_the_last_line_moves_at_most_ten_times_a_second(clock: Clock) -> None:
    made, file = progress(terminal=True)
    made.pytest_runtest_protocol(ONE)
    assert file.take() == f"{CLEAR}[1/3] made.one"
    made.report("look", 1, 2_000, "ports")
    assert file.take() == f"{CLEAR}[1/3] made.one: ports (1 of 2,000)"
    clock.now += 0.09
    made.report("look", 2, 2_000, "ports")
    assert file.take() == ""
    clock.now = 1_000.0 + 0.1 + 1e-9
    made.report("look", 3, 2_000, "ports")
    assert file.take() == f"{CLEAR}[1/3] made.one: ports (3 of 2,000)"
    made.report("look", 4, 2_000, "ports")
    assert file.take() == ""


def test_the_moving_line_is_at_most_a_hundred_characters_long(clock: Clock) -> None:
    made, file = progress(terminal=True)
    made.report("look", 1, 2, "x" * 200)
    assert len(file.take().removeprefix(CLEAR)) == 100


def test_without_a_terminal_a_line_shows_now_and_then_how_far_the_run_is(clock: Clock) -> None:
    made, file = progress(terminal=False)
    made.pytest_runtest_protocol(ONE)
    assert file.take() == "  ... [1/3] made.one\n"
    for seconds, shown in ((4.9, ""), (0.1, "  ... [1/3] made.one: ports (1 of 2)\n"), (4.9, "")):
        clock.now += seconds
        made.report("look", 1, 2, "ports")
        assert file.take() == shown
    made.pytest_runtest_protocol(ONE)
    assert file.take() == ""
    made.pytest_runtest_logfinish("one")
    clock.now += 5
    made.pytest_runtest_protocol(ONE)
    assert file.take() == "  ... [2/3] made.one\n"


def test_a_line_is_due_as_soon_as_the_time_is_over() -> None:
    made, _ = progress(terminal=False)
    made._shown = 8.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: 13.0))
        assert made._is_due() is True
        assert made._is_due() is False


def test_the_first_line_is_due_after_the_first_seconds_of_the_machine(clock: Clock) -> None:
    clock.now = 5.0
    assert progress(terminal=False)[0]._is_due()
    clock.now = 4.5
    assert not progress(terminal=False)[0]._is_due()


def test_rows_and_tests_of_no_case_are_named(clock: Clock) -> None:
    made, file = progress(terminal=True)
    made.pytest_runtest_protocol(Item.of(case()).with_row("22"))
    assert file.take() == f"{CLEAR}[1/3] made.one [22]"
    made.pytest_runtest_protocol(Item.of(None, "test_other"))
    assert file.take() == f"{CLEAR}[1/3] test_other"


def test_before_anything_is_collected_nothing_is_counted(clock: Clock) -> None:
    file = File(True)
    Progress(file).report("look", 1, 2, "waiting")
    assert file.take() == f"{CLEAR}[1/0] : waiting (1 of 2)"


def test_every_verdict_is_a_line_if_that_is_wanted(clock: Clock) -> None:
    made, file = progress(terminal=False, verbose=True)
    one = Judgement("one", case(), "", Verdict.FAIL, "it is open", seconds=1.5)
    with_judge(made, one=one, two=Judgement("two", case(), "", Verdict.PASS, ""))
    made.pytest_runtest_protocol(ONE)
    assert file.take() == ""
    made.report("look", 1, 2, "ports")
    assert file.take() == ""
    made.pytest_runtest_logfinish("one")
    assert file.take() == f"FAIL           {'made.one':<44}   1.50 s  it is open\n"
    made.pytest_runtest_logfinish("two")
    assert file.take() == f"PASS           {'made.one':<44}   0.00 s\n"
    made.pytest_runtest_logfinish("of no case")
    assert file.take() == ""


def test_a_line_of_a_long_probe_is_shown_although_every_verdict_is(clock: Clock) -> None:
    made, file = progress(terminal=False, verbose=True)
    made.pytest_runtest_protocol(ONE)
    clock.now += 5
    made.report("look", 1, 2, "ports")
    assert file.take() == "  ... [1/3] made.one: ports (1 of 2)\n"


def test_verdicts_are_not_lines_unless_that_is_wanted_and_judged(clock: Clock) -> None:
    quiet, file = progress(terminal=False)
    with_judge(quiet, one=Judgement("one", case(), "", Verdict.PASS, ""))
    quiet.pytest_runtest_logfinish("one")
    assert file.getvalue() == ""
    by_default = Progress(file)
    with_judge(by_default, one=Judgement("one", case(), "", Verdict.PASS, ""))
    by_default.pytest_runtest_logfinish("one")
    assert file.getvalue() == ""
    unjudged, file = progress(terminal=False, verbose=True)
    unjudged.pytest_runtest_logfinish("one")
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [(Verdict.PASS, "32"), (Verdict.FAIL, "31;1"), (Verdict.ERROR, "35;1"), (Verdict.INCONCLUSIVE, "33")],
)
def test_on_a_terminal_a_verdict_has_its_colour(clock: Clock, verdict: Verdict, colour: str) -> None:
    made, file = progress(terminal=True, verbose=True)
    with_judge(made, one=Judgement("one", case(), "", verdict, ""))
    made.pytest_runtest_logfinish("one")
    assert file.take().startswith(f"{CLEAR}\x1b[{colour}m{verdict:<14}\x1b[0m ")


@pytest.mark.parametrize(("terminal", "left"), [(True, CLEAR), (False, "")])
def test_the_moving_line_is_left_at_the_end(terminal: bool, left: str) -> None:
    made, file = progress(terminal=terminal)
    made.pytest_sessionfinish()
    assert file.take() == left


def test_it_takes_the_place_of_the_terminal_of_pytest_once_the_run_is_read() -> None:
    manager = pytest.PytestPluginManager()
    manager.register(object(), "terminalreporter")
    stash = pytest.Stash()
    judge: Any = object()

    class Reads:
        def pytest_configure(self) -> None:
            stash[JUDGE] = judge

    made = Progress(File(False))
    manager.register(Reads())
    manager.register(made)  # the plugin that is registered last is called first, unless it asks for the end
    config = SimpleNamespace(stash=stash, pluginmanager=manager, addinivalue_line=lambda *_: None)
    manager.hook.pytest_configure.call_historic(kwargs={"config": config})
    assert made.judge is judge
    assert not manager.has_plugin("terminalreporter")


def test_without_a_run_there_is_no_judge() -> None:
    made = Progress(File(False))
    manager = SimpleNamespace(unregister=lambda name: None)
    made.pytest_configure(cast(pytest.Config, SimpleNamespace(stash=pytest.Stash(), pluginmanager=manager)))
    assert made.judge is None


def test_what_breaks_in_the_harness_is_kept_as_one_sentence() -> None:
    made = Progress(File(False))
    for failed in (False, True):
        assert made.broken is None
        report = SimpleNamespace(failed=failed, longreprtext="Traceback\nE  no module x", nodeid="suites/test_a.py")
        made.pytest_collectreport(cast(pytest.CollectReport, report))
    assert str(made.broken) == "harness: suites/test_a.py cannot be read: E no module x. Report this fault."
    with pytest.raises(KeyError) as caught:
        raise KeyError("port")
    assert made.pytest_internalerror("a traceback", caught)
    assert "harness: unexpected KeyError at test_progress.py" in str(made.broken)
    with pytest.raises(BenchError) as full:
        raise BenchError("the disk is full.")
    made.pytest_internalerror("a traceback", full)
    assert str(made.broken) == "bench: the disk is full."


@pytest.mark.parametrize("error", [BrokenPipeError(32, "closed"), OSError(28, "full"), ValueError("closed file")])
def test_an_output_that_cannot_be_written_does_not_end_the_run(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go: list[object] = []
    monkeypatch.setattr(engine, "let_go", let_go.append)

    class Unwritable(File):
        tries = 0

        def write(self, _text: str) -> int:
            self.tries += 1
            raise error

    file = Unwritable(True)
    made = Progress(file)
    made.pytest_sessionfinish()
    made.pytest_sessionfinish()
    assert file.tries == 1
    assert let_go == [file]


def test_a_suite_that_cannot_be_read_without_a_word_is_named() -> None:
    made = Progress(File(False))
    report = SimpleNamespace(failed=True, longreprtext=" \n", nodeid="suites/test_a.py")
    made.pytest_collectreport(cast(pytest.CollectReport, report))
    assert str(made.broken).startswith("harness: suites/test_a.py cannot be read: unknown.")
