"""The forms and links of an HTML page, as far as a login needs them.

Only what a person would send is read: hidden inputs, the form's action, a link that says log out. No script runs.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

PAGE_LIMIT = 256 * 1024
"""Octets of a page that are parsed."""
FORM_LIMIT = 32
LOGOUT = re.compile(r"log-?_?(?:out|off)|sign-?_?(?:out|off)", re.IGNORECASE)


@dataclass
class Form:
    """A form: where it goes, and what it holds before anybody typed."""

    action: str = ""
    method: str = "GET"
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and len(self.forms) < FORM_LIMIT:
            self._open = Form(found.get("action", ""), found.get("method", "GET").upper())
            self.forms.append(self._open)
        elif tag == "input" and self._open is not None and found.get("name"):
            self._open.inputs.add(found["name"])
            if found.get("type", "").lower() == "hidden":
                self._open.hidden[found["name"]] = found.get("value", "")
        elif tag == "a" and found.get("href"):
            self.links.append(found["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def _read(page: bytes) -> _Reader:
    reader = _Reader()
    try:
        reader.feed(page[:PAGE_LIMIT].decode("utf-8", "replace"))
    except (AssertionError, ValueError):
        return reader  # html.parser gives up on some malformed declarations; what came before them counts
    return reader


def forms_of(page: bytes) -> list[Form]:
    """Return the forms of a page."""
    return _read(page).forms


def form_with(page: bytes, field_name: str) -> Form | None:
    """Return the first form of a page that has an input of this name."""
    return next((form for form in _read(page).forms if field_name in form.inputs), None)


def logout_of(page: bytes) -> Form | None:
    """Return what logs out on a page, a form or a link, as a form."""
    reader = _read(page)
    for form in reader.forms:
        if LOGOUT.search(form.action):
            return form
    return next((Form(action=link) for link in reader.links if LOGOUT.search(link)), None)


def path_within(page_path: str, reference: str) -> str | None:
    """Resolve a link against the page that it stands on, and return path and query; None for anything unreadable.

    Scheme, host and port are dropped: whatever a device writes there, it is asked itself, and nobody else.
    """
    try:
        parts = urlsplit(urljoin(page_path, reference.strip()))
    except ValueError:
        return None
    if parts.scheme not in {"", "http", "https"}:
        return None
    path = "/" + parts.path.lstrip("/")
    return f"{path}?{parts.query}" if parts.query else path
