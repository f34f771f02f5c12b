"""The hooks that give verdicts, called with made-up items; test_judged_runs.py judges in a process of its own."""

from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab_config.bench import Permission
from reports.results import Verdict
from tests.trustprobe.judging.made_up_run import BROKEN, HOLDS, SECRET, Device, Item, case, component, product, run, saw
from trustprobe.errors import BenchError, DeviceLostError, HarnessError, NotForwardedError
from trustprobe.judging import judge as engine
from trustprobe.judging.judge import DESELECTED, NOT_REACHED, Judge, Judgement
from trustprobe.judging.outcomes import Inconclusive, Manual, NotApplicable, NotProvided
from trustprobe.judging.presence import Presence
from trustprobe.judging.schedule import NoRows, scheduled
from trustprobe.probe import Answer

ESCAPE, SHOWN = "\x1b[2J", "\\x1b[2J"
"""What a hostile device sends to clear a screen, and how a report shows it."""
EPOCH = datetime(2026, 1, 2, tzinfo=UTC)
Body = Callable[[], object]
NO_FORWARDING = "the bench forwards no tcp/23 to the device: add `tcp/23: PORT` to `network.port_map` of the bench file"


class Bench:
    """A judge, the hooks of pytest around it, and a device that is there until it is `gone`."""

    def __init__(self, folder: Path, *allow: Permission) -> None:
        self.run = run(folder, *allow)
        self.device = Device()
        self.judge = Judge(self.run, Presence(self.run, self.device))
        self.manager = pytest.PytestPluginManager()
        self.manager.register(self.judge)
        self.manager.register(self)
        self.body: Body = lambda: "done"

    @property
    def asked(self) -> list[tuple[str, float]]:
        return self.device.asked

    def lose(self) -> None:
        self.device.answers = ["the device does not answer"]

    def pytest_runtest_setup(self) -> object:
        return self.body()

    def pytest_runtest_call(self) -> object:
        return self.body()

    def pytest_runtest_teardown(self) -> object:
        return self.body()

    def plan(self, *items: Item) -> None:
        self.judge.plan(list(items))

    def do(self, when: str, item: Item, body: Body | None = None) -> Judgement:
        """Call one hook of a planned item. A skip that comes out of it fails: it would skip the test itself."""
        try:
            return self.hook(when, item, body)
        except pytest.skip.Exception as skipped:
            raise AssertionError(f"it was skipped: {skipped}") from skipped

    def hook(self, when: str, item: Item, body: Body | None = None) -> Judgement:
        """Call one hook of a planned item; raises what comes out of it."""
        if item.nodeid not in self.judge.judgements:
            self.plan(item)
        self.body = body or (lambda: "done")
        assert getattr(self.manager.hook, f"pytest_runtest_{when}")(item=item, nextitem=None) == ["done"]
        return self.judge.judgements[item.nodeid]

    def decided(self, when: str, item: Item, body: Body | None = None) -> tuple[str, str]:
        """Return verdict and reason of an item that the hook skips or fails."""
        with pytest.raises((pytest.skip.Exception, pytest.fail.Exception)) as raised:
            self.hook(when, item, body)
        judgement = self.judge.judgements[item.nodeid]
        failed = judgement.verdict is Verdict.FAIL
        assert isinstance(raised.value, pytest.fail.Exception) is failed
        assert raised.value.msg == (judgement.reason if failed else f"{judgement.verdict}: {judgement.reason}")
        assert raised.value.pytrace is not failed
        return str(judgement.verdict), judgement.reason

    def failed(self, when: str, item: Item, error: Exception, comes: type[Exception]) -> tuple[str, str]:
        """Return verdict and reason of an item of which pytest sees an exception."""
        with pytest.raises(comes):
            self.do(when, item, raises(error))
        judgement = self.judge.judgements[item.nodeid]
        return str(judgement.verdict), judgement.reason


def raises(error: BaseException) -> Body:
    def body() -> object:
        raise error

    return body


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, Permission.CONFIGURE, Permission.POWER)


def absence(*arguments: object, **fields: Any) -> Item:
    """An item whose case fails on absence and rests on one refusal."""
    return Item.of(case(fails_on="absence", **fields), it=saw(Answer.REFUSED))


