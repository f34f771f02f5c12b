import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from reports.redaction import Redactor
from trustprobe.errors import BenchError, HarnessError
from trustprobe.judging import observe as engine
from trustprobe.judging.observe import Observer
from trustprobe.judging.outcomes import Inconclusive
from trustprobe.probe import Answer, Fact, Observation, Recorder

SECONDS = 60.0
SHORT_SECONDS = 20.0
"""What a probe that answers at once is given to end."""


@dataclass
class Question:
    """A probe that waits for a word, and then answers or breaks."""

    name: str
    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    made: ClassVar[list["Question"]] = []

    def __post_init__(self) -> None:
        self.made.append(self)

    def run(self, record: Recorder) -> Observation:
        self.asked += 1
        record.progress(1, 2, "half")
        self.begun.set()
        assert self.go_on.wait(SECONDS)
        record.progress(2, 2, "all")
        record.keep("answer.bin", b"hello")
        if self.error:
            raise self.error
        return Observation(question="?", facts=(Fact(about="it", answer=Answer.SEEN),))


def answered(name: str, error: Exception | None = None) -> Question:
    question = Question(name, error)
    question.go_on.set()
    return question


@pytest.fixture
def progress() -> list[str]:
    return []


@pytest.fixture
def observe(tmp_path: Path, progress: list[str]) -> Iterator[Observer]:
    def report(probe: str, _done: int, _total: int, _what: str) -> None:
        progress.append(probe)

    observer = Observer(tmp_path, Redactor({}), report, "1.0")
    yield observer
    while Question.made:  # a test that failed left questions without an answer: no thread waits for them in vain
        Question.made.pop().go_on.set()
    join(observer)


def join(observe: Observer) -> None:
    """Wait for the threads of what was begun."""
    for thread in threading.enumerate():
        if thread.name in observe._begun:
            thread.join(SHORT_SECONDS)


@pytest.mark.parametrize("error", [None, BenchError("no cable."), SystemExit(3)])
def test_what_was_begun_ends_whether_it_answers_or_not(observe: Observer, error: Exception | None) -> None:
    observe.begin(answered("one", error))
    ended = observe._begun["one"]
    join(observe)
    assert ended.done()
    assert ended.exception() is error


def test_a_question_is_asked_once_and_its_observation_names_its_evidence(observe: Observer, tmp_path: Path) -> None:
    question = answered("one")

    first, second = observe(question), observe(question)

    assert question.asked == 1
    assert first is second
    assert first.firmware == "1.0"
    assert (tmp_path / "01-one" / "answer.bin").read_bytes() == b"hello"
    assert "evidence/01-one/answer.bin" in first.evidence


def test_a_question_is_asked_again_when_the_device_has_changed(observe: Observer) -> None:
    question = answered("one")
    observe(question)
    observe(question, fresh=True)
    assert question.asked == 2


def test_what_could_not_be_asked_is_told_to_everyone_who_asks(observe: Observer) -> None:
    question = answered("one", BenchError("no cable.", "Plug it in."))
    for _ in range(2):
        with pytest.raises(BenchError, match="no cable"):
            observe(question)
    assert question.asked == 1


def test_an_assertion_inside_a_library_is_a_fault_of_the_harness_and_no_finding(observe: Observer) -> None:
    with pytest.raises(HarnessError, match=r"the probe one .*AssertionError: inside"):
        observe(answered("one", AssertionError("inside")))


def test_a_begun_question_runs_beside_others_and_is_asked_once(observe: Observer) -> None:
    slow = Question("slow")
    observe.begin(slow)
    observe.begin(slow)
    assert observe(answered("quick")).probe == "quick"
    slow.go_on.set()
    assert observe(slow).probe == "slow"
    assert slow.asked == 1


def test_what_broke_beside_others_is_told_to_who_observes_it(observe: Observer) -> None:
    observe.begin(answered("slow", AssertionError("inside")))
    for _ in range(2):
        with pytest.raises(HarnessError, match=r"the probe slow .*AssertionError"):
            observe(answered("slow"))


def test_whatever_ends_a_question_beside_others_reaches_who_waits_for_it(observe: Observer, tmp_path: Path) -> None:
    (tmp_path / "01-slow").write_text("evidence cannot be kept here")
    observe.begin(answered("slow"))
    with pytest.raises(BenchError, match="evidence cannot be written"):
        observe(answered("slow"))
    observe.begin(answered("other", SystemExit(3)))  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        observe(answered("other"))


def test_to_settle_waits_for_what_was_begun(observe: Observer) -> None:
    slow = Question("slow")
    observe.begin(slow)
    settling = threading.Thread(target=observe.settle)
    settling.start()
    assert slow.begun.wait(SECONDS)
    assert settling.is_alive()
    slow.go_on.set()
    settling.join(SECONDS)
    assert not settling.is_alive()


def test_a_steady_question_goes_on_where_only_the_others_have_to_end(
    observe: Observer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady, other = Question("steady"), answered("other")
    observe.begin(steady, steady=True)
    observe.begin(other)

    def waits(ended: list[Future[None]]) -> None:
        assert observe._begun["steady"] not in ended
        wait(ended)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "wait", waits)
        observe.settle(but_steady=True)

    assert list(tmp_path.glob("*-other/answer.bin"))
    assert not list(tmp_path.glob("*-steady/answer.bin"))
    steady.go_on.set()
    observe.settle()
    assert observe(steady).seen


