"""Sessions of the web administration: they end in time, and no other user can use them."""

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
    advice="Record on the server when a session was last used, and refuse it after the declared time.",
)
def test_session_ends_automatically(session_life: Observation) -> None:
    """Log in, leave the session idle for its declared idle time and a little longer, and use it again.

    If an absolute lifetime is declared, a session in constant use must end as well. A limit that is not declared is
    checked against the profile, as far as the bench waits. Witness: a session of the same age that was kept busy is
    valid at that moment. For the absolute lifetime, a session that began in the middle is valid.
    """
    valid = "; ".join(session_life.detail(end) for end in sorted(session_life.seen))
    assert not session_life.seen, f"the session is still valid: {valid}"


@case(
    "session.logout",
    covers=COVERS,
    fails_on="presence",
    advice="Delete the session on the server at logout. Deleting only the cookie does not end the session.",
)
def test_session_ends_at_logout(session_logout: Observation) -> None:
    """Log in, log out as the page or the declaration says, and use the session as before.

    Witness: the same session was valid directly before, the logout was found and answered, and a fresh login gets in
    afterwards.
    """
    assert not session_logout.seen, f"after the logout {session_logout.detail('session')}"


@case(
    "session.password_change",
    covers=[*COVERS, "EN303645 5.1-4", "EN18031 AUM-4"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="End every other session of an account when its password changes. One of them may be the intruder's.",
)
def test_password_change_ends_the_other_sessions(session_after_change: Observation) -> None:
    """Log in twice, change the account's password in one session, and use the other session. Restore the password.

    Witness: the other session was valid before, the new password gets in, and the old one is in force again.
    """
    assert not session_after_change.seen, f"after the change {session_after_change.detail('session')}"


@case(
    "session.fixation",
    covers=COVERS,
    fails_on="presence",
    advice="Make a new session id at each login, and accept no id that the browser sends.",
)
def test_login_starts_a_session_with_a_new_id(session_fixation: Fixation) -> None:
    """Log in with a session id that existed before the login, and check whether that id is logged in afterwards.

    The ids are one that the device set on the login form, a made-up one, and one of an ended session. The case fails if
    such an id on its own opens the page of the login afterwards, or a made-up one without any login. Witness: each of
    these logins got in.
    """
    fixed = "; ".join(session_fixation.detail(about) for about in sorted(session_fixation.seen))
    assert not session_fixation.seen, f"an id that is not of this login opens its page: {fixed}"


@case(
    "session.cookie_flags",
    covers=[*COVERS, "EN303645 5.5-7", "EN18031 SCM-3"],
    fails_on="absence",
    advice="Set the cookie with Secure, HttpOnly and SameSite=Strict or Lax, for Path=/ and without a Domain.",
)
def test_session_cookie_is_protected(session_cookie: CookieFlags) -> None:
    """Log in, find the cookies that carry the session by omitting one after the other, and read their attributes.

    They need Secure inside TLS, HttpOnly, SameSite=Strict or Lax, no Domain wider than the host, and a Path that
    reaches the declared resources. The attributes are those of the raw Set-Cookie headers of the proven login.
    """
    missing = session_cookie.refused | session_cookie.silent
    assert not missing, "; ".join(session_cookie.detail(flag) for flag in sorted(missing))


@case(
    "session.csrf",
    covers=[*COVERS, "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Set SameSite on the cookie, and refuse changes whose Origin or Sec-Fetch-Site names another site.",
)
def test_another_site_cannot_change_a_setting(cross_site: Observation) -> None:
    """Change the declared setting as the page of another site could: by a link, a form, a text, or a script (CORS).

    Each request is sent as a browser would send it, with the cookies that their SameSite attribute allows. The case
    fails if the setting has changed. Witness: the same change from the device's own page, with the token that the page
    gives, takes effect. The old value is restored.
    """
    changes = "; ".join(f"{way}: {cross_site.detail(way)}" for way in sorted(cross_site.seen))
    assert not cross_site.seen, f"a page of another site changes the setting: {changes}"