# What is planned


def test_what_is_planned_is_not_run_until_it_is_judged(bench: Bench) -> None:
    first = Item.of(case(), "test_one").with_row("22")
    bench.plan(first, Item.of(None, "test_of_the_harness"))
    (planned,) = bench.judge.judgements.values()
    assert (planned.item, planned.case, planned.row) == (first.nodeid, case(), "22")
    assert (planned.verdict, planned.reason) == (Verdict.NOT_RUN, NOT_REACHED)
    assert (planned.seconds, planned.observations) == (0, [])


def test_what_is_deselected_says_so_and_other_tests_are_not_noted(bench: Bench) -> None:
    first, second = Item.of(case(), "test_one"), Item.of(case("made.two"), "test_two")
    bench.plan(first, second)
    bench.manager.hook.pytest_deselected(items=[Item.of(None, "test_other"), second])
    assert [one.reason for one in bench.judge.judgements.values()] == [NOT_REACHED, DESELECTED]


# Before a case


def test_a_case_whose_fixtures_are_set_up_has_no_verdict_yet(bench: Bench) -> None:
    assert bench.do("setup", Item.of(case())).verdict is Verdict.NOT_RUN


def test_a_case_without_rows_has_the_verdict_that_its_fixture_declares(bench: Bench) -> None:
    item = Item.of(case()).with_row("none", it=NoRows(NotApplicable("it has none")))
    assert bench.decided("setup", item) == ("NOT_APPLICABLE", "it has none")


def test_a_case_has_the_verdict_that_the_declaration_gives_before_anything_is_sent(bench: Bench) -> None:
    asked: list[object] = []

    def declared(run: object) -> None:
        asked.append(run)
        raise NotApplicable("it has none")

    def looks() -> None:
        """Nothing."""

    item = Item.of(case()).with_fixtures(looks=scheduled(declared=declared)(looks))
    assert bench.decided("setup", item) == ("NOT_APPLICABLE", "it has none")
    assert asked == [bench.run]
    assert not bench.asked


def test_a_case_needs_each_of_its_permissions(bench: Bench) -> None:
    needs = (Permission.UPDATE, Permission.POWER, Permission.RESET)
    verdict, reason = bench.decided("setup", Item.of(case(needs=needs)))
    assert verdict == "INCONCLUSIVE"
    assert reason.startswith("the bench does not allow update, reset: ")
    bench.do("setup", Item.of(case(needs=(Permission.POWER,)), "test_allowed"))


def test_a_reset_that_a_product_is_declared_not_to_have_needs_no_permission(bench: Bench) -> None:
    item = Item.of(case(needs=(Permission.POWER, Permission.RESET)))
    assert bench.decided("setup", item)[0] == "INCONCLUSIVE", "of a reset nothing is said"
    bench.run.product = product(component=component(reset={"path": "/api/reset"}))
    assert bench.decided("setup", item)[0] == "INCONCLUSIVE", "it has one"
    bench.run.product = product(component=component(reset={"absent": "the product has no reset"}))
    bench.do("setup", item)
    refused = Item.of(case("made.two", needs=(Permission.UPDATE, Permission.RESET)), "test_update")
    assert bench.decided("setup", refused)[1].startswith("the bench does not allow update: ")


def test_a_refused_case_sets_nothing_up(bench: Bench) -> None:
    bench.lose()
    bench.run.lost = "gone"
    set_up: list[str] = []
    bench.decided("setup", Item.of(case()), lambda: set_up.append("set up"))
    assert not set_up


class Wrapper:
    """A wrapper of pytest's own, and what came out of what it wraps."""

    def __init__(self) -> None:
        self.came: list[str] = []

    def _around(self) -> Generator[None, Any, Any]:
        try:
            result = yield
        except BaseException as error:
            self.came.append(type(error).__name__)
            raise
        self.came.append("nothing")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        return (yield from self._around())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        return (yield from self._around())


def test_wrappers_of_pytest_are_set_up_for_a_refused_case_too(bench: Bench) -> None:
    inner = bench.manager.unregister(bench.judge)
    wrapper = Wrapper()
    bench.manager.register(wrapper)
    bench.manager.register(inner)
    bench.lose()
    bench.run.lost = "gone"
    bench.decided("setup", Item.of(case()))
    assert wrapper.came == ["Skipped"]


