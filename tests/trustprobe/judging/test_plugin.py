"""pytest's face: options, the order of the cases, and what is written at the end, each hook called by itself."""

import errno
import json
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _pytest.config.argparsing import Parser

from drivers.power.switch import PowerSwitch
from lab_config.bench import Permission, PowerBench
from reports.results import Overall, Verdict
from reports.summary import NAME
from tests.trustprobe.judging.made_up_run import Device, Item, bench, case, run
from trustprobe.errors import ConfigurationError
from trustprobe.judging import plugin
from trustprobe.judging.case import LAST, Case
from trustprobe.judging.health import Health
from trustprobe.judging.judge import Judge
from trustprobe.judging.observe import Observer
from trustprobe.judging.plugin import JUDGE, OBSERVER, RESULTS, RUN, Prepared
from trustprobe.judging.presence import Presence
from trustprobe.judging.results import Checkpoint
from trustprobe.judging.run import Run
from trustprobe.judging.schedule import Alone, Place, scheduled

NAMES = ("made.one", "made.two", "made.three")


class Session:
    """pytest around the plugin: its options, its hooks and its session; `first` and `last` watch the order."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.options: dict[str, Any] = {"--profile": "p", "--out": folder, "assertmode": "rewrite"}
        self.options |= dict.fromkeys(("--bench", "--product", "--capability")) | options
        self.stash = pytest.Stash()
        self.option = SimpleNamespace()
        self.pluginmanager = pytest.PytestPluginManager()
        self.pluginmanager.register(plugin)
        self.hook = self.pluginmanager.hook
        self.items: list[Item] = []
        self.exitstatus: object = None

    def getoption(self, name: str) -> Any:
        return self.options[name]

    def addinivalue_line(self, *_given: str) -> None:
        """Needed by pytest's own hook."""

    @property
    def config(self) -> "Session":
        return self

    def judge(self, made: Run) -> Judge:
        """Judge this run."""
        judge = Judge(made, Presence(made, Device()))
        self.stash[JUDGE], self.stash[RUN] = judge, made
        self.stash[OBSERVER] = cast(Observer, SimpleNamespace(firmware="1.1"))
        return judge

    def prepare(self, made: Run) -> tuple[Prepared, list[tuple[object, ...]]]:
        """Hand over a run as the command does, with what was reported of it."""
        told: list[tuple[object, ...]] = []
        prepared = Prepared(made, lambda *given: told.append(given))
        self.pluginmanager.register(object())
        self.pluginmanager.register(prepared)
        return prepared, told

    def configure(self) -> None:
        self.hook.pytest_configure.call_historic(kwargs={"config": self})


class Hooks:
    """A plugin that is made of functions."""

    def __init__(self, **functions: Callable[..., object]) -> None:
        vars(self).update(functions)


def watch(session: Session, hook: str, seen: Callable[[], object], *, first: bool = False) -> list[object]:
    """Register a plugin whose hook notes something: after ours, so that it comes first, unless `first`."""
    noted: list[object] = []

    def implementation() -> None:
        noted.append(seen())

    session.pluginmanager.register(Hooks(**{hook: implementation}))
    if first:
        session.pluginmanager.unregister(plugin)
        session.pluginmanager.register(plugin)
    return noted


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@pytest.fixture(autouse=True)
def register(monkeypatch: pytest.MonkeyPatch) -> dict[str, Case]:
    known = {name: case(name) for name in NAMES}
    monkeypatch.setattr("trustprobe.judging.case._register", known)
    return known


# Options and the beginning


def parsed(*words: str) -> Any:
    parser = Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    return parser.parse_known_args(words)


def test_the_options_of_a_run_have_defaults() -> None:
    given = parsed()
    assert (given.bench, given.product, given.profile) == (None, None, "device_interfaces")
    assert (given.out, given.capability) == (Path("out"), None)


