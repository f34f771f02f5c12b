"""What the pages of a web server tell of its software to anonymous clients: page bodies and status paths."""

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from drivers.data import table
from drivers.network.recognise.firmware import firmware_in
from drivers.network.recognise.headers import told_in_page
from drivers.network.target import Target
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.component import Service
from trustprobe.probe import printable

SECONDS = 3.0
AGAIN_SECONDS = 12.0
"""The time for a page that is requested again: some servers put a page together at its first request."""
PAGE = 262_144
"""Bytes of a page that are read."""
REDIRECTS = 4
"""Redirects that are followed from one path."""
PIECES = 12
"""Pieces that are kept of one page."""
_NUMBER = r"v?(\d+(?:\.\d+)+[\w.+-]{0,40})"
_LABEL = r"(?:firmware|software|hardware|fw|sw|build|version|release|revision)"
_MARKUP = re.compile(
    r"<\?xml[^>]{0,200}>|<!doctype[^>]{0,300}>|<!--.{0,2000}?-->|<style.{0,20000}?</style>", re.I | re.S
)
_TAG = re.compile(r"<[^<>]{0,1000}>")
_GENERATOR = re.compile(r"""<meta[^>]{0,80}name=["']?generator["']?[^>]{0,80}content=["']([^"'>]{1,120})""", re.I)
_ELEMENT = re.compile(rf"<([\w:.-]{{0,30}}{_LABEL}[\w.-]{{0,30}})(?:\s[^>]{{0,120}})?>\s*{_NUMBER}", re.I)
_NAME = rf"[\w .-]{{0,30}}{_LABEL}[\w.-]{{0,20}}(?: (?:version|number|no\.?|rev|revision|build))?"
_LABELLED = re.compile(rf"""({_NAME})["']?\s*[:=]?\s*["']?\s*{_NUMBER}""", re.I)
_SOFTWARE = re.compile(
    r"\b(Apache|nginx|lighttpd|Boa|GoAhead|thttpd|mini_httpd|uhttpd|Jetty|Tomcat|PHP|OpenSSL|Werkzeug|Python|Node(?:\.js)?|"
    r"Express|Caddy|CUPS|OpenWrt|LuCI|Linux|BusyBox|Samba|MiniUPnPd|Debian|Ubuntu|Mongoose|Kestrel|Microsoft-IIS|"
    r"powered by [\w. -]{1,30}?)[/ ]v?(\d+(?:\.\d+)+[\w.+-]{0,40})",
    re.I,
)
_OTHERS = re.compile(
    r"api|protocol|http|tls|ssl|xml|html|schema|json|soap|upnp|spec|min(?:imum)?\b|require|support|licen[cs]e|gpl|mpl\b|"
    r"browser|javascript|\bjava\b|flash|android|\bios\b|windows|explorer|chrome|firefox|safari|edge",
    re.I,
)
"""Words before a label that make it no version of the product's software."""


@dataclass
class PageTexts:
    """What was read of the pages of a web server. `told` are the pieces, with their paths."""

    told: list[bytes] = field(default_factory=list)
    answered: bool = False
    """Whether any page was answered."""
    unread: list[str] = field(default_factory=list)
    """Why pages may show more than was read, ready to print."""


def page_texts(target: Target, service: Service, firmware: str = "") -> PageTexts:
    """Read what the pages of a web server tell, and whether they contain the declared version of `firmware`.

    What is read of a page is bounded by `PAGE` and the client's time.
    """
    client, pages, failed = WebClient(target, service), PageTexts(), 0
    paths = [str(path) for path in table("status_paths")]
    for path in paths:
        try:
            answer = _page(client, path)
        except (NoAnswerError, ValueError) as error:
            failed += 1
            pages.unread += [_unanswered(path, error)] if path == "/" or failed > 1 else []
            if failed > 1:
                break
            continue
        pages.answered = True
        if answer.is_stream:
            if _streams_everywhere(client):
                break
        elif not answer.complete or len(answer.body) > PAGE:
            pages.unread.append(f"only the first {min(len(answer.body), PAGE)} octets of {path} were read")
        pages.told += told_in_page(answer.headers.items())
        pieces = [piece.encode() for piece in telling(answer.body[:PAGE])]
        pieces += firmware_in(firmware, answer.body[:PAGE], pieces)
        pages.told += [path.encode() + b": " + piece for piece in pieces]
    pages.told = list(dict.fromkeys(pages.told))
    return pages


def _unanswered(path: str, error: Exception) -> str:
    return f"{path} was not read: {printable(str(error), 200)}" + ("" if path == "/" else ", nor the paths after it")


def _page(client: WebClient, path: str) -> WebAnswer:
    """Return a page; of redirects within the server, where they lead. A page without an answer is requested again."""
    asked = list[str]()
    while True:
        asked.append(path)
        try:
            answer = client.request("GET", path, seconds=SECONDS)
        except NoAnswerError:
            answer = client.request("GET", path, seconds=AGAIN_SECONDS)
        target = answer.target(path)
        if target is None or target in asked or len(asked) > REDIRECTS:
            return answer
        path = target


def _streams_everywhere(client: WebClient) -> bool:
    """Whether the server gives a stream even for a path that cannot exist."""
    with suppress(NoAnswerError):
        return client.request("GET", f"/{secrets.token_hex(8)}", seconds=SECONDS).is_stream
    return False


def telling(body: bytes) -> list[str]:
    """Return the pieces of a page in which a person reads which software this is, and which version of it."""
    page = _MARKUP.sub(" ", body.decode("utf-8", "replace"))
    pieces = [" ".join(match.groups()) for match in _GENERATOR.finditer(page)]
    pieces += [f"{name} {number}" for name, number in _labelled(_ELEMENT, page)]
    text = re.sub(r"\s+", " ", _TAG.sub(" ", page))
    pieces += [f"{name} {number}" for name, number in _labelled(_LABELLED, text)]
    pieces += [" ".join(match.groups()) for match in _SOFTWARE.finditer(text)]
    return list(dict.fromkeys(pieces))[:PIECES]


def _labelled(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    for match in pattern.finditer(text):
        label = re.sub(r"^.*[.,;]\s", "", match[1]).strip(" .-")
        if not _OTHERS.search(label):
            yield label, match[2]
