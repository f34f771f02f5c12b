"""The pytest plugin: options, the order of the cases, and the judging run from its first case to results.json.

Without `--bench`, the plugin is inactive, and pytest runs the harness's own tests.
"""

import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NoReturn

import pytest
from _pytest.fixtures import FixtureDef

from drivers.power.switch import PowerSwitch
from lab_config.base import Absent
from lab_config.bench import Permission
from reports.allure_report import write_categories, write_environment
from reports.junit import to_junit
from reports.results import Results
from reports.summary import write_summary
from trustprobe.errors import ConfigurationError, TrustprobeError
from trustprobe.judging.case import LAST, applies, case_of, cases, require_capabilities
from trustprobe.judging.evidence import Report
from trustprobe.judging.health import Health
from trustprobe.judging.judge import Judge
from trustprobe.judging.observe import Observer
from trustprobe.judging.presence import Presence
from trustprobe.judging.results import Checkpoint, assemble
from trustprobe.judging.run import Run, load_run
from trustprobe.judging.schedule import Alone, Place, fixtures_of, parametrize, schedule_of
from trustprobe.judging.unexpected import sentence_for

RUN = pytest.StashKey[Run]()
JUDGE = pytest.StashKey[Judge]()
OBSERVER = pytest.StashKey[Observer]()
RESULTS = pytest.StashKey[Results]()


class Prepared:
    """Passes a loaded run from the command to pytest, and returns the results."""

    def __init__(self, run: Run, report: Report) -> None:
        self.run = run
        self.report = report
        self.results: Results | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a judging run."""
    group = parser.getgroup("trustprobe")
    group.addoption("--bench", help="judge the product on this bench: a name in lab_config/benches/, or a file")
    group.addoption("--product", help="the declaration; the default is the product that the bench names")
    group.addoption("--profile", default="device_interfaces", help="the rule book (default: %(default)s)")
    group.addoption(
        "--out", default="out", type=Path, help="the folder in which the run folder is created (default: %(default)s)"
    )
    group.addoption(
        "--capability", action="append", help="run only the cases of this capability; the others are NOT_RUN"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read and check everything before anything is sent. A mistake in a file is a usage error."""
    prepared = _prepared(config)
    if prepared is None and config.getoption("--bench") is None:
        return
    if config.getoption("assertmode") == "plain" or not __debug__:
        raise pytest.UsageError(
            "configuration: no case can fail with --assert=plain or python -O. Run without this option."
        )
    try:
        require_capabilities(config.getoption("--capability") or ())
        run, report = (prepared.run, prepared.report) if prepared else (_load(config), _quiet)
    except TrustprobeError as error:
        raise pytest.UsageError(str(error)) from None
    health = Health(run.bench, run.product.component)
    config.stash[RUN] = run
    config.stash[OBSERVER] = observer = Observer(run.folder.evidence, run.redactor, report, run.product.firmware)
    config.stash[JUDGE] = judge = Judge(run, Presence(run, health, _power_cycle(run), observer.settle))
    config.pluginmanager.register(judge, "trustprobe-judge")
    config.pluginmanager.register(Checkpoint(judge, config.stash[OBSERVER]), "trustprobe-checkpoint")
    config.option.allure_report_dir = str(run.folder.allure_results)


def _power_cycle(run: Run) -> Callable[[], None] | None:
    """Return what restarts the device. None if the bench has no power switch, or does not allow its use."""
    if isinstance(run.bench.power, Absent) or Permission.POWER not in run.bench.allow:
        return None
    return PowerSwitch(run.bench.power).cycle


def _prepared(config: pytest.Config) -> Prepared | None:
    return next((plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Prepared)), None)


def _load(config: pytest.Config) -> Run:
    option = config.getoption
    return load_run(option("--bench"), option("--product"), option("--profile"), option("--out"))


