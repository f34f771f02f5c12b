"""The forms and links of an HTML page, as far as a login needs them.

Only what a person would send is read: the fields of a form, where it goes, links with their words. No script runs.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

PAGE_LIMIT = 1 << 20
"""Octets of a page that are parsed: all that is received. The worst page of this size takes about a second."""
FORM_LIMIT = 128
FRAME_LIMIT = 32
INPUT_LIMIT = 256
"""Inputs of one form that are read."""
LINK_LIMIT = 500
LOGOUT = re.compile(r"log-?_?(?:out|off)|sign-?_?(?:out|off)", re.IGNORECASE)
_TYPED = frozenset({"", "text", "email", "tel", "password", "number", "search"})
_PRESSED = frozenset({"submit", "image"})
_WORDS_LIMIT = 80
_NEAR_LIMIT = 1_000
"""Characters of text that are kept before a form. Twice as many are kept in it."""
_AREA_LIMIT = 16_384
"""Characters of a text area that are kept. Each piece of it is copied, so that the cost grows with the square."""


@dataclass
class Input:
    """An input of a form as it stands on the page."""

    name: str
    kind: str = ""
    """Its type, lower case; `select` and `textarea` are kinds of their own."""
    value: str = ""
    autocomplete: str = ""
    id: str = ""
    checked: bool = False
    options: tuple[str, ...] = ()

    @property
    def typed(self) -> bool:
        """Whether a person types into it."""
        return self.kind in _TYPED

    @property
    def chosen(self) -> bool:
        """Whether it is sent as it stands: hidden and filled ones, boxes that are ticked, a list's choice."""
        return (
            self.checked
            if self.kind in {"checkbox", "radio"}
            else self.kind not in {*_PRESSED, "reset", "button", "file"}
        )


@dataclass
class Form:
    """A form: where it goes, and what it holds before anybody typed."""

    action: str = ""
    method: str = "GET"
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    fields: list[Input] = field(default_factory=list)
    """All inputs in their order, those without a name too."""
    says_method: bool = False
    """Whether the page names a method."""
    by_script: bool = False
    """Whether a script may send it: the form has no target, or a script is called first."""
    id: str = ""
    words: str = ""
    """The text just before the form and in it."""

    def add(self, found: Input) -> bool:
        """Take in an input. Return whether there was room for it."""
        if len(self.fields) >= INPUT_LIMIT:
            return False
        self.fields.append(found)
        if found.name:
            self.inputs.add(found.name)
            if found.kind == "hidden":
                self.hidden[found.name] = found.value
        return True

    @property
    def untouched(self) -> dict[str, str]:
        """What is sent if nothing is typed and the first button is pressed."""
        sent = {one.name: one.value for one in self.fields if one.name and one.chosen}
        button = next((one for one in self.fields if one.kind in _PRESSED), None)
        return sent | ({button.name: button.value} if button and button.name and button.kind == "submit" else {})


@dataclass
class Anchor:
    """A link, and the words that a person reads on it."""

    path: str
    words: str = ""


