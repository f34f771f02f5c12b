"""What the pages of a web server tell of its software to anonymous clients: page bodies and status paths."""

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress

from drivers.data import table
from drivers.network.recognise.headers import told_in_page
from drivers.network.target import Target
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from lab_config.component import Service

SECONDS = 3.0
PAGE = 262_144
"""Bytes of a page that are read."""
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


def page_texts(target: Target, service: Service) -> list[bytes] | None:
    """Return what the pages of a declared web server tell, with their paths; None where no page is answered."""
    client, told, failed, answered = WebClient(target, service), list[bytes](), 0, False
    for path in table("status_paths"):
        try:
            answer = _page(client, str(path))
        except (NoAnswerError, ValueError):
            failed += 1
            if failed > 1:
                break
            continue
        answered = True
        if answer.is_stream and _streams_everywhere(client):
            break
        told += told_in_page(answer.headers.items())
        told += [f"{path}: {piece}".encode() for piece in telling(answer.body[:PAGE])]
    return list(dict.fromkeys(told)) if answered else None


def _page(client: WebClient, path: str) -> WebAnswer:
    """Return a page; of a redirect within the server, where it leads."""
    answer = client.request("GET", path, seconds=SECONDS)
    target = answer.target(path)
    return answer if target is None or target == path else client.request("GET", target, seconds=SECONDS)


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
