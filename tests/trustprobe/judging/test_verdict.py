"""The rule that gives verdicts, on every kind of observation."""

import pytest

from reports.results import Verdict
from trustprobe.errors import HarnessError
from trustprobe.judging.case import Case
from trustprobe.judging.outcomes import FailsOn
from trustprobe.judging.verdict import after_failure, after_pass, sentence_of
from trustprobe.probe import Answer, Asked, Fact, Observation, Witness

ASKED = Asked(door="tcp/443", shape="a made-up question")
HOLDS = Witness(what="the canary answered", holds=True, asked=ASKED)
BROKEN = Witness(what="the canary is dead", holds=False)
PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def case(fails_on: FailsOn) -> Case:
    return Case("a.case", ("AI-1",), fails_on, (), "", "", "", "")


def saw(answer: Answer, witness: Witness | None = None, about: str = "it") -> Observation:
    facts = (Fact(about=about, answer=answer, asked=ASKED),)
    return Observation(question="?", facts=facts, witness=witness, probe="look")


@pytest.mark.parametrize(
    ("answer", "witness", "presence", "absence"),
    [
        (Answer.SEEN, None, PASS, PASS),
        (Answer.SEEN, HOLDS, PASS, PASS),
        (Answer.SEEN, BROKEN, OPEN, PASS),
        (Answer.REFUSED, None, PASS, OPEN),
        (Answer.REFUSED, HOLDS, PASS, OPEN),
        (Answer.REFUSED, BROKEN, OPEN, OPEN),
        (Answer.SILENT, None, OPEN, OPEN),
        (Answer.SILENT, HOLDS, PASS, OPEN),
        (Answer.SILENT, BROKEN, OPEN, OPEN),
    ],
)
def test_a_pass_stands_on_what_was_seen_or_on_silence_with_a_witness(
    answer: Answer, witness: Witness | None, presence: Verdict, absence: Verdict
) -> None:
    assert after_pass(case("presence"), [saw(answer, witness)])[0] is presence
    assert after_pass(case("absence"), [saw(answer, witness)])[0] is absence


@pytest.mark.parametrize(
    ("answer", "witness", "presence", "absence"),
    [
        (Answer.SEEN, None, FAIL, FAIL),
        (Answer.SEEN, HOLDS, FAIL, FAIL),
        (Answer.SEEN, BROKEN, FAIL, OPEN),
        (Answer.REFUSED, None, OPEN, FAIL),
        (Answer.REFUSED, HOLDS, OPEN, FAIL),
        (Answer.REFUSED, BROKEN, OPEN, OPEN),
        (Answer.SILENT, None, OPEN, OPEN),
        (Answer.SILENT, HOLDS, OPEN, FAIL),
        (Answer.SILENT, BROKEN, OPEN, OPEN),
    ],
)
def test_a_failure_stands_on_what_was_seen_or_on_silence_with_a_witness(
    answer: Answer, witness: Witness | None, presence: Verdict, absence: Verdict
) -> None:
    assert after_failure(case("presence"), [saw(answer, witness)], "it is so")[0] is presence
    assert after_failure(case("absence"), [saw(answer, witness)], "it is so")[0] is absence


def test_one_observation_without_a_witness_leaves_a_pass_on_presence_open() -> None:
    both = [saw(Answer.SILENT, HOLDS), saw(Answer.SILENT)]
    assert after_pass(case("presence"), both) == (
        OPEN,
        "silence proves nothing here without a witness: look: no answer on it",
    )


def test_one_observation_that_saw_something_is_enough_for_a_pass_on_absence() -> None:
    assert after_pass(case("absence"), [saw(Answer.SILENT), saw(Answer.SEEN)]) == (PASS, "")


def test_one_observation_without_a_witness_leaves_a_failure_on_absence_open() -> None:
    both = [saw(Answer.SILENT, BROKEN), saw(Answer.SILENT, HOLDS), saw(Answer.SILENT)]
    reason = "silence proves nothing here without a witness: the canary is dead; look: no answer on it (no record)"
    assert after_failure(case("absence"), both, "no record") == (OPEN, reason)


def test_one_observation_that_saw_something_is_enough_for_a_failure_on_presence() -> None:
    assert after_failure(case("presence"), [saw(Answer.SILENT), saw(Answer.SEEN)], "open") == (FAIL, "open")


def test_reasons_say_why_nothing_was_decided() -> None:
    silent, refused = [saw(Answer.SILENT)], [saw(Answer.REFUSED)]
    assert after_pass(case("absence"), refused)[1] == "the case requires something to be seen, and no probe saw it"
    assert after_failure(case("presence"), silent, "open")[1] == "nothing was seen that can fail the case (open)"


def test_a_reason_names_five_silent_parts_at_most() -> None:
    facts = tuple(Fact(about=str(part), answer=Answer.SILENT) for part in (6, 5, 4, 3, 2, 1))
    _, reason = after_pass(case("presence"), [Observation(question="?", facts=facts, probe="look")])
    assert reason == "silence proves nothing here without a witness: look: no answer on 1, 2, 3, 4, 5"


@pytest.mark.parametrize("observations", [[], [Observation(question="?", facts=())]])
def test_a_case_that_observed_nothing_is_an_error_of_the_harness(observations: list[Observation]) -> None:
    with pytest.raises(HarnessError, match="observed nothing"):
        after_pass(case("absence"), observations)


def test_one_fact_in_one_observation_is_something_observed() -> None:
    assert after_pass(case("presence"), [Observation(question="?", facts=()), saw(Answer.REFUSED)]) == (PASS, "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("it is open\nassert not {23}", "it is open"),
        ("  it is open  ", "it is open"),
        ("two\nlines\nassert x\nassert y", "two\nlines"),
        ("", "the assertion failed"),
        ("\nassert 1 == 2", "the assertion failed"),
    ],
)
def test_the_sentence_of_an_assertion_is_its_authors(text: str, sentence: str) -> None:
    assert sentence_of(AssertionError(text)) == sentence


@pytest.mark.parametrize("direction", ["presence", "absence"])
@pytest.mark.parametrize("answer", list(Answer))
def test_nothing_is_decided_if_what_the_answers_rest_on_did_not_happen(direction: FailsOn, answer: Answer) -> None:
    missing = Witness(what="the device was not restarted", holds=False)
    observed = saw(answer, HOLDS).model_copy(update={"premise": missing})
    assert after_pass(case(direction), [saw(answer, HOLDS), observed]) == (OPEN, missing.what)
    assert after_failure(case(direction), [observed], "no record came") == (OPEN, f"{missing.what} (no record came)")


def test_a_premise_that_happened_changes_no_verdict() -> None:
    happened = Witness(what="the device was restarted", holds=True)
    observed = saw(Answer.SEEN).model_copy(update={"premise": happened})
    assert after_pass(case("absence"), [observed]) == (PASS, "")
    assert after_failure(case("presence"), [observed], "it was seen") == (FAIL, "it was seen")
