"""How the cookies that carry a session were set: Secure, HttpOnly, SameSite, Domain and Path."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import enter, fact
from drivers.network.web.transport.cookie import SetCookie
from trustprobe.probe import Answer, Fact, Observation, Recorder, condition, printable

FLAGS = ("secure", "http_only", "same_site", "domain", "path")
"""The guards of a cookie that are looked for, in the order of the report."""


class CookieFlags(Observation):
    """How the cookies that carry a session were set; a fact for each way to guard them, SEEN where it is there."""

    cookies: tuple[str, ...]
    """Their names; none where the session is carried by something else."""


@dataclass(frozen=True)
class ReadCookieFlags:
    """Log in, and read how the cookies that carry the session were set. A login that is not proven says nothing."""

    web: Administration
    paths: tuple[str, ...] = ()
    """Declared paths that a session is needed for: the cookie has to reach them."""

    @property
    def name(self) -> str:
        """One observation."""
        return "session_cookie"

    def run(self, record: Recorder) -> CookieFlags:
        """Log in, leave out one cookie after the other, and read the headers of those that count."""
        question = "How does the device protect the cookies that carry a session?"
        entered = enter(self.web, record)
        if isinstance(entered, LoginAttempt):
            words = f"not tested: the login of {self.web.user} failed: {entered.detail}"
            facts = tuple(fact(flag, Answer.SILENT, words) for flag in FLAGS)
            witness = condition(printable(words), holds=False)
            return CookieFlags(question=question, facts=facts, witness=witness, cookies=())
        with entered:
            carriers = [cookie.name for cookie in entered.carriers()]
            every = dict(entered.client.baked)  # before the logout, which sets them again
        baked = [every[name] for name in carriers if name in every]
        for cookie in every.values():
            record.note(f"Set-Cookie: {cookie.shown}{' (carries the session)' if cookie in baked else ''}")
        record.keep("set-cookie.txt", "".join(f"{cookie.shown}\n" for cookie in every.values()).encode())
        paths = (self.web.http_login.proof_path, *self.paths)
        facts = tuple(_judged(flag, baked, self.web.target.address, paths) for flag in FLAGS)
        return CookieFlags(question=question, facts=facts, cookies=tuple(one.name for one in baked))


def _judged(flag: str, cookies: list[SetCookie], host: str, paths: Iterable[str]) -> Fact:
    """Name one guard of all these cookies: SEEN where each has it, else REFUSED with the header that lacks it."""
    if not cookies:
        return fact(flag, Answer.REFUSED, "no cookie carries the session")
    for cookie in cookies:
        if objection := _objection(flag, cookie, host, paths):
            return fact(flag, Answer.REFUSED, f"{objection}: {cookie.shown}")
    return fact(flag, Answer.SEEN, "; ".join(cookie.shown for cookie in cookies))


def _objection(flag: str, cookie: SetCookie, host: str, paths: Iterable[str]) -> str:
    if flag == "secure":
        return "" if "secure" in cookie.attributes else "without Secure, browsers also send it in clear"
    if flag == "http_only":
        return "" if "httponly" in cookie.attributes else "without HttpOnly, scripts of the page can read it"
    if flag == "same_site":
        given = cookie.attributes.get("samesite", "")
        return "" if cookie.same_site in {"strict", "lax"} else f"SameSite is {printable(given, 40) or 'missing'}"
    if flag == "domain":
        return wider(cookie.domain, host)
    unreached = [path for path in paths if not cookie.reaches(path)]
    given = cookie.attributes.get("path", "")
    if given and not given.startswith("/"):
        return "its Path is malformed, so browsers ignore it"
    return f"its Path does not reach {', '.join(unreached)}" if unreached else ""


def wider(domain: str, host: str) -> str:
    """Return the other hosts that a Domain attribute includes. An address has no hosts below it."""
    if not domain:
        return ""
    try:
        ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return f"its Domain includes every host below {printable(domain, 100)}"
    return "" if domain.strip("[]") == host.split("%")[0].lower() else f"its Domain includes {printable(domain, 100)}"
