"""Tokens against requests of other sites (CSRF): where a server asks for one, and where it gives one.

A client gets such a token by a GET of a page, whether or not it has a login: the token proves no right. An answer that
only misses it says nothing about who may send the request.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from drivers.network.web.transport.client import WebAnswer
from drivers.network.web.transport.html import forms_of

TOKEN_LIMIT = 512
"""Characters of a token that a page gives."""
_PAGE_LIMIT = 256 * 1024
_ANSWER_LIMIT = 4_096
"""Octets of an answer that asks for a token. A longer one is a page, which may mention a token for other reasons."""
_COOKIES_LIMIT = 4
_STATUSES = frozenset({400, 403, 419, 422})
_CROSS_SITE = re.compile(rb"csrf|xsrf|cross[ -]?site[ -]?request", re.IGNORECASE)
_MARKUP = re.compile(rb"<(script|style)\b.{0,4096}?</\1\s*>|<[^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
_COOKIE = re.compile(r"csrf|xsrf", re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN = re.compile(r"csrf|xsrf|authenticity|nonce|token", re.IGNORECASE)
_META = re.compile(rb"<meta\s[^>]{0,600}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""(name|content)\s*=\s*["']([^"']{1,512})["']""", re.IGNORECASE)


def asks_for_token(answer: WebAnswer) -> bool:
    """Whether an answer refuses a request in words because it lacks a token against requests of other sites."""
    if answer.status not in _STATUSES or len(answer.body) > _ANSWER_LIMIT:
        return False
    return _CROSS_SITE.search(_MARKUP.sub(b" ", answer.body)) is not None


def tokens_of(page: bytes, cookies: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that carry the tokens of a page: of its meta elements, its forms and its cookies.

    The names are those of the common frameworks. A cookie is sent back as its own name with `X-`, and as Angular,
    Django and Rails name it: servers compare the header with the cookie.
    """
    found: dict[str, tuple[str, str]] = {}

    def add(header: str, value: str, *, first: bool = False) -> None:
        if header.lower() not in found or not first:
            found[header.lower()] = (header, value)

    for element in _META.findall(page[:_PAGE_LIMIT]):
        pair = {name.lower().decode(): text.decode("utf-8", "replace") for name, text in _ATTRIBUTE.findall(element)}
        if _TOKEN.search(pair.get("name", "")) and pair.get("content"):
            add("X-CSRF-Token", pair["content"])
    for form in forms_of(page):
        for name, value in form.hidden.items():
            if _TOKEN.search(name) and 0 < len(value) <= TOKEN_LIMIT:
                add("X-CSRF-Token", value, first=True)
    named = [name for name in cookies if _COOKIE.search(name) and cookies[name]]
    for name in named[:_COOKIES_LIMIT]:
        value = unquote(cookies[name])[:TOKEN_LIMIT]
        for header in ("X-CSRF-Token", "X-XSRF-TOKEN", "X-CSRFToken"):
            add(header, value, first=True)
        if _HEADER.fullmatch(name):
            add(f"X-{name}", value)
    return {header: value for header, value in found.values() if value.isascii() and value.isprintable()}
