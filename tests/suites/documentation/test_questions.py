"""The questions of DOC: each is a case."""

from suites.documentation import test_questions as cases
from tests.suites.questions import asked_of, published_by


def test_every_item_of_documentation_is_a_case() -> None:
    assert published_by(cases) == asked_of("DOC")
