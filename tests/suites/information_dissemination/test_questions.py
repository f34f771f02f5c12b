"""The questions of ID: each is a case."""

from suites.information_dissemination import test_questions as cases
from tests.suites.questions import asked_of, published_by


def test_every_item_of_information_dissemination_is_a_case() -> None:
    assert published_by(cases) == asked_of("ID")
