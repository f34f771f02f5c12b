"""A client that remembers how the cookies of a login were set, on the way to it and with it."""

from collections.abc import Iterable
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from drivers.network.target import Target
from drivers.network.web.login.log_in import LoginResult, log_in
from drivers.network.web.transport.client import WebAnswer, WebClient
from drivers.network.web.transport.cookie import SetCookie
from lab_config.component import Service
from lab_config.http_login import HttpLogin

MOST_COOKIES = 16
"""Cookies of a login that are looked at."""


class CookieClient(WebClient):
    """A client that remembers how each cookie was set, and may bring cookies to the first request of a session."""

    def __init__(self, target: Target, service: Service, brought: Iterable[Cookie] = ()) -> None:
        super().__init__(target, service)
        self.baked: dict[str, SetCookie] = {}
        """The last header of each cookie that a session of this client got."""
        self.first: dict[str, str] = {}
        """What had been set on the way to the login, before it was sent: values by name."""
        self._brought = tuple(brought)
        self._asked = False
        self._set: dict[str, str] = {}
        self._password: str | None = None

    def log_in(self, http_login: HttpLogin, user: str, password: str) -> LoginResult:
        """Log in; what a session asks for afterwards is none of the way to the login."""
        self._password = password
        try:
            return log_in(self, http_login, user, password)
        finally:
            self._password = None

    def request(self, method: str, path: str, **more: Any) -> WebAnswer:
        """Send one request as a WebClient does; what is sent without `cookies` belongs to no session."""
        cookies = more.get("cookies")
        if cookies is not None and not self._asked:
            for cookie in self._brought:
                cookies.set_cookie(cookie)
        if cookies is not None and self._may_log_in(method, path, **more):
            self.first = dict(self._set)
        answer = super().request(method, path, **more)
        if cookies is not None:
            for baked in filter(None, map(SetCookie.read, answer.set_cookies[:MOST_COOKIES])):
                self.baked[baked.name] = baked
                self._set[baked.name] = baked.value
            self._asked = True
        return answer

    def _may_log_in(self, method: str, path: str, **more: Any) -> bool:
        """Whether this may be the request that logs in: it brings something. Of several, the last one is."""
        if self._password is None:
            return False
        brings = more.get("data") is not None or more.get("json") is not None or method != "GET"
        return brings or self._password in {value for _, value in parse_qsl(urlsplit(path).query)}