def test_what_a_case_raises_is_judged_after_the_wrappers_of_pytest(bench: Bench) -> None:
    wrapper = Wrapper()
    bench.manager.register(wrapper)
    bench.decided("call", Item.of(case()), raises(Inconclusive("not now")))
    assert wrapper.came == ["Inconclusive"]


@pytest.mark.parametrize("when", ["setup", "call"])
@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (Inconclusive("no canary"), "INCONCLUSIVE", "no canary"),
        (NotApplicable("has none"), "NOT_APPLICABLE", "has none"),
        (Manual("look"), "MANUAL", "look"),
        (NotProvided("no log"), "FAIL", "no log"),
        (NotForwardedError("tcp", 23), "INCONCLUSIVE", NO_FORWARDING),
    ],
)
def test_what_a_fixture_or_a_case_raises_is_its_verdict(
    bench: Bench, when: str, error: Exception, verdict: str, reason: str
) -> None:
    assert bench.decided(when, Item.of(case()), raises(error)) == (verdict, reason)


def test_a_device_that_is_lost_while_a_fixture_observes_leaves_the_case_open(bench: Bench) -> None:
    error = DeviceLostError("the device does not answer.")
    assert bench.decided("setup", Item.of(case()), raises(error)) == (
        "INCONCLUSIVE",
        "device: the device does not answer.",
    )


@pytest.mark.parametrize("when", ["setup", "call"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BenchError("no cable.", "Plug it in."), "bench: no cable. Plug it in."),
        (ZeroDivisionError("by zero"), "harness: ZeroDivisionError: by zero"),
    ],
)
def test_what_breaks_is_an_error_that_pytest_sees_as_well(
    bench: Bench, when: str, error: Exception, reason: str
) -> None:
    assert bench.failed(when, Item.of(case()), error, type(error)) == ("ERROR", reason)


@pytest.mark.parametrize("when", ["setup", "call"])
def test_what_breaks_is_made_legible_for_every_report(bench: Bench, when: str) -> None:
    error = ValueError(f"it said {ESCAPE}")
    bench.failed(when, Item.of(case()), error, ValueError)
    assert error.args == (f"it said {SHOWN}",)


def test_an_assertion_in_a_fixture_is_a_fault_of_the_harness(bench: Bench) -> None:
    error = AssertionError(f"inside {ESCAPE}\nassert 1 == 2")
    with pytest.raises(HarnessError) as raised:
        bench.do("setup", Item.of(case()), raises(error))
    assert raised.value.__cause__ is error
    (judgement,) = bench.judge.judgements.values()
    assert judgement.verdict is Verdict.ERROR
    assert judgement.reason == str(raised.value)
    assert judgement.reason.startswith("harness: an assertion failed before ")
    assert f"inside {SHOWN}. " in judgement.reason
    assert "1 == 2" not in judgement.reason


def test_what_pytest_skips_was_not_run(bench: Bench) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"^on this machine$"):
        bench.hook("setup", Item.of(case()), lambda: pytest.skip("on this machine"))
    (judgement,) = bench.judge.judgements.values()
    assert (judgement.verdict, judgement.reason) == (Verdict.NOT_RUN, "on this machine")


# The case itself


def test_a_case_that_holds_passes_without_a_reason(bench: Bench) -> None:
    judgement = bench.do("call", Item.of(case(), it=saw(Answer.REFUSED)))
    assert (judgement.verdict, judgement.reason) == (Verdict.PASS, "")


def test_a_pass_on_silence_without_a_witness_is_open(bench: Bench) -> None:
    verdict, reason = bench.decided("call", Item.of(case(), it=saw(Answer.SILENT, BROKEN)))
    assert verdict == "INCONCLUSIVE"
    assert reason.endswith(": the canary is dead")


def test_a_case_that_observed_nothing_is_an_error(bench: Bench) -> None:
    with pytest.raises(HarnessError, match="observed nothing"):
        bench.do("call", Item.of(case(), it=saw(None)))
    (judgement,) = bench.judge.judgements.values()
    assert judgement.verdict is Verdict.ERROR
    assert judgement.reason.startswith("harness: the case observed nothing")


