"""What an answer of a web administration shows: a thing of the page's own, or something of the device's.

The bytes of an open page are the same for everybody, a stylesheet's and a settings dump's alike. What tells them apart
is what they hold: values that a login guards elsewhere, secrets, fields that are filled in, addresses.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from drivers.data import table
from drivers.forms import compiled, forms_of
from drivers.network.web.transport.client import WebAnswer
from drivers.network.web.transport.html import read_page
from drivers.network.web.transport.links import is_description

VALUE_SHORTEST, VALUE_LONGEST = 8, 500
"""Characters of a value that can be told from chance."""
VALUES_LIMIT = 2_000
_LEAF_DEPTH = 12
_PART, _NUMBER = re.compile(r"[A-Za-z0-9]{6,}"), re.compile(r"\d{7,}")
_SWITCH = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_MAC = re.compile(r"^(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$")
_GREETING = 80
"""Octets of a line that a server says at most without a value."""
_WORDS_ONLY = re.compile(rb"[A-Za-z ,.!?'()-]*")
_PATTERNS = ("private_keys", "password_hashes_weak", "api_tokens")


@dataclass(frozen=True)
class Guarded:
    """What must not show without a right: values that a login guards, and secrets of the bench in any notation."""

    values: Mapping[str, str] = field(default_factory=dict)
    """Each value, and where a login guards it."""
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What a secret is, in words, to one notation of it."""

    def shown_in(self, answer: WebAnswer) -> str:
        """Say what of it an answer shows; empty for nothing."""
        if secret := secret_in(answer.body, self.secrets):
            return secret
        text = answer.body.decode("utf-8", "replace")
        places = sorted({f"{place}" for value, place in self.values.items() if value in text})
        return f"data that {', '.join(places[:3])} shows only after the login" if places else ""


def secrets_of(logins: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    """Return the notations of passwords, by words that do not tell them; short ones cannot be told from words."""
    found: dict[str, bytes] = {}
    for user, password in logins:
        found |= {name: form for name, form in forms_of(f"the password of {user}", password).items() if len(form) >= 6}
    return found


def secret_in(body: bytes, secrets: Mapping[str, bytes]) -> str:
    """Name a secret that a body holds: a known password, a private key, a hash, a token; empty for none."""
    known = next((name for name, octets in secrets.items() if octets in body), "")
    return known or next((name for name, pattern in _patterns().items() if pattern.search(body)), "")


def values_of(answer: WebAnswer) -> set[str]:
    """Return the values that an answer shows and that no other device shows: serial numbers, addresses, keys."""
    document = answer.json()
    shown = _leaves(document) if isinstance(document, dict | list) else filled_in(answer)
    return {value for value in shown if is_telling(value)}


def filled_in(answer: WebAnswer) -> list[str]:
    """Return what the fields of an HTML page are filled with; a page that is a file of the server is as it was made."""
    if {"etag", "last-modified"} & answer.headers.keys():
        return []
    page = read_page(answer.body)
    fields = (one for form in (*page.forms, page.loose) for one in form.fields if one.typed or one.kind == "textarea")
    return [one.value for one in fields if one.value.strip()]


def is_static(answer: WebAnswer) -> bool:
    """Whether an answer draws a page: a stylesheet, a script, an image, a font."""
    return re.match(_rules()["static_types"], answer.headers.get("content-type", "").lower()) is not None


def is_live(answer: WebAnswer) -> bool:
    """Whether an answer is a picture, a sound or a film, which may show what is there now."""
    return (
        answer.headers.get("content-type", "").lower().startswith(("image/", "audio/", "video/", "multipart/x-mixed"))
    )


def is_page(answer: WebAnswer) -> bool:
    """Whether an answer is an HTML page."""
    kind = answer.headers.get("content-type", "").lower()
    return "html" in kind or (not kind and answer.body[:200].lstrip()[:1] == b"<")


def is_public_document(path: str, answer: WebAnswer) -> bool:
    """Whether a document is there for anybody: robots.txt, translations of the page, a description of the API."""
    bare = path.partition("?")[0]
    if re.match(_rules()["public_documents"], bare) or is_description(answer.json()):
        return True
    return re.search(_rules()["translations"], bare) is not None


def is_greeting(body: bytes) -> bool:
    """Whether a text is a short line of words only: what a server says, without a value."""
    return len(body) <= _GREETING and _WORDS_ONLY.fullmatch(body.strip()) is not None


def is_telling(value: str) -> bool:
    """Whether a value tells this device from others: pages list zones, ciphers and resolutions that are set somewhere.

    A MAC address does, a long number, and what mixes letters and digits: a serial number, a key.
    """
    if not VALUE_SHORTEST <= len(value) <= VALUE_LONGEST or " " in value:
        return False
    mixed = any(len(_SWITCH.findall(part)) >= 3 for part in _PART.findall(value))
    return mixed or _NUMBER.search(value) is not None or _MAC.match(value) is not None


def _leaves(document: object) -> set[str]:
    found: set[str] = set()
    waiting = [(document, 0)]
    while waiting and len(found) < VALUES_LIMIT:
        value, depth = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth < _LEAF_DEPTH:
            waiting.extend((one, depth + 1) for one in inner)
        if isinstance(value, str):
            found.add(value)
    return found


@cache
def _rules() -> dict[str, str]:
    rules: dict[str, str] = table("crawl")
    return rules


@cache
def _patterns() -> dict[str, re.Pattern[bytes]]:
    rows = table("storage_patterns")
    return {name: pattern for row in _PATTERNS for name, pattern in compiled(rows[row]).items()}
