"""Observations: narrowing, and which of their silence proves anything."""

from trustprobe.probe import Answer, Fact, Observation, Witness

WITNESS = Witness(what="the canary answered", holds=True)


def two(answer: Answer = Answer.SILENT, witness: Witness | None = WITNESS) -> Observation:
    facts = (Fact(about="tcp/22", answer=Answer.SILENT), Fact(about="tcp/23", answer=answer))
    return Observation(question="?", facts=facts, witness=witness, left_open={"tcp/23": "nothing was sent"})


def test_a_fact_that_is_left_open_makes_the_whole_observation_inconclusive() -> None:
    assert not two().conclusive
    assert two().doubts == ("tcp/23: nothing was sent",)


def test_the_other_facts_of_the_observation_are_conclusive() -> None:
    narrowed = two().about("tcp/22")
    assert narrowed.conclusive
    assert narrowed.witness == WITNESS


def test_narrowed_to_it_the_witness_says_why_it_is_left_open() -> None:
    expected = Witness(what="tcp/23: nothing was sent", holds=False)
    assert two().about("tcp/23").witness == expected
    assert two(witness=None).about("tcp/23").witness == expected


def test_a_fact_without_a_witness_is_conclusive_only_in_the_words_of_the_device() -> None:
    alone = Observation(question="?", facts=(Fact(about="tcp/22", answer=Answer.SILENT),))
    assert not alone.conclusive
    assert alone.model_copy(update={"facts": (Fact(about="tcp/22", answer=Answer.REFUSED),)}).conclusive