def test_the_progress_of_what_was_begun_is_shown_while_somebody_waits_for_it_only(
    observe: Observer, progress: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Question("slow")
    observe.begin(slow)
    assert slow.begun.wait(SECONDS)
    assert progress == []
    observe(answered("quick"))
    assert progress == ["quick", "quick"]
    waits = threading.Event()

    def noted(ended: list[Future[None]]) -> None:
        waits.set()
        wait(ended)

    monkeypatch.setattr(engine, "wait", noted)
    waiting = threading.Thread(target=observe.settle)
    waiting.start()
    assert waits.wait(SHORT_SECONDS)
    slow.go_on.set()
    waiting.join(SECONDS)
    assert progress == ["quick", "quick", "slow"]


def test_each_question_has_its_own_folder_in_the_order_of_asking(observe: Observer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        observe(answered(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-one", "02-two"]


def test_an_observation_records_its_probe_its_files_and_its_time(
    observe: Observer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([100.0, 101.23456])
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: next(times)))
    made = observe(answered("one"))
    assert (made.probe, made.firmware, made.seconds) == ("one", "1.0", 1.235)
    files = ("observation.json", "transcript.txt", "answer.bin")
    assert made.evidence == tuple(f"evidence/01-one/{file}" for file in files)
    assert sorted(path.name for path in (tmp_path / "01-one").iterdir()) == sorted(files)


@dataclass
class Through:
    """A probe that goes through a door."""

    door: object


@pytest.mark.parametrize(
    ("module", "interface"),
    [
        ("drivers.storage.search", "storage"),
        ("drivers.network.tls.versions", "network"),
        ("drivers.power", ""),
        ("other.drivers.network", ""),
        ("other.network.drivers", ""),
        ("tests.drivers", ""),
    ],
)
def test_an_observation_is_recorded_with_the_folder_of_its_probe_or_of_its_door(
    observe: Observer, module: str, interface: str
) -> None:
    made = type("Made", (Question,), {"__module__": module})
    question = made("two")
    question.go_on.set()
    assert observe(question).interface == interface
    assert engine._interface(made("one")) == interface
    assert engine._interface(Through(made("one"))) == interface  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (BenchError("no cable.", "Plug it in."), "no observation: bench: no cable. Plug it in."),
        (Inconclusive("no canary"), "no observation: no canary"),
        (ValueError("inside"), "no observation: ValueError: inside"),
    ],
)
def test_why_nothing_was_observed_is_in_the_transcript(
    observe: Observer, tmp_path: Path, error: Exception, note: str
) -> None:
    expected = HarnessError if isinstance(error, ValueError) else type(error)
    with pytest.raises(expected) as raised:
        observe(answered("one", error))
    with pytest.raises(expected) as again:
        observe(answered("one"))
    assert again.value is raised.value
    assert (tmp_path / "01-one" / "transcript.txt").read_text("utf-8").endswith(f"{note}\n")
    if expected is HarnessError:
        assert raised.value.__cause__ is error
        assert "01-one" in str(raised.value)


def test_what_is_asked_again_successfully_is_known_from_then_on(observe: Observer) -> None:
    question = answered("one", BenchError("no cable."))
    observe.begin(question)
    with pytest.raises(BenchError):
        observe(question)
    question.error = None
    again = observe(question, fresh=True)
    assert observe(question) is again
    assert question.asked == 2


def test_what_ended_unexpectedly_beside_others_can_be_asked_again(observe: Observer) -> None:
    question = answered("one", SystemExit(3))  # type: ignore[arg-type]
    observe.begin(question)
    with pytest.raises(SystemExit):
        observe(question)
    question.error = None
    assert observe(question, fresh=True) is observe(question)


def test_what_was_begun_ends_before_it_is_asked_again(observe: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Future[None]] = []
    monkeypatch.setattr(engine, "wait", waited.extend)
    question = answered("one")
    observe.begin(question)
    ended = observe._begun["one"]
    observe(question, fresh=True)
    assert waited == [ended]


def test_what_was_asked_or_failed_before_is_not_begun_again(observe: Observer) -> None:
    known, broken = answered("known"), answered("broken", BenchError("no cable."))
    observe(known)
    with pytest.raises(BenchError):
        observe(broken)
    for question in (known, broken):
        observe.begin(question)
    observe.settle()
    assert (known.asked, broken.asked) == (1, 1)


def test_a_begun_question_takes_its_turn_in_a_thread_that_no_interrupted_run_waits_for(observe: Observer) -> None:
    turn = threading.Semaphore(1)
    slow = Question("slow")
    observe.begin(slow, turn=turn)
    assert slow.begun.wait(SECONDS)
    assert not turn.acquire(blocking=False)
    (thread,) = [one for one in threading.enumerate() if one.name == "slow"]
    assert thread.daemon
    slow.go_on.set()
    observe.settle()
    assert turn.acquire(blocking=False)


def test_only_what_is_declared_steady_goes_on(observe: Observer) -> None:
    steady, other = Question("steady"), Question("other")
    observe.begin(steady, steady=True)
    observe.begin(other)
    assert other.begun.wait(SECONDS)
    settling = threading.Thread(target=observe.settle, kwargs={"but_steady": True})
    settling.start()
    settling.join(0.1)
    assert settling.is_alive()
    other.go_on.set()
    settling.join(SECONDS)
    assert not settling.is_alive()
    waiting = threading.Thread(target=observe.settle)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    steady.go_on.set()
    waiting.join(SECONDS)
    assert not waiting.is_alive()


def test_what_ended_is_not_waited_for_again(observe: Observer) -> None:
    question = answered("one")
    observe.begin(question)
    observe.settle()
    observe(answered("two"))
    observe.settle()
    assert observe.awaited == "two"