def test_the_options_of_a_run_are_words() -> None:
    words = ("--bench=b", "--product=p", "--profile=r", "--out=o", "--capability=one", "--capability=two")
    given = parsed(*words)
    assert (given.bench, given.product, given.profile) == ("b", "p", "r")
    assert (given.out, given.capability) == (Path("o"), ["one", "two"])


def test_without_a_bench_nothing_is_active(session: Session) -> None:
    session.configure()
    assert RUN not in session.stash
    assert not session.pluginmanager.has_plugin("trustprobe-judge")


def test_a_run_is_read_by_its_names_before_other_plugins_are_configured(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = run(tmp_path), list[tuple[object, ...]]()

    def load(*given: object) -> Run:
        asked.append(given)
        return made

    monkeypatch.setattr(plugin, "load_run", load)
    session.options |= {"--bench": "desk", "--product": "thing"}
    noted = watch(session, "pytest_configure", lambda: RUN in session.stash)
    session.configure()
    assert asked == [("desk", "thing", "p", tmp_path)]
    assert noted == [True]
    assert session.stash[RUN] is made
    assert session.pluginmanager.get_plugin("trustprobe-judge") is session.stash[JUDGE]
    assert session.stash[JUDGE].run is made
    assert isinstance(session.pluginmanager.get_plugin("trustprobe-checkpoint"), Checkpoint)
    presence = session.stash[JUDGE].presence
    assert (presence.check, presence.power_cycle) == (Health(made.bench, made.product.component), None)
    assert presence.settle == session.stash[OBSERVER].settle
    assert session.option.allure_report_dir == str(made.folder.allure_results)
    observer = session.stash[OBSERVER]
    assert (observer.firmware, observer._report) == ("1.0", plugin._quiet)


def test_a_prepared_run_is_not_read_again(session: Session, tmp_path: Path) -> None:
    prepared, _ = session.prepare(run(tmp_path))
    session.configure()
    assert session.stash[RUN] is prepared.run
    assert session.stash[OBSERVER]._report is prepared.report
    assert prepared.results is None


def test_a_mistake_in_a_file_is_a_usage_error(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_given: object) -> Run:
        raise ConfigurationError("no such bench.", "Look.")

    monkeypatch.setattr(plugin, "load_run", load)
    session.options["--bench"] = "nowhere"
    with pytest.raises(pytest.UsageError, match=r"^configuration: no such bench\. Look\.$"):
        session.configure()


def test_a_capability_that_does_not_exist_is_a_usage_error(session: Session, tmp_path: Path) -> None:
    session.prepare(run(tmp_path))
    session.options["--capability"] = ["nowhere"]
    with pytest.raises(pytest.UsageError, match="'nowhere'"):
        session.configure()


def test_assertions_that_are_switched_off_by_an_option_are_refused(session: Session, tmp_path: Path) -> None:
    session.prepare(run(tmp_path))
    session.options["assertmode"] = "plain"
    with pytest.raises(pytest.UsageError, match="no case can fail"):
        session.configure()


def test_assertions_that_python_leaves_out_are_refused(session: Session) -> None:
    path = Path(plugin.__file__)
    optimized: dict[str, Any] = {"__name__": "optimized"}
    exec(compile(path.read_text("utf-8"), str(path), "exec", optimize=1), optimized)
    session.options["--bench"] = "desk"
    with pytest.raises(pytest.UsageError, match="no case can fail"):
        optimized["pytest_configure"](session)


def test_a_case_gets_rows_only_in_a_judging_run(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(plugin, "parametrize", lambda *words: given.append(words))
    metafunc = SimpleNamespace(config=session)
    session.hook.pytest_generate_tests(metafunc=metafunc)
    assert not given
    made = session.judge(run(tmp_path)).run
    session.hook.pytest_generate_tests(metafunc=metafunc)
    assert given == [(metafunc, made)]


# The choice and the order of the cases


def item(name: str, *needs: Permission, capability: str = "logs", **words: Any) -> Item:
    def looks() -> None:
        """Nothing."""

    entry = case(f"made.{name}", needs=needs, capability=capability)
    return Item.of(entry, f"test_{name}").with_fixtures(looks=scheduled(**words)(looks))


def collected(session: Session, *items: Item) -> tuple[list[str], list[str]]:
    """Return the names of what is left and of what was deselected."""
    left_out: list[str] = []
    deselects = Hooks(pytest_deselected=lambda items: left_out.extend(one.name for one in items))
    session.pluginmanager.register(deselects)
    given = list(items)
    session.hook.pytest_collection_modifyitems(session=session, config=session, items=given)
    return [one.name for one in given], left_out


def judging(session: Session, folder: Path, *names: str) -> Judge:
    return session.judge(run(folder, rules=dict.fromkeys(names or NAMES, "required")))


def test_only_cases_that_the_profile_asks_for_run(session: Session, tmp_path: Path) -> None:
    judge = judging(session, tmp_path, "made.one")
    noted = watch(session, "pytest_collection_modifyitems", lambda: len(judge.judgements))
    items = item("two"), Item.of(None, "test_of_the_harness"), item("one")
    assert collected(session, *items) == (["test_one"], ["test_two", "test_of_the_harness"])
    assert [one.case.id for one in judge.judgements.values()] == ["made.one"]
    assert noted == [1]


def test_nothing_is_deselected_if_every_case_runs(session: Session, tmp_path: Path) -> None:
    judging(session, tmp_path)
    asked: list[object] = []
    session.pluginmanager.register(Hooks(pytest_deselected=lambda items: asked.append(items)))
    assert collected(session, item("one"))[0] == ["test_one"]
    assert not asked


def test_cases_of_other_capabilities_are_planned_and_left_out(session: Session, tmp_path: Path) -> None:
    judge = judging(session, tmp_path)
    session.options["--capability"] = ["logs", "updates"]
    items = item("one"), item("two", capability="passwords"), item("three", capability="updates")
    assert collected(session, *items) == (["test_one", "test_three"], ["test_two"])
    assert len(judge.judgements) == 3


def test_a_case_that_nobody_wrote_is_a_usage_error(session: Session, tmp_path: Path) -> None:
    judging(session, tmp_path, "made.one", "made.nowhere", "made.elsewhere")
    with pytest.raises(pytest.UsageError, match=r"profile made_up names made\.elsewhere,"):
        collected(session)


def test_a_case_that_nobody_wrote_is_reported_to_the_command(session: Session, tmp_path: Path) -> None:
    session.prepare(judging(session, tmp_path, "made.nowhere").run)
    with pytest.raises(ConfigurationError, match=r"names made\.nowhere,"):
        collected(session)


def test_cases_without_a_bench_are_a_usage_error(session: Session) -> None:
    harness = Item.of(None, "test_of_the_harness")
    assert collected(session, harness) == (["test_of_the_harness"], [])
    with pytest.raises(pytest.UsageError, match="need a device"):
        collected(session, harness, item("one"))


def test_what_disturbs_the_device_comes_last(session: Session, tmp_path: Path) -> None:
    judging(session, tmp_path)
    items = item("one", Permission.POWER), item("two", Permission.CONFIGURE), item("three")
    assert collected(session, *items)[0] == ["test_three", "test_two", "test_one"]


@pytest.mark.parametrize(
    ("needs", "words", "place"),
    [
        ((), {}, (0, 0)),
        ((Permission.CONFIGURE,), {}, (0, 1)),
        ((Permission.CONFIGURE,), {"place": Place.AFTER_THE_LONGEST}, (0, 2)),
        ((), {"place": Place.AFTER_WAITING}, (0, 1)),
        ((Permission.POWER,), {}, (2, 1)),
        ((), {"last": True}, (LAST, 1)),
    ],
)
def test_a_case_stands_behind_what_its_fixtures_wait_for(
    needs: tuple[Permission, ...], words: dict[str, Any], place: tuple[int, int]
) -> None:
    assert plugin._place(item("one", *needs, **words).with_fixtures(plain=lambda: None)) == place
    assert plugin._place(Item.of(None)) == (0, 0)


@pytest.mark.parametrize(("alone", "settled"), [(Alone.NO, []), (Alone.BUT_STEADY, [True]), (Alone.YES, [False])])
def test_what_was_asked_ahead_ends_before_a_fixture_that_tolerates_nothing(
    session: Session, alone: Alone, settled: list[bool]
) -> None:
    def looks() -> None:
        """Nothing."""

    noted: list[bool] = []
    observer = SimpleNamespace(settle=lambda *, but_steady: noted.append(but_steady))
    fixturedef = SimpleNamespace(func=scheduled(alone=alone)(looks))
    request = SimpleNamespace(config=session)
    session.hook.pytest_fixture_setup(fixturedef=fixturedef, request=request)  # no judging run
    session.stash[OBSERVER] = cast(Observer, observer)
    order = watch(session, "pytest_fixture_setup", lambda: list(noted))
    session.hook.pytest_fixture_setup(fixturedef=fixturedef, request=request)
    assert noted == settled
    assert order == [settled]


# Before the first case


def begin(session: Session, *answers: str | None, items: int = 1) -> tuple[list[float], str | None]:
    """Return the seconds that the device was given, and why it is lost."""
    judge, device = session.stash[JUDGE], Device(*answers)
    judge.presence.check = device
    session.items = [item("one")] * items
    session.hook.pytest_runtestloop(session=session)
    return [seconds for _, seconds in device.asked], judge.run.lost


def test_a_device_that_is_there_is_asked_once(session: Session, tmp_path: Path) -> None:
    session.judge(run(tmp_path))
    noted = watch(session, "pytest_runtestloop", lambda: session.items)
    assert begin(session, None) == ([0.5], None)
    assert len(noted) == 1


def test_before_other_plugins_run_a_case_the_device_is_asked(session: Session, tmp_path: Path) -> None:
    made = session.judge(run(tmp_path)).run
    noted = watch(session, "pytest_runtestloop", lambda: made.lost)
    begin(session, "gone", "gone")
    assert noted == [made.lost]
    assert made.lost is not None


def test_a_device_has_the_time_that_it_needs_to_boot(session: Session, tmp_path: Path) -> None:
    made = run(tmp_path)
    session.judge(made)
    _, told = session.prepare(made)
    seconds = made.product.component.boot_seconds
    assert begin(session, "gone", None) == ([0.5, seconds], None)
    assert told == [("", 0, 1, told[0][3])]
    assert f"{seconds:g} s" in str(told[0][3])


def test_a_device_that_never_answers_is_lost_before_the_first_case(session: Session, tmp_path: Path) -> None:
    session.judge(run(tmp_path))
    _, lost = begin(session, "it is gone", "it is still gone")
    assert str(lost).startswith("it is still gone")
    assert len(str(lost)) > len("it is still gone")  # and when that was


def test_without_a_case_nothing_is_asked(session: Session, tmp_path: Path) -> None:
    session.judge(run(tmp_path))
    assert begin(session, "gone", items=0) == ([], None)


def test_without_a_run_nothing_begins_and_nothing_is_written(session: Session, tmp_path: Path) -> None:
    session.hook.pytest_runtestloop(session=session)
    session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
    assert not list(tmp_path.iterdir())


# The end


def test_the_end_writes_every_report_and_sets_the_exit_code(session: Session, tmp_path: Path) -> None:
    made = run(tmp_path)
    judge = session.judge(made)
    prepared, _ = session.prepare(made)
    judge.plan([Item.of(case())])
    next(iter(judge.judgements.values())).verdict = Verdict.FAIL
    noted = watch(session, "pytest_sessionfinish", lambda: session.exitstatus, first=True)
    session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.TESTS_FAILED)
    assert noted == [None]
    results = session.stash[RESULTS]
    assert prepared.results is results
    assert (results.overall, results.firmware_seen) == (Overall.NONCONFORMING, ("1.1",))
    assert session.exitstatus == 1
    assert json.loads((made.folder.path / "results.json").read_text("utf-8"))["overall"] == "NONCONFORMING"
    assert "made.one" in (made.folder.path / "junit.xml").read_text("utf-8")
    assert "NONCONFORMING" in (made.folder.path / NAME).read_text("utf-8")
    assert json.loads((made.folder.allure_results / "categories.json").read_text("utf-8"))
    shown = (made.folder.allure_results / "environment.properties").read_text("utf-8")
    assert "sample" in shown


@pytest.mark.parametrize(
    ("status", "interrupted"),
    [(pytest.ExitCode.INTERRUPTED, True), (pytest.ExitCode.INTERNAL_ERROR, True), (pytest.ExitCode.OK, False)],
)
def test_an_interrupted_run_says_so(
    session: Session, tmp_path: Path, status: pytest.ExitCode, interrupted: bool
) -> None:
    judge = session.judge(run(tmp_path))
    judge.plan([Item.of(case())])
    session.hook.pytest_sessionfinish(session=session, exitstatus=status)
    assert ("interrupted" in session.stash[RESULTS].reason) is interrupted
    assert session.exitstatus == 2


def test_results_are_written_although_another_plugin_cannot_finish(session: Session, tmp_path: Path) -> None:
    made = session.judge(run(tmp_path)).run

    @pytest.hookimpl(wrapper=True)
    def breaks() -> Generator[None, object, object]:
        if made.lost is None:
            raise RuntimeError("no space")
        return (yield)

    session.pluginmanager.register(Hooks(pytest_sessionfinish=breaks))
    with pytest.raises(RuntimeError, match="no space"):
        session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
    assert made.folder.results_json.exists()
    assert session.exitstatus == 2


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "x", "/a"), ConfigurationError("/a cannot be written.")])
def test_results_stay_although_a_report_of_them_cannot_be_written(
    session: Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    def full(*_given: object) -> None:
        raise error

    made = session.judge(run(tmp_path)).run
    prepared, _ = session.prepare(made)
    monkeypatch.setattr(plugin, "write_summary", full)
    session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
    assert prepared.results is session.stash[RESULTS]
    assert session.exitstatus == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "/a cannot be written" in printed.err
    assert printed.err.endswith(f" The results are in {made.folder.results_json}.\n")


def test_after_a_usage_error_nothing_is_written(session: Session, tmp_path: Path) -> None:
    made = session.judge(run(tmp_path)).run
    session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.USAGE_ERROR)
    assert not (made.folder.path / "results.json").exists()
    assert session.exitstatus is None


def test_allure_shows_what_was_judged_with_what(session: Session, tmp_path: Path) -> None:
    session.judge(run(tmp_path))
    session.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
    results = session.stash[RESULTS]
    assert plugin._environment(results) == {
        "product": "Thing 1.0",
        "sample": "S1",
        "bench": "desk",
        "profile": "made_up (pre-check)",
        "outside": "everything else",
        "overall": results.overall,
        **results.tools,
    }
    assert "trustprobe" in results.tools


# The power switch


def test_only_a_switch_that_the_bench_has_and_allows_restarts_a_lost_device(tmp_path: Path) -> None:
    switch = {"on": "http://192.0.2.9/on", "off": "http://192.0.2.9/off"}
    made = run(tmp_path)
    for allow, power, restarts in (
        ((), {"absent": "not on this bench"}, False),
        ((Permission.POWER,), {"absent": "not on this bench"}, False),
        ((), switch, False),
        ((Permission.POWER,), switch, True),
    ):
        made.bench = bench(*allow, power=power)
        cycle = plugin._power_cycle(made)
        assert (cycle is not None) is restarts
        if cycle is not None:
            assert getattr(cycle, "__self__", None) == PowerSwitch(PowerBench.model_validate(switch))
