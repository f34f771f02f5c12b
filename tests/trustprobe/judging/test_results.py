"""From judgements to results: every observation says where it was made."""

import ast
import platform
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reports.results import CaseResult, Interface, Overall, Results, Verdict
from tests.trustprobe.judging.made_up_run import BROKEN, SECRET, STARTED, Device, bench, case, product, run, saw
from trustprobe.judging import results as engine
from trustprobe.judging.case import Case
from trustprobe.judging.judge import Judge, Judgement
from trustprobe.judging.presence import Presence
from trustprobe.judging.results import TOOLS, Checkpoint, assemble, interface_of
from trustprobe.judging.run import Run
from trustprobe.probe import Answer

DRIVERS = Path(__file__).parents[3] / "drivers"
THROUGH_A_DOOR = {"guessing"}
"""Folders whose probes take the interface of the door that they are given."""


def holds_a_probe(path: Path) -> bool:
    """Whether a class of the file has the method that `observe` calls."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "run" and "record" in {one.arg for one in node.args.args}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def test_observations_of_each_folder_of_drivers_are_recorded_with_an_interface() -> None:
    folders = {path.relative_to(DRIVERS).parts[0] for path in DRIVERS.rglob("*.py") if holds_a_probe(path)}
    assert {"network", "serial", "storage", "update"} <= folders
    assert not [folder for folder in folders - THROUGH_A_DOOR if interface_of(folder) is Interface.NONE]


def test_a_probe_that_is_in_no_folder_of_drivers_has_no_interface() -> None:
    assert interface_of("") is Interface.NONE


@pytest.mark.parametrize(
    ("folder", "interface"),
    [("logs", Interface.LOG), ("documents", Interface.DOCUMENT), ("storage", Interface.STORAGE)],
)
def test_some_folders_have_the_interface_of_another_name(folder: str, interface: Interface) -> None:
    assert interface_of(folder) is interface


def results_of(made: Run, *judged: Judgement, firmware: str = "1.1", interrupted: bool = False) -> Results:
    judge = Judge(made, Presence(made, Device()))
    judge.judgements = {f"{number}": one for number, one in enumerate(judged)}
    return assemble(judge, firmware, interrupted)


def judged(
    entry: Case, verdict: Verdict = Verdict.PASS, row: str = "", later: float = 0, seconds: float = 0.0
) -> Judgement:
    started = STARTED + timedelta(seconds=later)
    reason = "" if verdict is Verdict.PASS else "it is so"
    observation = saw(Answer.SILENT, BROKEN, interface="logs", evidence=("evidence/01-look/transcript.txt",))
    return Judgement("item", entry, row, verdict, reason, started, seconds, [observation])


@pytest.fixture(autouse=True)
def register(monkeypatch: pytest.MonkeyPatch) -> dict[str, Case]:
    known = {one.id: one for one in (case(), case("made.two"), case("made.other", covers=("DP-1",)))}
    monkeypatch.setattr("trustprobe.judging.case._register", known)
    return known


def test_results_hold_what_was_judged_and_with_what(tmp_path: Path) -> None:
    made = results_of(run(tmp_path), judged(case()))
    assert (made.overall, made.exit_code, made.firmware_seen) == (Overall.CONFORMING, 0, ("1.1",))
    assert made.tools == {**{name: version(name) for name in TOOLS}, "python": platform.python_version()}
    libraries = {"scapy", "dnspython", "paramiko", "pyserial", "pyOpenSSL", "cryptography"}
    assert set(TOOLS) == {"trustprobe", "pytest", "allure-pytest", *libraries}
    assert made.parts[0].part == "services"


def test_a_lost_device_or_an_interruption_is_why_a_run_is_incomplete(tmp_path: Path) -> None:
    made = run(tmp_path)
    entry = judged(case(), Verdict.NOT_RUN)
    assert "interrupted" not in results_of(made, entry).reason
    assert "interrupted" in results_of(made, entry, interrupted=True).reason
    made.lost = f"the device showed {SECRET} and went away"
    reason = results_of(made, entry, interrupted=True).reason
    assert "the device showed [secret admin] and went away" in reason
    assert "interrupted" not in reason


def test_a_bench_says_what_it_cannot_see(tmp_path: Path) -> None:
    limits = results_of(run(tmp_path)).limits
    assert limits[0] == "outside the profile: everything else"
    missing = [limit.split(":")[0] for limit in limits[1:]]
    assert missing == [f"the bench has no {name}" for name in ("network", "console", "jtag", "power", "collector")]


def test_forwarded_ports_and_parts_of_other_benches_are_limits(tmp_path: Path) -> None:
    plain, mapped = {"address": "127.0.0.1"}, {"address": "127.0.0.1", "port_map": {"tcp/80": 8080}}
    made = results_of(run(tmp_path, bench=bench(network=plain)))
    assert not any("forwarded" in limit for limit in made.limits)
    elsewhere = product(elsewhere=["the cloud, tested by its operator"])
    made = results_of(run(tmp_path, bench=bench(network=mapped), product=elsewhere))
    assert "not on this bench: the cloud, tested by its operator" in made.limits
    assert sum("forwarded" in limit for limit in made.limits) == 1


def test_rows_become_a_case_with_the_strength_of_the_profile(tmp_path: Path) -> None:
    rules = {"made.two": "advisory", "made.one": "required", "made.other": "required"}
    made = run(tmp_path, rules=rules)
    rows = [
        judged(case(), Verdict.FAIL, "22", later=5, seconds=1.0004),
        judged(case("made.two")),
        judged(case(), Verdict.PASS, "80", later=2, seconds=1.0002),
    ]
    two, one = results_of(made, *rows).cases
    assert (two.id, two.strength, one.id, one.strength) == ("made.two", "advisory", "made.one", "required")
    assert [(row.id, row.verdict, row.reason) for row in one.rows] == [("22", "FAIL", "it is so"), ("80", "PASS", "")]
    assert [row.id for row in two.rows] == ["made.two"]
    assert (one.started, one.seconds) == (STARTED + timedelta(seconds=2), 2.001)
    assert one.rows[0].observations == ("look",)
    (observation,) = one.observations
    assert (observation.interface, observation.seen, observation.refused, observation.silent) == ("log", 0, 0, 1)
    assert (observation.witness, observation.witness_holds) == ("the canary is dead", False)
    assert observation.evidence == ("evidence/01-look/transcript.txt",)


def test_an_observation_without_a_witness_has_none(tmp_path: Path) -> None:
    entry = judged(case())
    entry.observations = [saw(Answer.REFUSED)]
    (result,) = results_of(run(tmp_path), entry).cases
    assert (result.observations[0].witness, result.observations[0].witness_holds) == (None, None)


def test_a_pass_has_no_reason_even_if_one_was_noted(tmp_path: Path) -> None:
    entry = judged(case())
    entry.reason = "noted"
    (result,) = results_of(run(tmp_path), entry).cases
    assert result.rows[0].reason == ""


def test_a_case_without_a_row_was_not_run_and_one_that_does_not_apply_is_left_out(tmp_path: Path) -> None:
    made = run(tmp_path, rules={"made.one": "required", "made.two": "required", "made.other": "required"})
    one, two = results_of(made, judged(case("made.two"))).cases
    assert (one.id, one.verdict, one.reason, one.rows, one.started) == (
        "made.one",
        "NOT_RUN",
        "no row was run",
        (),
        None,
    )
    assert (two.id, two.verdict, two.reason) == ("made.two", "PASS", "")


def test_what_ran_is_listed_although_nothing_asks_for_it(tmp_path: Path) -> None:
    made = run(tmp_path, rules={"made.other": "required"})
    (other,) = results_of(made, judged(case("made.other", covers=("DP-1",)))).cases
    assert isinstance(other, CaseResult)
    assert other.verdict == "PASS"


def test_one_probe_that_several_rows_rest_on_is_listed_once(tmp_path: Path) -> None:
    (result,) = results_of(run(tmp_path), judged(case(), row="22"), judged(case(), row="80")).cases
    assert [one.probe for one in result.observations] == ["look"]


# Checkpoints


class Checkpoints:
    """A run whose results are written at checkpoints, by a clock that only the writing moves."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.cost = 100.0, 0.0
        self.assembled: list[tuple[object, ...]] = []
        monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(engine, "assemble", self.assemble)
        self.judge = Judge(run(folder), cast(Any, None))
        self.folder = self.judge.run.folder
        self.latest = self.folder.out / "latest"
        self.checkpoint = Checkpoint(self.judge, cast(Any, SimpleNamespace(firmware="1.1")))

    def assemble(self, *given: object) -> SimpleNamespace:
        self.assembled.append(given)
        self.now += self.cost
        return SimpleNamespace(to_json=lambda: f"results {len(self.assembled)}")

    def after(self, seconds: float) -> int:
        """Let a case end after these seconds, and return how often results were written so far."""
        self.now += seconds
        self.checkpoint.pytest_runtest_logfinish()
        return len(self.assembled)


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    return Checkpoints(tmp_path, monkeypatch)


