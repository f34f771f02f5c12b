"""Whether a page with a form that looks like a login is the login page, or content that has such a form in it.

A page of settings has a password field and a user name too, for mail or a provider, and a status page may have a box
to log in. The page that a logged-in administrator gets tells them apart: it shows no login.
"""

import re
from dataclasses import dataclass

from drivers.network.web.login.form import LoginForm, recognise
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.html import read_page
from lab_config.http_login import HttpLogin

_MARKUP = re.compile(rb"<(script|style|option)\b.{0,200000}?</\1\s*>|<[^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
_LABELS = frozenset({"password", "passwort", "kennwort", "passwd"})
"""What a page writes into a password field to say what it is for."""
_REDIRECTS = 3
_NUMBER = re.compile(rb"[0-9a-f]{8,}|[0-9]+", re.IGNORECASE)


@dataclass(frozen=True)
class Entrance:
    """The page that shows the login to everybody."""

    path: str
    answer: WebAnswer


def entrance_of(client: WebClient, http_login: HttpLogin) -> Entrance | None:
    """Request the declared form, or what `/` leads to; None if there is none."""
    path = http_login.form or "/"
    for _ in range(_REDIRECTS):
        try:
            answer = client.request("GET", path)
        except NoAnswerError:
            return None
        target = answer.target(path)
        if target is None:
            return Entrance(path, answer) if answer.ok else None
        path = target
    return None


def is_login_page(
    answer: WebAnswer,
    reference: WebAnswer | NoAnswerError | None,
    path: str,
    http_login: HttpLogin,
    entrance: Entrance | None,
) -> bool:
    """Whether an answer is the login page and not the content that the authorised login gets (`reference`)."""
    form = recognise(answer.body, path, http_login) if answer.ok else None
    if form is None:
        return False
    if not isinstance(reference, WebAnswer):
        return True
    if has_filled_password(answer) and has_filled_password(reference):
        return False
    login = None if entrance is None else recognise(entrance.answer.body, entrance.path, http_login)
    if entrance is not None and login is not None and _is_same(form, login):
        outside = entrance.answer.body
        return _is_text_of(answer.body, outside) or not _shared_data(answer.body, reference.body, outside)
    known = recognise(reference.body, path, http_login)
    return known is None or not _is_same(form, known)


def has_filled_password(answer: WebAnswer) -> bool:
    """Whether a password field of a page is filled in: with a password, or with asterisks in place of one.

    A page that is a file of the server is as it was made.
    """
    if {"etag", "last-modified"} & answer.headers.keys():
        return False
    page = read_page(answer.body)
    fields = (one for form in (*page.forms, page.loose) for one in form.fields if one.kind == "password")
    return any(one.value.strip().lower() not in {"", *_LABELS, one.name.lower(), one.id.lower()} for one in fields)


def _is_same(one: LoginForm, other: LoginForm) -> bool:
    """Whether two forms ask for the same. One without a target of its own is sent to the page that it stands on."""
    is_sent_alike = one.path == other.path or one.path == one.page or other.path == other.page
    return is_sent_alike and (one.password_field, one.user_field) == (other.password_field, other.user_field)


def _is_text_of(body: bytes, other: bytes) -> bool:
    return _bare(_pieces(body)) <= _bare(_pieces(other))


def _shared_data(body: bytes, reference: bytes, outside: bytes) -> set[bytes]:
    """Return the pieces of text with a number that a page has in common with the authorised one, and only with it."""
    known = _bare(_pieces(outside))
    both = _pieces(body) & _pieces(reference)
    return {piece for piece in both if _NUMBER.search(piece) and _NUMBER.sub(b"", piece) not in known}


def _pieces(body: bytes) -> set[bytes]:
    """Return the pieces of text between the tags of a page."""
    return {b" ".join(piece.split()) for piece in _MARKUP.sub(b"\0", body).split(b"\0")} - {b""}


def _bare(pieces: set[bytes]) -> set[bytes]:
    return {_NUMBER.sub(b"", piece) for piece in pieces}
