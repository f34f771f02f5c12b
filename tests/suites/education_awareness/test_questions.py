"""The questions of PEA: each is a case."""

from suites.education_awareness import test_questions as cases
from tests.suites.questions import asked_of, published_by


def test_every_item_of_education_and_awareness_is_a_case() -> None:
    assert published_by(cases) == asked_of("PEA")
