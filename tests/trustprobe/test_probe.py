"""Observations: narrowing, and which of their silence proves anything."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from trustprobe.probe import Answer, Asked, Fact, Observation, Witness, all_of, condition, printable

CONNECTION = Asked(door="tcp/80", shape="a connection")
WITNESS = Witness(what="the canary answered", holds=True, asked=CONNECTION)
BROKEN = Witness(what="the canary is dead", holds=False)
NOTHING = "no answer on"


def two(answer: Answer = Answer.SILENT, witness: Witness | None = WITNESS) -> Observation:
    facts = (Fact(about="tcp/22", answer=Answer.SILENT), Fact(about="tcp/23", answer=answer))
    left_open = {"tcp/23": "nothing was sent"}
    return Observation(question="?", facts=facts, witness=witness, asked=CONNECTION, left_open=left_open)


def failed(observation: Observation) -> str:
    """Return what the witness says that does not hold."""
    assert observation.witness is not None
    assert not observation.witness.holds
    return observation.witness.what


def test_a_fact_that_is_left_open_makes_the_whole_observation_inconclusive() -> None:
    assert not two().conclusive
    assert two().doubts == ("tcp/23: nothing was sent",)


def test_the_other_facts_of_the_observation_are_conclusive() -> None:
    narrowed = two().about("tcp/22")
    assert narrowed.conclusive
    assert narrowed.witness == WITNESS
    assert two(witness=None).about("tcp/22").witness is None


def test_narrowed_to_it_the_witness_says_why_it_is_left_open() -> None:
    for witness in (WITNESS, None):
        assert failed(two(witness=witness).about("tcp/23")) == "tcp/23: nothing was sent"


def test_a_fact_without_a_witness_is_conclusive_only_in_the_words_of_the_device() -> None:
    alone = Observation(question="?", facts=(Fact(about="tcp/22", answer=Answer.SILENT),))
    assert not alone.conclusive
    assert alone.model_copy(update={"facts": (Fact(about="tcp/22", answer=Answer.REFUSED),)}).conclusive


def test_narrowing_keeps_the_facts_of_the_parts_only() -> None:
    assert [fact.about for fact in two().about("tcp/22").facts] == ["tcp/22"]
    assert [fact.about for fact in two().about("tcp/23", "tcp/22").facts] == ["tcp/22", "tcp/23"]


def test_an_unknown_part_is_named_with_the_probe_that_holds_no_fact_about_it() -> None:
    with pytest.raises(KeyError, match=r"Observation [a-z]+ no fact about tcp/24, tcp/25"):
        two().about("tcp/24", "tcp/22", "tcp/25")
    with pytest.raises(KeyError, match=r"tcp_sweep [a-z]+ no fact about tcp/24"):
        two().model_copy(update={"probe": "tcp_sweep"}).about("tcp/24")


def test_narrowed_to_two_open_facts_both_reasons_are_named() -> None:
    both = two().model_copy(update={"left_open": {"tcp/22": "no cable", "tcp/23": "no time"}})
    narrowed = both.about("tcp/22", "tcp/23")
    assert failed(narrowed) == "tcp/22: no cable; tcp/23: no time"
    broken = both.model_copy(update={"witness": BROKEN}).about("tcp/22")
    assert broken.witness == Witness(what="the canary is dead; tcp/22: no cable", holds=False)


def test_parts_are_told_apart_by_their_answer() -> None:
    facts = tuple(Fact(about=str(answer), answer=answer) for answer in Answer)
    observation = Observation(question="?", facts=facts)
    parts = (observation.seen, observation.refused, observation.silent)
    assert [sorted(part) for part in parts] == [["seen"], ["refused"], ["silent"]]


def test_the_detail_of_a_part_joins_what_its_facts_say() -> None:
    said = [("a", "one"), ("b", "two"), ("a", ""), ("a", "three")]
    facts = tuple(Fact(about=about, answer=Answer.SEEN, detail=detail) for about, detail in said)
    assert Observation(question="?", facts=facts).detail("a") == "one; three"


def test_a_witness_decides_unless_a_fact_is_left_open() -> None:
    def silent(witness: Witness | None, answer: Answer = Answer.SILENT) -> Observation:
        facts = (Fact(about="it", answer=answer),)
        return Observation(question="?", facts=facts, witness=witness, asked=CONNECTION, probe="look")

    assert silent(WITNESS).conclusive
    assert not silent(BROKEN, Answer.REFUSED).conclusive
    assert silent(WITNESS).unproven == silent(None, Answer.REFUSED).unproven == ""
    assert silent(BROKEN).unproven == "the canary is dead"
    assert silent(None).unproven == f"look: {NOTHING} it"
    open_fact = {"left_open": {"it": "no cable"}}
    assert silent(WITNESS).model_copy(update=open_fact).unproven == "it: no cable"
    assert silent(BROKEN).model_copy(update=open_fact).unproven == "the canary is dead"
    assert silent(None).model_copy(update=open_fact).unproven == "it: no cable"


def test_a_reason_names_five_silent_parts_in_their_order() -> None:
    facts = tuple(Fact(about=str(part), answer=Answer.SILENT) for part in (6, 5, 4, 3, 2, 1))
    assert Observation(question="?", facts=facts, probe="look").unproven == f"look: {NOTHING} 1, 2, 3, 4, 5"


def test_a_joined_witness_holds_if_each_does_and_names_those_that_do_not() -> None:
    other = Witness(what="another", holds=True)
    assert all_of([WITNESS, other]) == Witness(what="the canary answered; another", holds=True, parts=(WITNESS,))
    assert all_of(iter([WITNESS, BROKEN])) == Witness(what="the canary is dead", holds=False, parts=(WITNESS,))
    assert all_of([BROKEN, other, BROKEN]).what == "the canary is dead; the canary is dead"
    assert not all_of([]).holds


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[2J\u202ea\n", "\\x1b[2J\\u202ea\\n"),
        (b"caf\xc3\xa9 \xff\x00", "caf\xe9 \\xff\\x00"),
    ],
)
def test_text_of_a_device_is_shown_so_that_nothing_interprets_it(given: bytes | str, shown: str) -> None:
    assert printable(given) == shown


def test_text_is_cut_at_the_limit_and_says_how_much_was_given() -> None:
    assert printable("x" * 5, 5) == "xxxxx"
    assert printable("x" * 6, 5) == "xxxxx... [cut, 6 characters in all]"
    assert printable("a\x1b", 5) == "a\\x1b"
    assert printable("\x1b\x1b", 5) == "\\x1b\\... [cut, 2 characters in all]"
    assert printable("x" * 9_999, None) == "x" * 9_999
    assert printable("x" * 2_000) == "x" * 2_000
    assert printable("x" * 2_001).startswith("x" * 2_000 + "...")


def test_a_detail_holds_what_printable_gives_and_no_more() -> None:
    assert Fact(about="it", answer=Answer.SEEN, detail=printable("x" * 10**7))
    longest = Fact(about="it", answer=Answer.SEEN, detail="x" * 2_064)
    assert len(longest.detail) == 2_064
    with pytest.raises(ValidationError):
        Fact(about="it", answer=Answer.SEEN, detail="x" * 2_065)


def test_a_record_cannot_be_changed_and_has_no_further_fields() -> None:
    with pytest.raises(ValidationError):
        two().seconds = 2  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Witness.model_validate({"what": "x", "holds": True, "more": 1})


def test_an_observation_begins_now_and_has_taken_no_time_yet() -> None:
    before = datetime.now(UTC)
    made = two()
    assert before <= made.started <= datetime.now(UTC)
    assert made.seconds == 0


TELNET = Asked(door="tcp/23", shape="a login")


def asked_about(asked: Asked | None, answer: Answer = Answer.SILENT) -> Fact:
    return Fact(about="root:root", answer=answer, asked=asked)


@pytest.mark.parametrize(
    ("answered", "proves"),
    [
        (TELNET, True),
        (Asked(door="tcp/2323", shape="a login"), False),
        (Asked(door="tcp/23", shape="a connection"), False),
        (None, False),
    ],
)
def test_a_witness_proves_silence_of_the_same_door_and_shape_only(answered: Asked | None, *, proves: bool) -> None:
    witness = Witness(what="the valid login succeeded", holds=True, asked=answered)
    assert Observation(question="?", facts=(asked_about(TELNET),), witness=witness).conclusive is proves
    assert Observation(question="?", facts=(asked_about(TELNET),), witness=all_of([witness])).conclusive is proves


def test_a_witness_that_names_its_question_proves_no_silence_that_does_not() -> None:
    named = Witness(what="the valid login succeeded", holds=True, asked=TELNET)
    assert not Observation(question="?", facts=(asked_about(None),), witness=named).conclusive


@pytest.mark.parametrize("asked", [TELNET, None])
def test_a_witness_that_names_no_question_proves_nothing(asked: Asked | None) -> None:
    nameless = Witness(what="something answered", holds=True)
    elsewhere = Witness(what="the canary answered", holds=True, asked=CONNECTION)
    for witness in (nameless, all_of([nameless]), all_of([nameless, elsewhere]), all_of([all_of([nameless])])):
        assert not witness.proves(asked)
        assert not Observation(question="?", facts=(asked_about(asked),), witness=witness).conclusive


def test_facts_are_joined_with_the_questions_that_they_were_asked() -> None:
    own, other = asked_about(None), asked_about(CONNECTION)
    assert [fact.asked for fact in Observation(question="?", facts=(own, other), asked=TELNET).each_asked] == [
        TELNET,
        CONNECTION,
    ]


def test_each_silence_needs_its_own_witness() -> None:
    other = Asked(door="tcp/2323", shape="a login")
    silences = (asked_about(TELNET), asked_about(other))
    one, two = (Witness(what=f"a login at {asked.door}", holds=True, asked=asked) for asked in (TELNET, other))
    assert not Observation(question="?", facts=silences, witness=one).conclusive
    both = all_of([one, two])
    assert Observation(question="?", facts=silences, witness=both).conclusive
    assert Observation(question="?", facts=silences, witness=all_of([both])).conclusive


def test_a_joined_witness_that_failed_proves_nothing_although_a_part_of_it_holds() -> None:
    holding = Witness(what="the valid login succeeded", holds=True, asked=TELNET)
    joined = all_of([holding, BROKEN])
    assert joined.what == BROKEN.what
    assert not joined.proves(TELNET)
    assert not Witness(what="it failed", holds=False, asked=TELNET).proves(TELNET)


def test_the_words_of_the_device_need_no_witness_of_their_question() -> None:
    refused = asked_about(TELNET, Answer.REFUSED)
    elsewhere = Witness(what="the canary answered", holds=True, asked=Asked(door="tcp/80", shape="a connection"))
    assert Observation(question="?", facts=(refused,), witness=elsewhere).conclusive


def test_the_reason_names_the_question_that_no_witness_answered() -> None:
    witness = Witness(what="the canary answered", holds=True, asked=Asked(door="tcp/80", shape="a connection"))
    silent = Observation(question="?", facts=(asked_about(TELNET),), witness=witness, probe="guesses")
    assert silent.unproven == (
        "guesses: no answer on root:root. No witness answered a login at tcp/23; this one did not: the canary answered"
    )
    unnamed = Observation(question="?", facts=(asked_about(None),), witness=witness, probe="guesses")
    assert unnamed.unproven == "guesses: no answer on root:root"
    both = silent.model_copy(
        update={"facts": (asked_about(TELNET), asked_about(Asked(door="tcp/21", shape="a login")))}
    )
    assert "No witness answered a login at tcp/23;" in both.unproven


def test_facts_that_name_no_question_were_asked_as_the_whole_observation_was() -> None:
    witness = Witness(what="the valid login succeeded", holds=True, asked=TELNET)
    other = Asked(door="tcp/2323", shape="a login")
    whole = Observation(question="?", facts=(asked_about(None),), witness=witness, asked=TELNET, probe="guesses")
    assert whole.conclusive
    assert not whole.model_copy(update={"asked": other}).conclusive
    assert "No witness answered a login at tcp/2323" in whole.model_copy(update={"asked": other}).unproven
    assert not whole.model_copy(update={"facts": (asked_about(other),)}).conclusive


def test_a_condition_can_fail_a_joined_witness_and_proves_no_named_question_itself() -> None:
    witness = Witness(what="the valid login succeeded", holds=True, asked=TELNET)
    met, missed = (condition("each path was requested", holds=holds) for holds in (True, False))
    assert all_of([witness, met]).proves(TELNET)
    assert not all_of([witness, missed]).proves(TELNET)
    assert not met.proves(TELNET)
