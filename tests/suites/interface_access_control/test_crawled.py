"""Each assertion about linked pages, on made-up crawls."""

from collections.abc import Callable
from functools import partial

import pytest

from drivers.network.web.probes.crawled import Crawled
from suites.interface_access_control import test_crawled as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, observed, seen

CASES = {
    cases.test_no_page_opens_without_a_login: "open without a login",
    cases.test_no_linked_page_shows_a_viewer_the_administrators_content: "open to a viewer",
}
crawl = partial(observed, kind=Crawled)
each_case = pytest.mark.parametrize(("case", "says"), CASES.items(), ids=[case.__name__ for case in CASES])


@each_case
def test_every_open_page_is_reported_with_what_it_shows(case: Callable[..., None], says: str) -> None:
    pages = seen("GET /b", "a secret: 200 OK"), seen("GET /a", "filled-in fields: 200 OK")
    words = f"{says}: GET /a (filled-in fields: 200 OK), GET /b (a secret: 200 OK)"
    assert fails_on_presence(case, *pages, says=words, made=crawl)


@each_case
def test_the_answer_of_a_page_is_cut_at_120_characters(case: Callable[..., None], says: str) -> None:
    long = seen("GET /a", "x" * 120 + "y")
    assert fails_on_presence(case, long, says=f"{says}: GET /a ({'x' * 120})", made=crawl)


def test_cases_that_crawl_as_the_administrator_must_be_allowed() -> None:
    assert [needs(case) for case in CASES] == [("configure",), ("configure",)]