def _quiet(_probe: str, _done: int, _total: int, _what: str) -> None:
    """Show no progress: pytest's own terminal lists the cases."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give table-like cases their rows."""
    run = metafunc.config.stash.get(RUN, None)
    if run is not None:
        parametrize(metafunc, run)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases that the profile does not list, put disruptive cases last, and note deselected cases."""
    judge = config.stash.get(JUDGE, None)
    if judge is None:
        _refuse_cases_without_a_bench(items)
        return
    profile = judge.run.profile
    if unknown := sorted(set(profile.cases) - set(cases())):
        _refuse(
            config,
            ConfigurationError(
                f"the profile {profile.id} names {unknown[0]}, but there is no such case.", "Correct its `cases`."
            ),
        )
    asked = [item for item in items if (entry := case_of(item)) is not None and applies(profile, entry)]
    asked.sort(key=_place)
    judge.plan(asked)
    wanted = config.getoption("--capability")
    chosen = [item for item in asked if not wanted or ((case := case_of(item)) and case.capability in wanted)]
    if left_out := [item for item in items if item not in chosen]:
        config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


def _refuse(config: pytest.Config, error: ConfigurationError) -> NoReturn:
    """Raise the error for the command, or as an error of usage if pytest was started by hand."""
    if _prepared(config) is None:
        raise pytest.UsageError(str(error))
    raise error


def _place(item: pytest.Item) -> tuple[int, int]:
    """Return the position of a case in the run. The cases that do not disturb the device come first."""
    entry = case_of(item)
    if entry is None:
        return 0, 0
    schedules = [one.schedule for one in fixtures_of(item)]
    if any(schedule.last for schedule in schedules):
        return LAST, Place.AFTER_WAITING
    return entry.rank, max([int(bool(entry.needs)), *(schedule.place for schedule in schedules)])


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: FixtureDef[object], request: pytest.FixtureRequest) -> None:
    """Let the probes that were asked ahead end before a fixture that does not tolerate them."""
    alone, observer = schedule_of(fixturedef.func).alone, request.config.stash.get(OBSERVER, None)
    if observer is not None and alone is not Alone.NO:
        observer.settle(but_steady=alone is Alone.BUT_STEADY)


def _refuse_cases_without_a_bench(items: list[pytest.Item]) -> None:
    if any(case_of(item) is not None for item in items):
        raise pytest.UsageError(
            "configuration: the cases in suites/ need a device. Run `trustprobe run`, or give --bench."
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Check before the first case that the device answers."""
    judge = session.config.stash.get(JUDGE, None)
    if judge is None:
        return
    prepared = _prepared(session.config)
    report = prepared.report if prepared else _quiet
    if session.items:
        judge.presence.at_start(
            lambda seconds: report("", 0, 1, f"waiting up to {seconds:g} s for the device to answer")
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Write results.json however the session ended, and set the exit code of the overall result.

    A fixture that cannot be torn down, for example on a full disk, does not prevent this.
    """
    try:
        return (yield)
    finally:
        _finish(session, exitstatus)


def _finish(session: pytest.Session, exitstatus: int) -> None:
    judge = session.config.stash.get(JUDGE, None)
    if judge is None or exitstatus == pytest.ExitCode.USAGE_ERROR:
        return
    cut = exitstatus in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}
    results = assemble(judge, session.config.stash[OBSERVER].firmware, cut)
    folder = judge.run.folder
    folder.write_results(results)
    session.config.stash[RESULTS] = results
    if prepared := _prepared(session.config):
        prepared.results = results
    session.exitstatus = results.exit_code
    try:
        folder.write("junit.xml", to_junit(results))
        write_summary(results, folder.path)
        write_categories(folder.allure_results)
        write_environment(folder.allure_results, _environment(results))
    except (OSError, TrustprobeError) as error:
        print(f"{sentence_for(error)} The results are in {folder.results_json}.", file=sys.stderr)


def _environment(results: Results) -> dict[str, str]:
    """Return what Allure shows as the environment of the run."""
    return {
        "product": f"{results.product.name} {results.product.firmware}",
        "sample": results.sample,
        "bench": results.bench,
        "profile": f"{results.profile.id} (pre-check)",
        "outside": results.profile.outside,
        "overall": results.overall,
        **results.tools,
    }
