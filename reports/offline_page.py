"""An HTML page that fetches nothing: the external references of a page, and the page without them.

For pages that other tools made. A Content-Security-Policy in the page blocks references that parsing cannot find.
"""

import re
from html.parser import HTMLParser

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline' data: blob:; "
    "img-src data: blob:; font-src data: blob:; media-src data: blob:; connect-src data: blob:; "
    "worker-src data: blob:; frame-src data: blob:; form-action 'none'"
)
"""The page loads only content that it contains itself."""

_LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "link": ("href", "imagesrcset"),
    "iframe": ("src",),
    "frame": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "input": ("src",),
    "base": ("href",),
    "body": ("background",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
}
_ANALYTICS = re.compile(r"googletagmanager|google-analytics|\bfunction gtag\(|mc\.yandex|matomo|plausible\.io")
_EXTERNAL = re.compile(r"\s*(?:https?:|wss?:|ftp:)?//", re.IGNORECASE)
_CSS_URL = re.compile(r"(?:url\(\s*|@import\s+)['\"]?\s*((?:https?:)?//[^'\")\s;]+)", re.IGNORECASE)
_LISTED = 200
"""Characters of a reference that are reported."""


class _References(HTMLParser):
    """Collects what a browser would fetch, or run to fetch, while the page loads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes that load something, at inline styles and at refreshing meta tags."""
        loading = _LOADS.get(tag, ())
        for name, value in attrs:
            if not value:
                continue
            if name in loading and any(_EXTERNAL.match(part) for part in _parts(name, value)):
                self.found.append(f"{tag} {name}={value[:_LISTED]}")
            elif name == "style":
                self.handle_style(value)
            elif tag == "meta" and name == "content" and re.search(r"url\s*=\s*['\"]?\s*(https?:)?//", value, re.I):
                self.found.append(f"meta refresh {value[:_LISTED]}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat `<img/>` like `<img>`."""
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        """Look at the inside of script and style elements."""
        if self.cdata_elem == "style":
            self.handle_style(data)
        elif self.cdata_elem == "script" and (match := _ANALYTICS.search(data)):
            self.found.append(f"script with {match[0]}")

    def handle_style(self, style: str) -> None:
        """Look for url() and @import."""
        self.found.extend(f"style {match[1][:_LISTED]}" for match in _CSS_URL.finditer(style))


def _parts(name: str, value: str) -> list[str]:
    """Split a list of candidates. Any other value is one reference."""
    return value.split(",") if name.endswith("srcset") else [value]


def external_references(html: str) -> list[str]:
    """Return what a page would fetch from elsewhere when it loads. Links that a reader may follow are not included."""
    parser = _References()
    parser.feed(html)
    parser.close()
    return parser.found


_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_EMPTY_TAG = re.compile(r"<(?:link|img)\b[^>]*>", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


def without_external(html: str) -> str:
    """Return the page without analytics scripts and external scripts, links and images, and with POLICY in its head."""

    def script(match: re.Match[str]) -> str:
        drop = external_references(f"<script{match[1]}></script>") or _ANALYTICS.search(match[2])
        return "" if drop else match[0]

    def empty_tag(match: re.Match[str]) -> str:
        return "" if external_references(match[0]) else match[0]

    pieces, end = [], 0
    for match in _SCRIPT.finditer(html):
        pieces += [_EMPTY_TAG.sub(empty_tag, html[end : match.start()]), script(match)]
        end = match.end()
    page = "".join(pieces) + _EMPTY_TAG.sub(empty_tag, html[end:])
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return _HEAD.sub(lambda match: match[0] + meta, page, count=1)
