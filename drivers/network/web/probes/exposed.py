"""What an answer to an anonymous client shows of the device, if no authorised answer can be compared with it.

Only positive evidence counts: a secret, the identity of the sample, files in a listing, a configuration, fields that
are filled in, a download, a form that runs commands. A page that shows none of these is nobody's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.network.web.probes.denial import denies
from drivers.network.web.probes.login_page import has_filled_password
from drivers.network.web.probes.shown import (
    filled_in,
    is_greeting,
    is_page,
    is_public_document,
    is_static,
    is_telling,
    secret_in,
)
from drivers.network.web.transport.client import WebAnswer
from drivers.network.web.transport.html import Form, Input, Page, read_page
from drivers.network.web.transport.links import suggests_action

_TEXT_LIMIT = 200_000
_FILES = 5
"""Files of a listing that are named."""
_LEAVES = 500
_LISTING = re.compile(
    r"<title>[^<]{0,100}(?:index of|directory listing|listing of|directory of|contents of|files in)|"
    r"<h[1-3][^>]{0,80}>\s*(?:index of|directory listing|listing of|directory of|contents of)",
    re.IGNORECASE,
)
_SORTED = re.compile(r"(?:\./)?\?(?:C=[NMSD]\b|(?:sort|order)=(?:name|size|time|date|mtime))", re.IGNORECASE)
"""A link that sorts a listing: Apache, lighttpd, Caddy, rclone."""
_PAPERS = re.compile(r"(?:^|/)(?:licen[cs]e|copying|readme|notice|humans|ads|changelog|credits)[\w.-]*$", re.IGNORECASE)
_PART_OF_PAGE = re.compile(
    r"\.(?:html?|css|js|mjs|map|png|gif|jpe?g|svg|ico|webp|woff2?|ttf|eot|otf|json5?|xsl|wasm)$|/$", re.IGNORECASE
)
_CREDENTIAL = re.compile(
    r"""(?:^|[{,;<"'\s])["']?([\w.-]{0,40}(?:pass(?:word|wd|phrase)?|pwd|psk|secret|token|api_?key|private_?key|community)"""
    r"""[\w.-]{0,20})["']?[ \t]{0,8}[=:>][ \t]{0,8}["']?([^\s"',;<>{}()\[\]]{3,200})""",
    re.IGNORECASE | re.MULTILINE,
)
_MASKED = re.compile(r"[*\u2022.xX#-]{3,}$|(?:null|none|true|false|undefined|string|required|yes|no)$", re.IGNORECASE)
_TELLING_NAME = re.compile(
    r"serial|mac(?:addr)?|ssid|psk|pass|pwd|secret|token|e-?mail|user(?:name)?|ip(?:addr(?:ess)?)?4?|gateway|dns|wifi|wlan|"
    r"latitude|longitude|host_?name|uuid",
    re.IGNORECASE,
)
_PAIR = re.compile(r"^[ \t]{0,20}(?:set |option |config )?[\w.\-]{1,60}[ \t]{0,8}[=:][ \t]{0,8}\S", re.MULTILINE)
_PAIRS = 3
"""Lines with a name and a value that make a text a configuration."""
_DOWNLOADS = {
    b"\x1f\x8b\x08": "gzip archive",
    b"PK\x03\x04": "zip archive",
    b"BZh": "bzip2 archive",
    b"\xfd7zXZ\x00": "xz archive",
    b"7z\xbc\xaf\x27": "7z archive",
    b"SQLite format 3\x00": "database",
    b"\x7fELF": "program",
    b"hsqs": "file system",
    b"UBI#": "file system",
    b"\x27\x05\x19\x56": "firmware image",
    b"\xd4\xc3\xb2\xa1": "capture of traffic",
    b"\x0a\x0d\x0d\x0a": "capture of traffic",
}
_DESCRIPTION = re.compile(rb"urn:schemas-upnp-org:(?:device|service)-1-0|onvif\.org/ver10/(?:device|network)/wsdl")
_COMMAND = re.compile(r"^(?:cmd|command|exec|execute|shell|system|run_?cmd|cmdline)$", re.IGNORECASE)
_HARMLESS_FORM = re.compile(
    r"search|query|filter|lang|locale|login|log_?on|sign|contact|subscribe|cookie|consent|theme|sort|page",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Exposure:
    """What counts as data of this device. On a server that is not declared, any data does."""

    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    marks: tuple[str, ...] = ()
    """What distinguishes this sample from others: its serial number, its MAC address."""
    is_declared: bool = True

    def forbidden_in_public(self, answer: WebAnswer) -> str:
        """Say what even a public page must not show or let everybody do; empty for nothing."""
        if secret := secret_in(answer.body, self.secrets):
            return f"a secret ({secret})"
        return "a form that runs commands" if is_page(answer) and _has_command_form(read_page(answer.body)) else ""

    def shown_beside_form(self, answer: WebAnswer) -> str:
        """Say what a page shows that has a form like a login and is no login page; empty for nothing."""
        if secret := secret_in(answer.body, self.secrets):
            return f"a secret ({secret})"
        text = answer.body[:_TEXT_LIMIT].decode("utf-8", "replace")
        if any(mark in text for mark in self.marks):
            return "the identity of this sample"
        return "a password field that is filled in" if has_filled_password(answer) else ""

    def shown_in(self, path: str, answer: WebAnswer) -> str:
        """Say what an answer with 2xx shows of the device; empty for nothing."""
        if secret := secret_in(answer.body, self.secrets):
            return f"a secret ({secret})"
        if is_public_document(path, answer) or _DESCRIPTION.search(answer.body):
            return ""
        text = answer.body[:_TEXT_LIMIT].decode("utf-8", "replace")
        if any(mark in text for mark in self.marks):
            return "the identity of this sample"
        if kind := _download(answer.body):
            return f"a download ({kind})"
        if is_static(answer):
            return "a live picture" if answer.is_stream else ""
        document = answer.json()
        if isinstance(document, dict | list):
            return "" if denies(answer) else self._in_document(document)
        return self._on_page(answer, text) if is_page(answer) else self._in_text(path, answer, text)

    def _in_document(self, document: object) -> str:
        leaves = list(_leaves(document))
        if credentials := _credentials(f'{name}: "{value}"' for name, value in leaves):
            return f"a credential ({', '.join(credentials[:3])})"
        telling = [name for name, value in leaves if is_telling(value) or _tells(name, value)]
        if telling:
            return f"data of the device ({', '.join(telling[:3])})"
        return "" if self.is_declared or not leaves else "undeclared data"

    def _in_text(self, path: str, answer: WebAnswer, text: str) -> str:
        if credentials := _credentials([text]):
            return f"a credential ({', '.join(credentials[:3])})"
        if b"\0" in answer.body[:2_000]:
            return "" if self.is_declared else "a download"
        if len(_PAIR.findall(text)) >= _PAIRS:
            return "a configuration"
        return "" if self.is_declared or _PAPERS.search(path) or is_greeting(answer.body) else "undeclared data"

    def _on_page(self, answer: WebAnswer, text: str) -> str:
        if files := _listed(text):
            return f"a directory listing ({', '.join(files[:_FILES])})"
        page = read_page(answer.body)
        if _has_command_form(page):
            return "a form that runs commands"
        changing = [form for form in page.forms if form.method == "POST" and not _is_harmless(form)]
        if changing and filled_in(answer):
            return "filled-in fields"
        if self.is_declared:
            return ""
        pressed = [one.value for form in page.forms if not _is_harmless(form) for one in form.fields if _acts(one)]
        if pressed:
            return f"a form that acts ({', '.join(pressed[:_FILES])})"
        return "a form that sends changes" if changing else ""


def _credentials(texts: Iterable[str]) -> list[str]:
    """Return the names of values that are called a password or a key and look like one."""
    found = (match for text in texts for match in _CREDENTIAL.finditer(text))
    return list(dict.fromkeys(match[1] for match in found if not _is_label(match[1], match[2])))


def _tells(name: str, value: str) -> bool:
    return bool(value) and _TELLING_NAME.search(name) is not None and not _is_label(name, value)


def _is_label(name: str, value: str) -> bool:
    """Whether a value is a word of the interface: texts of a page have the names of what they label."""
    if _MASKED.match(value) or " " in value or not value.isascii() or value.lower() == name.lower():
        return True
    return value.isalpha() and value.istitle()


def _download(body: bytes) -> str:
    if body[257:262] == b"ustar":
        return "tar archive"
    return next((kind for start, kind in _DOWNLOADS.items() if body.startswith(start)), "")


def _listed(text: str) -> list[str]:
    """Return the files that a directory listing names, except those that draw pages."""
    anchors = read_page(text.encode()).anchors
    names = [anchor.path.partition("?")[0] for anchor in anchors if anchor.path]
    is_listing = _LISTING.search(text) is not None or any(_SORTED.match(anchor.path) for anchor in anchors)
    if not is_listing and not ("../" in names and all("://" not in name for name in names)):
        return []
    files = [name.removeprefix("./") for name in names if name and name not in {"../", "/", "./", ".."}]
    own = [name for name in files if not _PART_OF_PAGE.search(name) and not name.startswith(("#", "javascript:"))]
    return [name for name in own if "://" not in name]


def _acts(one: Input) -> bool:
    """Whether a button acts by its words: restart, clear, set."""
    return one.kind == "submit" and suggests_action(one.value)


def _has_command_form(page: Page) -> bool:
    return any(_runs_commands(form) for form in (*page.forms, page.loose))


def _runs_commands(form: Form) -> bool:
    return any(_COMMAND.match(one.name or one.id) and (one.typed or one.kind == "textarea") for one in form.fields)


def _is_harmless(form: Form) -> bool:
    """Whether a form changes nothing of the device by its words: a search, a language, a login, a set-up page."""
    if any(one.kind == "password" for one in form.fields):
        return True
    names = " ".join((form.action, form.id, *(one.name for one in form.fields)))
    return _HARMLESS_FORM.search(names) is not None or not any(one.typed or one.kind for one in form.fields)


def _leaves(document: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting = [("", document, 0)]
    while waiting and len(found) < _LEAVES:
        name, value, depth = waiting.pop()
        if depth > 12:
            continue
        if isinstance(value, dict):
            waiting.extend((str(key), inner, depth + 1) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((name, inner, depth + 1) for inner in value[:_LEAVES])
        elif value is not None:
            found.append((name, str(value)))
    return found
