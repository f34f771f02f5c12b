"""A session of the web administration, and how the device turns away clients without one."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from requests.cookies import RequestsCookieJar

from drivers.network.web.login.form import LOGIN, recognise
from drivers.network.web.transport.client import SECONDS, NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.html import logout_of, path_within
from lab_config.http_login import HttpLogin


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
    query: dict[str, str] = field(default_factory=dict, repr=False)
    """Added to each path."""
    leave: Callable[[], None] | None = None
    """The way out, where the page does not show one."""
    picture: bytes = field(default=b"", repr=False)
    """What a browser showed after the login, as PNG."""

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> WebAnswer:
        """Send one request of this session; NoAnswerError where no answer comes."""
        if self.query:
            path += ("&" if "?" in path else "?") + urlencode(self.query)
        carried = {**self.headers, **(headers or {})}
        return self.client.request(
            method, path, json=json, data=data, headers=carried or None, cookies=self.cookies, seconds=seconds
        )

    def close(self) -> None:
        """Log out as declared, or by the form or link that the page shows, and forget what it carried."""
        if self.home is not None and self.leave is not None:
            with suppress(NoAnswerError):
                self.leave()
        elif self.home is not None and (form := logout_of(self.home[1].body)) is not None:
            path = path_within(self.home[0], form.action)
            with suppress(NoAnswerError):  # where it answers no more, there is nothing to log out from
                if path is not None and form.method == "POST":
                    self.request("POST", path, data=form.hidden)
                elif path is not None:
                    self.request("GET", path)
        self.cookies.clear()
        self.headers.clear()
        self.query.clear()

    def __enter__(self) -> "WebSession":
        """Use the session in a `with` block, and log out at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.close()


WebAsker = WebClient | WebSession
"""What sends requests: a client without a session, or a session."""


def asks_for_login(answer: WebAnswer, path: str, http_login: HttpLogin) -> bool:
    """Whether the answer turns the asker away in its own bytes: 401, 403, a redirect to the form, or the form itself.

    A page with the login form counts whatever its status: many servers send it with 200.
    """
    if answer.status in {401, 403}:
        return True
    if (target := answer.target(path)) is not None:
        target = target.split("?")[0]
        return target == http_login.form if http_login.form else target == "/" or bool(LOGIN.search(target))
    return answer.ok and path != http_login.form and recognise(answer.body, path, http_login) is not None
