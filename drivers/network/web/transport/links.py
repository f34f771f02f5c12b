"""Where pages, scripts and documents of a web administration lead: paths on the same service, and nothing else.

Text is only looked at: no script runs, and what names another host is left out. What a name suggests to be an action is
told from what can be read.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape

from drivers.data import table
from drivers.network.web.transport.html import LOGOUT, host_of, path_within

TEXT_LIMIT = 512 * 1024
"""Characters of one answer that are looked at."""
LINKS_OF_ONE = 400
"""Links of one answer that are taken."""
PATH_LIMIT = 300
_DRAWN = re.compile(r"\.(?:svg|png|jpe?g|gif|ico|css|woff2?|ttf|eot|js|map)$", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ATTRIBUTE = re.compile(
    r"""\b(href|src|action|data-(?:url|src|href)|formaction|poster|data)\s*=\s*(?:"([^"]{1,300})"|'([^']{1,300})'|([^\s"'<>]{1,300}))""",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"""["'`](\.{0,2}/[A-Za-z0-9_~%.$][^"'`\s<>\\]{0,299})["'`]""")
_CALLED = re.compile(
    r"""(?:fetch|axios(?:\.\w+)?|\.get|\.ajax|\.load|getJSON|import|open\(\s*["']GET["']\s*,)\s*\(?\s*["'`]([A-Za-z0-9_.~%/-][^"'`\s<>\\]{0,299})["'`]"""
)
_FILE = re.compile(
    r"""["'`]([A-Za-z0-9_][\w./-]{0,200}\.(?:html?|json|js|xml|cgi|php|asp|txt|cfg|conf|log|csv|bin))["'`]"""
)
_API = re.compile(r"""["'`]((?:api|cgi-bin|cgi|rest|rpc|ajax)/[A-Za-z0-9_][^"'`\s<>\\]{0,299})["'`]""")
_LOCATION = re.compile(r"<loc>\s*([^<\s]{1,300})\s*</loc>", re.IGNORECASE)
_ROBOTS = re.compile(r"^(?:dis)?allow:\s*(/[^\s*$#]{0,299})|^sitemap:\s*(\S{1,300})", re.IGNORECASE | re.MULTILINE)
_MAP = re.compile(r"sourceMappingURL=([^\s*]{1,300})")


@dataclass(frozen=True)
class Lead:
    """A path that an answer leads to. `offered`: a person can follow it on the page; else a script names it."""

    path: str
    offered: bool = False


def leads_of(path: str, content_type: str, body: bytes, document: object, own: Iterable[str]) -> list[Lead]:
    """Return what an answer leads to. `document` is its JSON, `own` the names that the service itself goes by."""
    names = frozenset(own)
    text = body[:TEXT_LIMIT].decode("utf-8", "replace")
    found: dict[str, bool] = {}
    for reference, offered in _references(path, content_type, text, document):
        if len(found) >= LINKS_OF_ONE:
            break
        lead = _within(path, reference, names)
        if lead is not None:
            found[lead] = found.get(lead, False) or offered
    return [Lead(lead, offered) for lead, offered in found.items()]


def suggests_action(path: str) -> bool:
    """Whether the words of a path or its query suggest that asking for it changes something."""
    if _DRAWN.search(path):
        return False
    words = {word.lower() for word in _WORD.findall(path.replace("format=", ""))}
    return bool(LOGOUT.search(path)) or not words.isdisjoint(_actions())


@cache
def _actions() -> frozenset[str]:
    return frozenset(word for line in table("crawl")["actions"] for word in line)


def _references(path: str, content_type: str, text: str, document: object) -> Iterator[tuple[str, bool]]:
    if path.endswith("/robots.txt"):
        yield from ((match[1] or match[2], False) for match in _ROBOTS.finditer(text))
        return
    if isinstance(document, dict | list):
        yield from ((reference, False) for reference in _in_json(document))
        return
    if "<" in text[:1000] or "html" in content_type:
        for match in _ATTRIBUTE.finditer(text):
            yield unescape(match[2] or match[3] or match[4]), match[1].lower() == "href"
    yield from ((match[1], False) for match in _LOCATION.finditer(text))
    for pattern in (_CALLED, _LITERAL, _API, _FILE, _MAP):
        yield from ((unescape(match[1]).partition("${")[0], False) for match in pattern.finditer(text))


def _in_json(document: object) -> Iterator[str]:
    """Go through the texts of a JSON document that are paths; of an OpenAPI description its paths."""
    if isinstance(document, dict) and isinstance(document.get("paths"), dict) and _described(document):
        prefix = _prefix(document)
        yield from (prefix + name for name in document["paths"] if isinstance(name, str) and "{" not in name)
        return
    waiting, seen = [document], 0
    while waiting and seen < 5_000:
        value, seen = waiting.pop(), seen + 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and re.match(r"(?:https?://[^\s/]{1,200})?/[\w~%.-][^\s<>]{0,299}$", value):
            yield value


def is_description(document: object) -> bool:
    """Whether a JSON document describes an API instead of answering for it (OpenAPI, Swagger)."""
    return isinstance(document, dict) and _described(document)


def _described(document: dict[str, object]) -> bool:
    return isinstance(document.get("openapi") or document.get("swagger"), str)


def _prefix(document: dict[str, object]) -> str:
    base = document.get("basePath")
    servers = document.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        base = servers[0].get("url")
    return base.rstrip("/") if isinstance(base, str) else ""


def _within(page: str, reference: str, own: frozenset[str]) -> str | None:
    """Return path and query of a reference to the same service, else None."""
    reference = reference.strip()
    if not reference or reference.startswith("#") or not reference.isprintable():
        return None
    if (host := host_of(reference)) and host not in own:
        return None
    path = path_within(page, reference)
    if path is None or len(path) > PATH_LIMIT or any(mark in path for mark in "{}[]()<>\"' \\|^*,"):
        return None
    return path