class Page(HTMLParser):
    """What a page holds. Inputs outside any form are in `loose`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.loose = Form()
        self.anchors: list[Anchor] = []
        self.frames: list[str] = []
        self.refresh: str | None = None
        self.scripts: list[str] = []
        """Addresses of scripts."""
        self.code: list[str] = []
        """Scripts that stand in the page itself."""
        self.meta: dict[str, str] = {}
        self.cut = ""
        """Which part of the page was not read, and why; empty if everything was read."""
        self._open: Form | None = None
        self._anchor: Anchor | None = None
        self._in_script = False
        self._select: Input | None = None
        self._area: Input | None = None
        self._before = ""

    @property
    def links(self) -> list[str]:
        """Where the links lead."""
        return [anchor.path for anchor in self.anchors]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a login may need."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and len(self.forms) >= FORM_LIMIT:
            self.cut = f"only {FORM_LIMIT} forms of it were read"
        elif tag == "form":
            action = found.get("action", "").strip()
            goes = bool(action) and not action.startswith(("#", "javascript:"))
            self._open = Form(action if goes else "", found.get("method", "GET").upper())
            self._open.by_script = not goes or "onsubmit" in found
            self._open.says_method = "method" in found
            self._open.id = found.get("id", "") or found.get("name", "")
            self._open.words = self._before
            self.forms.append(self._open)
        elif tag in {"input", "select", "textarea", "button"}:
            self._input(tag, found)
        elif tag == "option" and self._select is not None:
            self._option(found)
        elif tag == "a" and found.get("href") and len(self.anchors) < LINK_LIMIT:
            self._anchor = Anchor(found["href"])
            self.anchors.append(self._anchor)
        elif tag in {"frame", "iframe"} and found.get("src") and len(self.frames) < FRAME_LIMIT:
            self.frames.append(found["src"])
        elif tag == "script":
            self._in_script = True
            if found.get("src") and len(self.scripts) < LINK_LIMIT:
                self.scripts.append(found["src"])
        elif tag == "meta":
            self._meta(found)

    def _input(self, tag: str, found: dict[str, str]) -> None:
        kind = (
            found.get("type", "").lower() if tag == "input" else found.get("type", "submit") if tag == "button" else tag
        )
        value = found.get("value", "on" if kind in {"checkbox", "radio"} else "")
        one = Input(found.get("name", ""), kind, value, found.get("autocomplete", "").lower(), found.get("id", ""))
        one.checked = "checked" in found
        self._select = one if tag == "select" else self._select
        self._area = one if tag == "textarea" else None
        named = next((form for form in self.forms if found.get("form") and form.id == found["form"]), None)
        if not (named or self._open or self.loose).add(one):
            self.cut = f"only {INPUT_LIMIT} inputs of a form in it were read"

    def _option(self, found: dict[str, str]) -> None:
        assert self._select is not None
        value = found.get("value", "")
        if not self._select.options or "selected" in found:
            self._select.value = value
        if len(self._select.options) < INPUT_LIMIT:
            self._select.options = (*self._select.options, value)

    def _meta(self, found: dict[str, str]) -> None:
        content = found.get("content", "")
        if found.get("http-equiv", "").lower() == "refresh" and self.refresh is None:
            target = re.search(r"url\s*=\s*['\"]?([^'\"]+)", content[:2000], re.IGNORECASE)
            self.refresh = target[1].strip() if target else None
        elif found.get("name") and len(self.meta) < INPUT_LIMIT:
            self.meta[found["name"].lower()] = content

    def handle_data(self, data: str) -> None:
        """Keep scripts, the words of a link, and those near a form."""
        if self._in_script:
            self.code.append(data)
            return
        self._before = (self._before + data[-_NEAR_LIMIT:])[-_NEAR_LIMIT:]
        if self._open is not None and len(self._open.words) < 3 * _NEAR_LIMIT:
            self._open.words += data[:_NEAR_LIMIT]
        if self._area is not None:
            self._area.value += data[: max(0, _AREA_LIMIT - len(self._area.value))]
        elif self._anchor is not None and len(self._anchor.words) < _WORDS_LIMIT:
            self._anchor.words += data[:_WORDS_LIMIT]

    def handle_endtag(self, tag: str) -> None:
        """Leave a form, a link, a script or a list."""
        if tag == "form":
            self._open = None
        elif tag == "a":
            self._anchor = None
        elif tag == "script":
            self._in_script = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None


def read_page(page: bytes) -> Page:
    """Parse a page. A truncated or malformed page contains what came before the fault."""
    reader = Page()
    try:
        reader.feed(page[:PAGE_LIMIT].decode("utf-8", "replace"))
    except (AssertionError, ValueError):
        reader.cut = "it is malformed, and only its beginning was read"  # html.parser gives up on some declarations
    if len(page) > PAGE_LIMIT:
        reader.cut = f"only its first {PAGE_LIMIT} octets were read"
    return reader


def forms_of(page: bytes) -> list[Form]:
    """Return the forms of a page."""
    return read_page(page).forms


def form_with(page: bytes, field_name: str) -> Form | None:
    """Return the first form of a page that has an input of this name."""
    return next((form for form in forms_of(page) if field_name in form.inputs), None)


def logout_of(page: bytes) -> Form | None:
    """Return what logs out on a page, a form or a link, as a form."""
    reader = read_page(page)
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


def host_of(reference: str) -> str:
    """Return the host that a link names, with its port; empty for one that stays where it is."""
    try:
        return urlsplit(reference.strip()).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