def test_a_verdict_rests_on_the_observations_that_the_case_itself_takes(bench: Bench) -> None:
    own, other = saw(Answer.REFUSED, probe="own"), saw(Answer.SILENT, probe="other")
    item = Item.of(case(), number=3, it=own)
    item.funcargs["other"] = other  # of a fixture of its fixture
    item._fixtureinfo.argnames += ("not_set_up",)  # type: ignore[misc]
    assert bench.do("call", item).observations == [own]


def test_only_a_function_is_a_case() -> None:
    with pytest.raises(AssertionError):
        engine._rests_on(cast(pytest.Item, SimpleNamespace()))


def test_a_failed_assertion_is_a_failure_in_the_words_of_its_author(bench: Bench) -> None:
    error = AssertionError(f"it is open {ESCAPE}\nassert not 1")
    item = Item.of(case(), it=saw(Answer.SEEN))
    assert bench.failed("call", item, error, AssertionError) == ("FAIL", f"it is open {SHOWN}")
    assert error.args == (f"it is open {SHOWN}\nassert not 1",)
    assert not bench.asked


def test_a_failure_without_anything_seen_is_open(bench: Bench) -> None:
    item = Item.of(case(), it=saw(Answer.SILENT, HOLDS))
    verdict, reason = bench.decided("call", item, raises(AssertionError("it is open")))
    assert verdict == "INCONCLUSIVE"
    assert reason.endswith("(it is open)")


def test_a_failure_on_absence_stands_if_the_device_is_still_there(bench: Bench) -> None:
    error = AssertionError("no record came")
    assert bench.failed("call", absence(), error, AssertionError) == ("FAIL", "no record came")
    assert bench.asked == [("silent", 3.0)]


def test_a_failure_on_absence_is_open_if_the_device_is_gone(bench: Bench) -> None:
    bench.lose()
    verdict = bench.decided("call", absence(), raises(AssertionError("no record came")))
    assert verdict == ("INCONCLUSIVE", "the device does not answer (no record came)")


def test_a_failure_on_presence_stands_although_the_device_is_gone(bench: Bench) -> None:
    bench.lose()
    item = Item.of(case(), it=saw(Answer.SEEN))
    assert bench.failed("call", item, AssertionError("it is open"), AssertionError) == ("FAIL", "it is open")
    assert not bench.asked


def test_a_failure_that_is_open_already_asks_nothing_of_the_device(bench: Bench) -> None:
    item = Item.of(case(fails_on="absence"), it=saw(Answer.SILENT))
    bench.decided("call", item, raises(AssertionError("no record came")))
    assert not bench.asked


def test_a_device_that_a_case_restarts_has_the_time_that_it_needs_to_boot(bench: Bench) -> None:
    bench.failed("call", absence(needs=(Permission.POWER,)), AssertionError("it did not start"), AssertionError)
    assert bench.asked == [("gone", bench.run.product.component.boot_seconds)]


# Reasons and labels


def test_a_reason_is_cut_at_a_thousand_characters(bench: Bench) -> None:
    _, reason = bench.decided("setup", Item.of(case()), raises(Manual("x" * 1_001)))
    assert reason == "x" * 1_000 + "... [cut, 1001 characters in all]"


def test_a_reason_holds_no_secret_of_the_bench(bench: Bench) -> None:
    _, reason = bench.decided("setup", Item.of(case()), raises(Manual(f"it showed {SECRET}")))
    assert reason == "it showed [secret admin]"


def test_a_case_and_its_verdict_are_labelled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[object, ...]] = []
    monkeypatch.setattr(engine, "label_case", lambda *given: said.append(given))
    monkeypatch.setattr(engine, "label_verdict", lambda *given: said.append(given))
    item = Item.of(case(), it=saw(Answer.REFUSED))
    bench.do("setup", item)
    bench.do("call", item)
    assert said == [(bench.run, case()), (Verdict.PASS, "", [item.funcargs["it"]])]


# After a case


def test_a_case_that_passes_and_leaves_the_device_alone_asks_nothing_of_it(bench: Bench) -> None:
    item = Item.of(case(), it=saw(Answer.REFUSED))
    bench.do("call", item)
    bench.do("teardown", item)
    assert (bench.asked, bench.run.lost) == ([], None)


