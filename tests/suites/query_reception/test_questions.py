"""The questions of IQR: each is a case."""

from suites.query_reception import test_questions as cases
from tests.suites.questions import asked_of, published_by


def test_every_item_of_query_reception_is_a_case() -> None:
    assert published_by(cases) == asked_of("IQR")
