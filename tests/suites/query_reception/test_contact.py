"""The assertion about security.txt, on made-up observations."""

from collections.abc import Callable

import pytest

from drivers.documents.security_txt import ELEMENTS, SecurityTxt
from suites.query_reception import test_contact as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

CASE = cases.test_security_txt_names_a_contact_and_is_in_force


def contact(*facts: Fact, witness: Witness = HOLDS) -> SecurityTxt:
    """A security.txt with every element, but for these facts."""
    known = {about: seen(about) for about in ELEMENTS} | {fact.about: fact for fact in facts}
    return observed(*known.values(), kind=SecurityTxt, witness=witness, contacts=(), expires=None, sha256="")


def test_a_security_txt_with_every_element_passes() -> None:
    assert passes(CASE, contact())


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("answer", [refused, silent])
def test_each_element_is_required(element: str, answer: Callable[[str, str], Fact]) -> None:
    assert fails(CASE, contact(answer(element, "is wrong")), says=f"{element}: is wrong")


def test_every_poor_element_is_reported() -> None:
    poor = contact(refused("expires", "expired"), silent("contact", "there is none"))
    assert fails(CASE, poor, says="contact: there is none; expires: expired")


def test_a_document_that_was_not_read_leaves_the_case_open() -> None:
    assert stays_open(CASE, contact(silent("contact"), witness=BROKEN), says=BROKEN.what)