def test_after_the_first_case_there_are_results_as_of_an_interrupted_run(checkpoints: Checkpoints) -> None:
    assert not checkpoints.folder.results_json.exists()
    assert checkpoints.after(0) == 1
    assert checkpoints.assembled == [(checkpoints.judge, "1.1", True)]
    assert checkpoints.folder.results_json.read_text("utf-8") == "results 1"
    assert checkpoints.latest.resolve() == checkpoints.folder.path.resolve()


def test_results_are_written_again_after_five_seconds(checkpoints: Checkpoints) -> None:
    assert [checkpoints.after(seconds) for seconds in (0, 4.75, 0.25, 4.75, 0.25)] == [1, 1, 2, 2, 3]
    assert checkpoints.folder.results_json.read_text("utf-8") == "results 3"


def test_checkpoints_take_at_most_a_fiftieth_of_the_run(checkpoints: Checkpoints) -> None:
    checkpoints.cost = 0.25
    assert [checkpoints.after(seconds) for seconds in (0, 12.25, 0.25 + 1e-6)] == [1, 1, 2]


def test_the_link_to_the_latest_run_is_made_once(checkpoints: Checkpoints) -> None:
    checkpoints.after(0)
    checkpoints.latest.unlink()
    assert checkpoints.after(60) == 2
    assert not checkpoints.latest.is_symlink()


def test_results_that_cannot_be_written_now_do_not_end_the_run(checkpoints: Checkpoints) -> None:
    checkpoints.after(0)
    checkpoints.folder.results_json.unlink()
    checkpoints.folder.results_json.mkdir()
    assert [checkpoints.after(seconds) for seconds in (5, 4.75)] == [2, 2]
