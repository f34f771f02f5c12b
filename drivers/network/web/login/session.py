"""A session of the web administration, and how the device turns away clients without one."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from requests.cookies import RequestsCookieJar

from drivers.network.pace import DoorPace
from drivers.network.web.login.form import LOGIN, recognise
from drivers.network.web.transport.client import SECONDS, Credential, NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.csrf import asks_for_token, tokens_of
from drivers.network.web.transport.html import logout_of, path_within
from lab_config.http_login import HttpLogin

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIRECTS = 2
"""Redirects of `/` that are followed to the page that gives a token."""


@dataclass(frozen=True)
class Submitted:
    """What came of a login that was sent."""

    answer: WebAnswer
    path: str
    """The path that answered."""
    problem: str = ""
    """Why nothing could be sent, or where it went wrong; ready to print."""
    sent: bool = True


@dataclass
class WebSession:
    """A login that was proven: requests with its cookies. Close it to log out."""

    client: WebClient
    user: str
    cookies: RequestsCookieJar = field(default_factory=RequestsCookieJar, repr=False)
    home: tuple[str, WebAnswer] | None = None
    """The page that proved the login, and its path."""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Sent with each request: a bearer token."""
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """Sent with each request since the server asked for a token against requests of other sites."""
    query: dict[str, str] = field(default_factory=dict, repr=False)
    """Added to each path."""
    leave: Callable[[], None] | None = None
    """The way out, where the page does not show one."""
    goodbye: WebAnswer | None = None
    """The answer to the logout that the page showed."""
    page: str = "/"
    """The path that a browser would show: the one that was requested last."""
    picture: bytes = field(default=b"", repr=False)
    """What a browser showed after the login, as PNG."""

    @property
    def pace(self) -> DoorPace | None:
        """The pace of the server."""
        return self.client.pace

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        credential: Credential | None = None,
        seconds: float = SECONDS,
    ) -> WebAnswer:
        """Send one request of this session, and once more if the server asks for a token that it gives.

        NoAnswerError where no answer comes.
        """
        if self.query:
            path += ("&" if "?" in path else "?") + urlencode(self.query)
        own = {**self.headers, **(headers or {})}
        if method in _READS:
            self.page = path if method == "GET" else self.page
        else:
            own |= self._from_page(own)

        def send(tokens: Mapping[str, str]) -> WebAnswer:
            return self.client.request(
                method,
                path,
                json=json,
                data=data,
                headers={**tokens, **own} or None,
                cookies=self.cookies,
                credential=credential,
                seconds=seconds,
            )

        sent = self.tokens
        answer = send(sent)
        if asks_for_token(answer) and self.take_tokens(sent):
            return replace(send(self.tokens), with_token=True)
        return answer

    def take_tokens(self, sent: Mapping[str, str]) -> bool:
        """Take the tokens that the cookies hold, or else those of `/`. Return whether they differ from those sent.

        Another request of this session may have taken them in the meantime.
        """
        if self.tokens == sent:
            found = tokens_of(b"", self._values())
            if not found or found == sent:
                found = tokens_of(self._first_page(), self._values())
            self.tokens = found or self.tokens
        return self.tokens != sent

    def _values(self) -> dict[str, str]:
        with self.cookies._cookies_lock:  # type: ignore[attr-defined]  # other threads add cookies
            return {cookie.name: cookie.value or "" for cookie in self.cookies}

    def _first_page(self) -> bytes:
        """Return the page that `/` leads to, and take its cookies. Empty without an answer."""
        path, body = "/", b""
        with suppress(NoAnswerError):
            for _ in range(1 + _REDIRECTS):
                answer = self.client.request("GET", path, headers=self.headers or None, cookies=self.cookies)
                body, target = answer.body, answer.target(path)
                if target is None:
                    break
                path = target
        return body

    def carried(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """Return the path and the header fields of a request of this session, for who sends its octets by hand."""
        if self.query:
            path += ("&" if "?" in path else "?") + urlencode(self.query)
        fields = {**self.tokens, **self.headers, **({} if method in _READS else self._from_page(self.headers))}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in self.cookies)
        return path, fields

    def _from_page(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return what a browser adds to a form, and to what a script changes: servers refuse a change without it."""
        origin, names = self.client.origin, {name.lower() for name in given}
        own = {"Origin": origin, "Referer": origin + self.page.partition("#")[0]}
        return {name: value for name, value in own.items() if name.lower() not in names}

    def close(self) -> None:
        """Log out as declared, or by the form or link that the page shows, and forget what it carried."""
        if self.home is not None and self.leave is not None:
            with suppress(NoAnswerError):
                self.leave()
        elif self.home is not None and (form := logout_of(self.home[1].body)) is not None:
            path = path_within(self.home[0], form.action)
            with suppress(NoAnswerError):  # where it answers no more, there is nothing to log out from
                if path is not None and form.method == "POST":
                    self.goodbye = self.request("POST", path, data=form.hidden)
                elif path is not None:
                    self.goodbye = self.request("GET", path)
        self.cookies.clear()
        self.headers.clear()
        self.tokens = {}
        self.query.clear()

    def __enter__(self) -> "WebSession":
        """Use the session in a `with` block, and log out at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.close()


WebAsker = WebClient | WebSession
"""What sends requests: a client without a session, or a session."""


def ask_with_token(
    asker: WebAsker,
    method: str,
    path: str,
    *,
    json: object = None,
    data: bytes | None = None,
    seconds: float = SECONDS,
) -> WebAnswer:
    """Send one request, and once more if the server asks for a token that `/` gives to every client.

    NoAnswerError where no answer comes.
    """
    answer = asker.request(method, path, json=json, data=data, seconds=seconds)
    if isinstance(asker, WebSession) or not asks_for_token(answer):
        return answer
    visitor = WebSession(asker, "")
    if not visitor.take_tokens({}):
        return answer
    return replace(visitor.request(method, path, json=json, data=data, seconds=seconds), with_token=True)


def asks_for_login(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer turns the asker away in its own bytes: 401, 403, a redirect to the form, or the form itself.

    A page with the login form counts whatever its status: many servers send it with 200.
    """
    return turns_away(answer, path, http_login) or shows_login_form(answer, path, http_login)


def turns_away(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer turns the asker away by its status: 401, 403, or a redirect to the form or to `/`."""
    if (target := answer.target(path)) is not None:
        return _is_login(target, http_login) or (not http_login.form and target.partition("?")[0] == "/")
    return answer.status in {401, 403}


def turns_change_away(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer to a change turns the asker away by its status.

    A redirect counts only if it goes to the login: a change that is accepted often ends with one to `/`.
    """
    target = answer.target(path)
    return answer.status in {401, 403} if target is None else _is_login(target, http_login)


def refuses_change(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer to a change turns the asker away in its own bytes, by its status or with the login form."""
    return turns_change_away(answer, path, http_login) or shows_login_form(answer, path, http_login)


def shows_login_form(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer is a page with a login form, on another path than the declared one."""
    return answer.ok and path != http_login.form and recognise(answer.body, path, http_login) is not None


def _is_login(target: str, http_login: HttpLogin) -> bool:
    """Whether a path is the declared login form, or is named as one if none is declared."""
    target = target.partition("?")[0]
    return target == http_login.form if http_login.form else LOGIN.search(target) is not None
