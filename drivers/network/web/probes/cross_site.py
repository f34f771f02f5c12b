"""Requests that the page of another site makes a browser send: whether they change the declared setting.

Each is sent as a browser would send it: with the cookies that SameSite lets through, with the password of HTTP Basic,
and with the other site's Origin.
What a browser asks leave for first (CORS) is sent only where the device gives it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import Entered, enter, fact, header_of
from drivers.network.web.login.session import asks_for_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.csrf import tokens_of
from drivers.network.web.transport.json_names import lookup, nested
from lab_config.component import Setting
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition, printable

_CHANGE = "a change of the setting"

ELSEWHERE = "https://elsewhere.example"
"""The other site. Nothing is ever sent there."""
_BASIC = re.compile(r"basic\s", re.IGNORECASE)
_PAGE_LIMIT = 256 * 1024

Method = Literal["PUT", "POST"]


@dataclass(frozen=True)
class _Way:
    """One kind of request that a page of another site can make a browser send."""

    method: Callable[[Method], str]
    target: Callable[[Setting, str], str]
    body: Callable[[Setting, str], bytes | None]
    headers: Mapping[str, str]
    navigation: bool = False
    """A link that is followed: cookies with SameSite=Lax go with it."""
    asks_first: bool = False
    """Browsers send it only after a preflight that grants it."""


def _at(setting: Setting, _value: str) -> str:
    return setting.path


def _in_query(setting: Setting, value: str) -> str:
    mark = "&" if "?" in setting.path else "?"
    return f"{setting.path}{mark}{quote(setting.field)}={quote(value)}"


def _json(setting: Setting, value: str) -> bytes:
    return json.dumps(nested(setting.field, value)).encode()


def _form(setting: Setting, value: str) -> bytes:
    return urlencode({setting.field: value}).encode()


_FROM_ELSEWHERE = {"Origin": ELSEWHERE, "Referer": f"{ELSEWHERE}/", "Sec-Fetch-Site": "cross-site"}
_NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
WAYS: Mapping[str, _Way] = {
    "link": _Way(
        lambda _: "GET",
        _in_query,
        lambda *_: None,
        {"Referer": f"{ELSEWHERE}/", "Sec-Fetch-Site": "cross-site", **_NAVIGATE},  # a link carries no Origin
        navigation=True,
    ),
    "form": _Way(
        lambda _: "POST",
        _at,
        _form,
        {**_FROM_ELSEWHERE, **_NAVIGATE, "Content-Type": "application/x-www-form-urlencoded"},
    ),
    "text": _Way(
        lambda _: "POST",
        _at,
        _json,
        {**_FROM_ELSEWHERE, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty", "Content-Type": "text/plain"},
    ),
    "script": _Way(
        str,
        _at,
        _json,
        {**_FROM_ELSEWHERE, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Content-Type": "application/json"},
        asks_first=True,
    ),
}
"""The rows: a link, a form, a script that sends text, and a script that sends what the administration itself sends."""


@dataclass(frozen=True)
class CrossSite:
    """Change the declared setting as another site's page could. SEEN is a change that took effect.

    Witness: the same change from the administration's own page, with the token that it gives, took effect; the setting
    was put back, and the session is valid at the end.
    """

    web: Administration
    setting: Setting

    @property
    def method(self) -> Method:
        """The method with which the administration changes the setting."""
        return self.setting.method

    @property
    def name(self) -> str:
        """One observation."""
        return "http_cross_site"

    def run(self, record: Recorder) -> Observation:
        """Log in, change it from its own page, then from elsewhere, and put it back."""
        question = "Which requests from the page of another site change a setting?"
        entered = enter(self.web, record)
        if isinstance(entered, LoginAttempt):
            return self._nothing(question, f"the login of {self.web.user} failed: {entered.detail}")
        with _AbusedSession(self, entered, record) as abused:
            old = abused.read()
            if old is None:
                return self._nothing(question, f"{self.setting.field} of {self.setting.path} could not be read")
            other = self.setting.example if old != self.setting.example else f"{old} 2"
            try:
                witnesses = [abused.own(other)]
                facts = tuple(abused.fact(name, (old, other)) for name in WAYS)
            finally:
                back = abused.own(old) if abused.known != old else condition("the setting reads as before", holds=True)
        witness, asked = all_of([*witnesses, back]), self.web.asked(_CHANGE)
        return Observation(question=question, facts=facts, witness=witness, asked=asked)

    def _nothing(self, question: str, why: str) -> Observation:
        words = f"not tested: {printable(why, 500)}"
        facts = tuple(fact(name, Answer.SILENT, words) for name in WAYS)
        return Observation(question=question, facts=facts, witness=condition(words, holds=False))


@dataclass
class _AbusedSession:
    """The session that is abused, and the one place where the setting is read."""

    probe: CrossSite
    entered: Entered
    record: Recorder
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    known: str | None = None
    """What the setting read last."""

    logins: int = 1

    def __enter__(self) -> "_AbusedSession":
        """Log out at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.entered.session.close()

    @property
    def origin(self) -> str:
        """The device's own origin as browsers write it, without a port that goes without saying."""
        base = self.entered.client.base
        return base.removesuffix(":443" if base.startswith("https:") else ":80")

    @property
    def host(self) -> str:
        """The Host header that goes with it: devices compare the two."""
        return self.origin.partition("://")[2]

    @property
    def _known_to_browser(self) -> dict[str, str]:
        """The name and password of HTTP Basic, which browsers add to each request of any site (RFC 7617, 2.2)."""
        own = self.entered.session.headers.items()
        return {name: value for name, value in own if name.lower() == "authorization" and _BASIC.match(value)}

    def read(self) -> str | None:
        """Read the setting as its owner does; log in again where a request of another site has ended the session."""
        setting = self.probe.setting
        self.known = None
        try:
            answer = self.entered.session.request("GET", setting.path)
            if asks_for_login(answer, setting.path, self.probe.web.http_login) and self._log_in_again():
                answer = self.entered.session.request("GET", setting.path)
        except NoAnswerError as error:
            self.record.note(f"GET {setting.path} -> no answer: {error.detail}")
            return None
        self.known = lookup(answer.json(), setting.field) if answer.status == 200 else None
        return self.known

    def _log_in_again(self) -> bool:
        if self.logins > len(WAYS):
            return False
        self.logins += 1
        entered = enter(self.probe.web, self.record)
        if isinstance(entered, Entered):
            self.record.note("the session had ended, so the probe logged in again")
            self.entered = entered
        return isinstance(entered, Entered)

    def own(self, value: str) -> Witness:
        """Change the setting from the administration's own page, with its token where that is asked for."""
        about = f"{self.probe.method} {self.probe.setting.path} from the device's own page"
        answer = self._own(value, self.tokens)
        if isinstance(answer, WebAnswer) and not answer.ok and not self.tokens and (found := self._found_tokens()):
            self.tokens = found
            about += " with its token"
            answer = self._own(value, found)
        took_effect = self.read() == value
        words = answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"
        self.record.note(f"{about} -> {words}")
        effect = "takes effect" if took_effect else f"takes no effect ({printable(words, 300)})"
        return Witness(what=f"{about} {effect}", holds=took_effect, asked=self.probe.web.asked(_CHANGE))

    def _own(self, value: str, tokens: Mapping[str, str]) -> WebAnswer | NoAnswerError:
        own, path = self.origin, self.probe.web.http_login.proof_path
        headers = {"Host": self.host, "Origin": own, "Referer": own + path, **tokens}
        headers |= {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        body = nested(self.probe.setting.field, value)
        try:
            return self.entered.session.request(self.probe.method, self.probe.setting.path, json=body, headers=headers)
        except NoAnswerError as error:
            return error

    def _found_tokens(self) -> dict[str, str]:
        home = self.entered.session.home
        return tokens_of(home[1].body if home else b"", {c.name: c.value or "" for c in self.entered.cookies})

    def fact(self, name: str, values: tuple[str, str]) -> Fact:
        """Send one request of another site that sets the other of two values, and see whether it has taken effect."""
        way, current = WAYS[name], self.known
        if current is None:
            return fact(name, Answer.SILENT, "not tested: the setting could no longer be read")
        value = values[current == values[0]]
        if way.asks_first and (refusal := self._preflight(way)) is not None:
            return fact(name, *refusal)
        kept = {}
        for cookie in self.entered.cookies:
            baked = self.entered.client.baked.get(cookie.name)
            if baked is not None and (why := baked.kept_back(navigation=way.navigation)):
                kept[cookie.name] = why
        sent = [cookie for cookie in self.entered.cookies if cookie.name not in kept]
        answer, words = self._send(name, way, value, header_of(sent))
        if kept and answer is Answer.REFUSED:
            with_cookie, its_words = self._send(name, way, value, header_of(self.entered.cookies))
            only = "and nothing else" if with_cookie is Answer.SEEN else "and the device itself"
            words = f"{', '.join(sorted(set(kept.values())))} {only}: without the cookie {words}, with it {its_words}"
        self.record.note(f"{name} -> {answer}: {words}")
        return fact(name, answer, words)

    def _send(self, name: str, way: _Way, value: str, cookies: str) -> tuple[Answer, str]:
        """Send it with these cookies, and read the setting: only a change counts, whatever the answer says."""
        probe = self.probe
        headers = {
            "Host": self.host,
            **way.headers,
            **({"Cookie": cookies} if cookies else {}),
            **self._known_to_browser,
        }
        path = way.target(probe.setting, value)
        try:
            answer = self.entered.client.request(
                way.method(probe.method), path, data=way.body(probe.setting, value), headers=headers
            )
        except NoAnswerError as error:
            return (Answer.SEEN, "no answer, but the request took effect") if self.read() == value else _silent(error)
        self.record.keep(f"{name}{'-cookie' if cookies else ''}.body", answer.body[:_PAGE_LIMIT])
        now = self.read()
        if now == value:
            return Answer.SEEN, f"accepted: {answer.words}"
        if now is None:
            return Answer.SILENT, f"the answer is {answer.words}, but the setting could not be read"
        why = "refuses it" if asks_for_login(answer, path, probe.web.http_login) else "changes nothing"
        return Answer.REFUSED, f"{answer.status} {why}"

    def _preflight(self, way: _Way) -> tuple[Answer, str] | None:
        """Ask for leave as browsers do, without cookies (Fetch, CORS-preflight fetch); None where it is given."""
        method = way.method(self.probe.method)
        asked = {
            "Host": self.host,
            "Origin": ELSEWHERE,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "cors",
        }
        try:
            answer = self.entered.client.request("OPTIONS", self.probe.setting.path, headers=asked)
        except NoAnswerError as error:
            return _silent(error)
        self.record.note(f"preflight of {method} -> {answer.status} {_grants(answer)}")
        missing = _missing_grant(answer, method)
        if missing:
            return Answer.REFUSED, f"a browser sends a preflight, and its answer ({answer.status}) {missing}"
        return None


def _silent(error: NoAnswerError) -> tuple[Answer, str]:
    return Answer.SILENT, f"no answer: {error.detail}"


def _grants(answer: WebAnswer) -> str:
    return printable("; ".join(f"{k}: {v}" for k, v in answer.headers.items() if k.startswith("access-control-")), 400)


def _missing_grant(answer: WebAnswer, method: str) -> str:
    """Say what a preflight's answer lacks before a browser sends the request with cookies; empty where nothing."""

    def names(header: str) -> set[str]:
        return {name.strip().lower() for name in answer.headers.get(header, "").split(",")}

    if not answer.ok:
        return "does not allow the request"
    if answer.headers.get("access-control-allow-origin", "").strip() != ELSEWHERE:
        return "does not allow the other site"
    if answer.headers.get("access-control-allow-credentials", "").strip() != "true":
        return "allows no cookies"
    if method != "POST" and method.lower() not in names("access-control-allow-methods"):
        return f"does not allow {method}"
    return "" if "content-type" in names("access-control-allow-headers") else "does not allow JSON"