def asked_after(bench: Bench, item: Item, body: Body | None = None, when: str = "call") -> list[tuple[str, float]]:
    """Run one hook and the teardown, and return which checks came after the case."""
    with suppress(pytest.skip.Exception, AssertionError, HarnessError, BenchError):
        bench.do(when, item, body)
    bench.device.asked.clear()
    bench.do("teardown", item)
    return bench.asked


def test_after_a_case_that_probed_the_device_and_did_not_pass_it_has_to_be_there(bench: Bench) -> None:
    failed = Item.of(case(), it=saw(Answer.SEEN, interface="network"))
    assert asked_after(bench, failed, raises(AssertionError("it is open"))) == [("silent", 3.0)]
    unproven = Item.of(case("made.two"), "test_two", it=saw(Answer.SILENT, interface="logs"))
    assert asked_after(bench, unproven) == [("silent", 3.0)]


def test_a_case_about_documents_says_nothing_about_the_device(bench: Bench) -> None:
    failed = Item.of(case(), it=saw(Answer.SEEN, interface="documents"))
    assert asked_after(bench, failed, raises(AssertionError("it is outdated"))) == []
    assert asked_after(bench, Item.of(case("made.two"), "test_two"), raises(Inconclusive("not said")), "setup") == []


@pytest.mark.parametrize("error", [DeviceLostError("it is gone."), BenchError("no route."), ValueError("broken")])
def test_after_an_error_of_a_probe_the_device_has_to_be_there(bench: Bench, error: Exception) -> None:
    with suppress(ValueError):
        asked = asked_after(bench, Item.of(case()), raises(error), "setup")
        assert asked == [("silent", 3.0)]


@pytest.mark.parametrize(
    ("need", "check"), [(Permission.LOCKOUT, "silent"), (Permission.POWER, "gone"), (Permission.RESET, "gone")]
)
def test_after_a_case_that_disturbed_it_the_device_has_time_to_come_back(
    bench: Bench, need: Permission, check: str
) -> None:
    bench.run.bench = bench.run.bench.model_copy(update={"allow": (need,)})
    item = Item.of(case(needs=(need,)), it=saw(Answer.REFUSED))
    assert asked_after(bench, item) == [(check, 3.0)]


def test_a_device_that_does_not_come_back_is_lost_and_the_case_is_named(bench: Bench) -> None:
    bench.lose()
    asked_after(bench, Item.of(case(needs=(Permission.POWER,)), it=saw(Answer.REFUSED)))
    assert str(bench.run.lost).startswith("the device does not answer")
    assert "made.one" in str(bench.run.lost)


def test_a_power_cycle_that_brought_the_device_back_is_added_to_the_reason(bench: Bench) -> None:
    bench.judge.presence = Presence(bench.run, bench.device, lambda: None)
    item = Item.of(case(), it=saw(Answer.SEEN, interface="network"))
    bench.failed("call", item, AssertionError("it is open"), AssertionError)
    bench.device.answers = ["gone", "gone", None]
    judgement = bench.do("teardown", item)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith("it is open. After this case, the device did not answer")
    assert bench.run.lost is None


def test_no_case_is_judged_until_a_lost_device_answers_again(bench: Bench) -> None:
    bench.run.lost = "gone since made.zero ran"
    bench.lose()
    assert bench.decided("setup", Item.of(case())) == ("INCONCLUSIVE", "gone since made.zero ran")
    bench.device.answers = [None]
    bench.judge.presence = Presence(bench.run, bench.device)
    bench.do("setup", Item.of(case("made.two"), "test_two"))
    assert bench.run.lost is None


def test_the_time_of_a_case_is_measured_from_its_set_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [EPOCH, EPOCH + timedelta(seconds=1), EPOCH + timedelta(seconds=3.45678)]
    monkeypatch.setattr(engine, "datetime", SimpleNamespace(now=lambda _zone: times.pop(0)))
    item = Item.of(case())
    bench.do("setup", item)
    judgement = bench.do("teardown", item)
    assert (judgement.started, judgement.seconds) == (EPOCH + timedelta(seconds=1), 2.457)
