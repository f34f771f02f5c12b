"""Set-Cookie as browsers read it (RFC 6265, 5.2), and a client that remembers how its cookies were set.

The raw headers are read: a cookie jar forgets HttpOnly, SameSite and how a thing was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from drivers.guessing.attempt import LoginAttempt
from drivers.network.target import Target
from drivers.network.web.transport.client import WebAnswer, WebClient, WebSession
from lab_config.component import Service
from lab_config.http_login import HttpLogin
from trustprobe.probe import printable

MOST_COOKIES = 16
"""Cookies of a login that are looked at."""
HEADER_LIMIT = 4_096
"""Octets of a Set-Cookie header that are read, as browsers do."""


@dataclass(frozen=True)
class SetCookie:
    """One Set-Cookie header. Attribute names are lower case; of one that is given twice the last counts."""

    name: str
    value: str = field(repr=False)
    attributes: Mapping[str, str]

    @classmethod
    def read(cls, header: str) -> "SetCookie | None":
        """Read a header as RFC 6265, 5.2 says; None where a browser would pass it over."""
        pair, *parts = header[:HEADER_LIMIT].split(";")
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            return None
        attributes = {}
        for part in parts:
            key, _, text = part.partition("=")
            attributes[key.strip().lower()] = text.strip()
        return cls(name.strip(), value.strip(), attributes)

    @property
    def same_site(self) -> str:
        """`strict`, `lax` or `none`; empty where the attribute is missing or says something else."""
        word = self.attributes.get("samesite", "").lower()
        return word if word in {"strict", "lax", "none"} else ""

    @property
    def domain(self) -> str:
        """The Domain attribute without its leading dot; empty for a cookie of this host alone."""
        return self.attributes.get("domain", "").lstrip(".").lower()

    def reaches(self, path: str) -> bool:
        """Whether the cookie is sent to a path (RFC 6265, 5.1.4), as far as the attribute says."""
        own = self.attributes.get("path", "")
        if not own.startswith("/"):
            return True  # the attribute is passed over, and the folder of the login counts
        return path == own or path.startswith(own if own.endswith("/") else f"{own}/")

    @property
    def shown(self) -> str:
        """The header without the value: it opens the session."""
        words = [f"{name}={text}" if text else name for name, text in self.attributes.items()]
        return printable("; ".join([f"{self.name}=[{len(self.value)} characters]", *words]), 400)

    def kept_back(self, *, navigation: bool) -> str:
        """Say what keeps a browser from sending this cookie with a request that another site's page makes.

        `navigation` is a link that is followed; forms and scripts are not. Empty where some browser sends it: one
        without SameSite is sent by those that do not take Lax for granted.
        """
        if self.same_site == "strict" or (self.same_site == "lax" and not navigation):
            return f"SameSite={self.same_site.capitalize()}"
        return ""


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

    def login(self, http_login: HttpLogin, user: str, password: str) -> WebSession | LoginAttempt:
        """Log in as a WebClient does; what a session asks for afterwards is none of the way to the login."""
        self._password = password
        try:
            return super().login(http_login, user, password)
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
