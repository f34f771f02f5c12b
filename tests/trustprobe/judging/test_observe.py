import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reports.redaction import Redactor
from trustprobe.errors import BenchError, HarnessError
from trustprobe.judging.observe import Observer
from trustprobe.probe import Answer, Fact, Observation, Recorder

SECONDS = 60.0


@dataclass
class Question:
    """A probe that waits for a word, and then answers or breaks."""

    name: str
    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

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
    observer.settle()


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
    with pytest.raises(HarnessError, match="the probe one raised AssertionError: inside"):
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
        with pytest.raises(HarnessError, match="the probe slow raised AssertionError"):
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


def test_a_steady_question_goes_on_where_only_the_others_have_to_end(observe: Observer, tmp_path: Path) -> None:
    steady, other = Question("steady"), answered("other")
    observe.begin(steady, steady=True)
    observe.begin(other)

    observe.settle(but_steady=True)

    assert list(tmp_path.glob("*-other/answer.bin"))
    assert not list(tmp_path.glob("*-steady/answer.bin"))
    steady.go_on.set()
    observe.settle()
    assert observe(steady).seen


def test_the_progress_of_what_was_begun_is_shown_while_somebody_waits_for_it_only(
    observe: Observer, progress: list[str]
) -> None:
    slow = Question("slow")
    observe.begin(slow)
    assert slow.begun.wait(SECONDS)
    assert progress == []
    observe(answered("quick"))
    assert progress == ["quick", "quick"]
    waiting = threading.Thread(target=observe.settle)
    waiting.start()
    while observe.awaited != "slow":
        threading.Event().wait(0.01)
    slow.go_on.set()
    waiting.join(SECONDS)
    assert progress == ["quick", "quick", "slow"]
