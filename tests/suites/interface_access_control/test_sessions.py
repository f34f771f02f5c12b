"""Each assertion about sessions of the web administration, on made-up sessions."""

from functools import partial

import pytest

from drivers.network.web.administration.sessions import Fixation
from drivers.network.web.probes.cookie_flags import FLAGS, CookieFlags
from suites.interface_access_control import test_sessions as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import BROKEN, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness


def test_every_end_that_a_session_outlives_is_reported() -> None:
    ends = seen("idle", "idle for 1800 s: 200"), seen("absolute", "in use for 43200 s: 200")
    says = "the session is still valid: in use for 43200 s: 200; idle for 1800 s: 200"
    assert fails_on_presence(cases.test_session_ends_automatically, *ends, says=says)


def test_a_session_that_outlives_the_logout_fails() -> None:
    still = seen("session", "the session opens /status")
    assert fails_on_presence(cases.test_session_ends_at_logout, still, says="after the logout the session opens")


def test_a_session_that_outlives_a_change_of_the_password_fails() -> None:
    still = seen("session", "the session opens /status")
    case = cases.test_password_change_ends_the_other_sessions
    assert fails_on_presence(case, still, says="after the change the session opens /status")


def test_every_id_that_is_logged_in_after_a_login_is_reported() -> None:
    ids = seen("made_up", "the made-up id: 200"), seen("ended", "the ended id: 200")
    says = "an id that is not of this login opens its page: the ended id: 200; the made-up id: 200"
    made = partial(observed, kind=Fixation, cookies=("sid",))
    assert fails_on_presence(cases.test_login_starts_a_session_with_a_new_id, *ids, says=says, made=made)


def test_every_way_in_which_another_site_changes_the_setting_is_reported() -> None:
    ways = seen("link", "it became B"), seen("form", "it became A")
    says = "a page of another site changes the setting: form: it became A; link: it became B"
    assert fails_on_presence(cases.test_another_site_cannot_change_a_setting, *ways, says=says)


COOKIE = cases.test_session_cookie_is_protected


def cookie(*lacking: Fact, witness: Witness | None = None) -> CookieFlags:
    there = [seen(flag) for flag in FLAGS if flag not in {fact.about for fact in lacking}]
    return observed(*there, *lacking, kind=CookieFlags, witness=witness, cookies=("sid",))


def test_a_cookie_with_every_attribute_passes() -> None:
    assert passes(COOKIE, cookie())


@pytest.mark.parametrize("flag", FLAGS)
def test_a_cookie_that_lacks_one_attribute_fails(flag: str) -> None:
    assert fails(COOKIE, cookie(refused(flag, f"no {flag}")), says=f"no {flag}")


def test_every_attribute_that_a_cookie_lacks_is_reported() -> None:
    lacking = cookie(refused("secure", "no Secure"), refused("domain", "a wide Domain"))
    assert fails(COOKIE, lacking, says="a wide Domain; no Secure")


def test_cookies_of_a_login_that_failed_leave_the_case_open() -> None:
    unread = cookie(*(silent(flag, "not asked") for flag in FLAGS), witness=BROKEN)
    assert stays_open(COOKIE, unread, says=(BROKEN.what, "not asked"))


def test_cases_that_change_a_password_or_a_setting_must_be_allowed() -> None:
    assert needs(cases.test_password_change_ends_the_other_sessions) == ("configure",)
    assert needs(cases.test_another_site_cannot_change_a_setting) == ("configure",)
    assert needs(cases.test_session_ends_automatically) == needs(cases.test_session_ends_at_logout) == ()
