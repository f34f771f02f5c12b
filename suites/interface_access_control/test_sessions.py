"""Sessions of the web administration: they end when they should, and nobody else can use them."""

from drivers.network.web.administration.sessions import Fixation
from drivers.network.web.probes.cookie_flags import CookieFlags
from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation

COVERS = ["IAC-1b", "EN303645 5.5-5", "EN18031 ACM-2", "CRA I(2)(d)"]


@case(
    "session.timeout",
    covers=COVERS,
    fails_on="presence",
    advice="Keep on the server when a session was used last, and refuse it once the declared time is over.",
)
def test_session_ends_by_itself(session_life: Observation) -> None:
    """Log in, leave the session alone for its declared idle time and a little more, and use it again.

    Where an absolute life is declared, a session that is used all the time has to end as well. What is not declared is
    held against the profile, as far as the bench waits. Witness: a session of the same age that was kept busy, or for
    the absolute life one that began in the middle, is valid at that moment.
    """
    valid = "; ".join(session_life.detail(end) for end in sorted(session_life.seen))
    assert not session_life.seen, f"the session is still valid: {valid}"


@case(
    "session.logout",
    covers=COVERS,
    fails_on="presence",
    advice="Forget the session on the server when somebody logs out; deleting the cookie alone ends nothing.",
)
def test_session_ends_with_the_logout(session_logout: Observation) -> None:
    """Log in, log out as the page or the declaration says, and use the session as before.

    Witness: the same session was valid right before, the way to log out was found and answered, and a fresh login gets
    in afterwards.
    """
    assert not session_logout.seen, f"after the logout {session_logout.detail('session')}"


@case(
    "session.password_change",
    covers=[*COVERS, "EN303645 5.1-4", "EN18031 AUM-4"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="End every other session of an account when its password is changed: one of them may be the intruder's.",
)
def test_change_of_password_ends_the_other_sessions(session_after_change: Observation) -> None:
    """Log in twice, change the password of the account in one session, and use the other one; put the password back.

    Witness: the other session was valid before, the new password gets in, and the old one is back in force.
    """
    assert not session_after_change.seen, f"after the change {session_after_change.detail('session')}"


@case(
    "session.fixation",
    covers=COVERS,
    fails_on="presence",
    advice="Make a new session id at each login, and take none that the browser brought.",
)
def test_no_id_of_before_the_login_is_the_session_after_it(session_fixation: Fixation) -> None:
    """Log in with an id that the device set on the login form, with a made-up one, and with one of an ended session.

    It fails when such an id alone opens the page of the login afterwards. Witness: each of these logins got in.
    """
    fixed = "; ".join(session_fixation.detail(about) for about in sorted(session_fixation.seen))
    assert not session_fixation.seen, f"an id of before the login is the session after it: {fixed}"


@case(
    "session.cookie_flags",
    covers=[*COVERS, "EN303645 5.5-7", "EN18031 SCM-3"],
    fails_on="absence",
    advice="Set the cookie with Secure, HttpOnly and SameSite=Strict or Lax, for Path=/ and without a Domain.",
)
def test_cookie_of_a_session_is_guarded(session_cookie: CookieFlags) -> None:
    """Log in, find the cookies that carry the session by leaving out one after the other, and read how they were set.

    They have Secure inside TLS, HttpOnly, SameSite=Strict or Lax, no Domain wider than the host, and a Path that
    reaches the declared resources. The raw Set-Cookie headers of the proven login are what is read.
    """
    missing = session_cookie.refused | session_cookie.silent
    assert not missing, "; ".join(session_cookie.detail(flag) for flag in sorted(missing))


@case(
    "session.csrf",
    covers=[*COVERS, "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Set SameSite on the cookie, and refuse changes whose Origin or Sec-Fetch-Site is another site's.",
)
def test_other_site_can_not_change_a_setting(cross_site: Observation) -> None:
    """Change the declared setting as the page of another site could: by a link, a form, a text, or a script (CORS).

    Each request is sent as a browser would send it, with the cookies that their SameSite lets through. It fails when
    the setting reads changed. Witness: the same change from the device's own page, with the token that it gives, takes
    effect; the old value is put back.
    """
    taken = "; ".join(f"{way}: {cross_site.detail(way)}" for way in sorted(cross_site.seen))
    assert not cross_site.seen, f"a page of another site changes the setting: {taken}"
