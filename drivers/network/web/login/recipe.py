"""Logs in by the recipe of a declaration: requests in their order, values taken out of answers, digests made.

The vocabulary is closed (`lab_config.http_login`); nothing of the declaration or of the device is run. What went wrong
names the step, and what came instead.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from drivers.network.web.login.session import Submitted, WebSession
from drivers.network.web.transport.client import LimitedError, NoAnswerError, WebAnswer
from drivers.network.web.transport.html import read_page
from drivers.network.web.transport.json_names import lookup
from lab_config.http_login import OURS, TEMPLATE, Made, Recipe, Step, Taken
from trustprobe.probe import printable

VALUE_LIMIT = 8_000
"""Characters of a value that an answer gives."""
BODY_SEARCHED = 256 * 1024
"""Octets of an answer that a regular expression is applied to."""
MOST_ITERATIONS = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
"""The name of a header or cookie: a token (RFC 9110, 5.6.2)."""


class StepFailedError(Exception):
    """A step did not give what it has to: the words say what, and what came instead."""

    def __init__(self, words: str, answer: WebAnswer | None = None) -> None:
        super().__init__(words)
        self.answer = answer


def submit_recipe(session: WebSession, recipe: Recipe, user: str, password: str) -> Submitted:
    """Go through the steps; the session then carries what the recipe says. NoAnswerError as `request` raises it."""
    values = {"user": user, "password": password, "random": secrets.token_hex(16), "now": str(int(time.time()))}
    answer, path, where = WebAnswer(0, {}, b""), "/", "carry"
    try:
        for number, step in enumerate(recipe.steps, start=1):
            path, where = in_path(step.path, values), f"step {number} ({step.about})"
            answer = take_step(session, step, values)
        where = "carry"
        _carry(session, recipe, values)
    except StepFailedError as error:
        return Submitted(error.answer or answer, path, f"{where}: {error}", sent=False)
    except LimitedError as error:
        error.words = f"{where}: {error.words}"
        raise
    except NoAnswerError as error:
        raise NoAnswerError(error.answer, f"{where}: {error.detail}", error.connected) from error
    return Submitted(answer, path)


def take_step(session: WebSession, step: Step, values: dict[str, str]) -> WebAnswer:
    """Make, send and take; `values` grows. StepFailedError says what is missing."""
    for name, made in step.make.items():
        values[name] = make(made, values)
    headers = dict(_filled_lines(step.headers, values, "header"))
    path = in_path(step.path, values)
    if step.form is not None:
        form = {name: written(text, values) for name, text in step.form.items()}
        answer = session.request(step.method, path, data=form, headers=headers)
    elif step.json_body is not None:
        answer = session.request(step.method, path, json=_filled(step.json_body, values), headers=headers)
    else:
        body = written(step.text, values).encode() if step.text is not None else None
        answer = session.request(step.method, path, data=body, headers=headers)
    if step.expect and answer.status not in step.expect:
        expected = " or ".join(map(str, step.expect))
        raise StepFailedError(f"status {expected} was expected, but the answer is {answer.words}", answer)
    for name, taken in step.take.items():
        values[name] = take(name, taken, answer, session)
    return answer


def take(name: str, taken: Taken, answer: WebAnswer, session: WebSession) -> str:
    """Take one value out of an answer; StepFailedError where it is not there."""
    value = _found(taken, answer, session)
    if value is None:
        raise StepFailedError(f"{name} is not in {taken.words} of the answer {answer.words}", answer)
    if len(value) > VALUE_LIMIT:
        raise StepFailedError(f"{name} has {len(value)} characters, more than {VALUE_LIMIT}", answer)
    return value


def _found(taken: Taken, answer: WebAnswer, session: WebSession) -> str | None:
    if taken.json_field is not None:
        return lookup(answer.json(), taken.json_field)
    if taken.field is not None:
        page = read_page(answer.body)
        fields = (one for form in (*page.forms, page.loose) for one in form.fields)
        return next((one.value for one in fields if taken.field in {one.name, one.id}), None)
    if taken.cookie is not None:
        return next((cookie.value for cookie in session.cookies if cookie.name == taken.cookie), None)
    if taken.header is not None and taken.regex is None:
        return answer.headers.get(taken.header.lower())
    text, pattern = answer.body[:BODY_SEARCHED].decode("utf-8", "replace"), taken.regex or ""
    if taken.header is not None:
        text = answer.headers.get(taken.header.lower(), "")
    if taken.header_line is not None:
        text, pattern = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()), taken.header_line
    match = re.search(pattern, text[:BODY_SEARCHED])
    return match[match.re.groups] if match else None


def make(made: Made, values: Mapping[str, str]) -> str:
    """Compute one value; StepFailedError where a text cannot be read as the recipe says."""
    text = written(getattr(made, made.function), values)
    octets = _octets(text, made.read)
    if made.function == "base64":
        return base64.b64encode(octets).decode()
    if made.function == "hmac_sha256":
        digest = hmac.digest(_octets(written(made.key or "", values), made.read_key), octets, "sha256")
    elif made.function == "pbkdf2_sha256":
        rounds = written(made.iterations or "", values)
        if not (rounds.isascii() and rounds.isdigit() and 0 < int(rounds[:9]) <= MOST_ITERATIONS):
            raise StepFailedError(f"iterations are {printable(rounds, 40)!r}, but must be 1 to {MOST_ITERATIONS}")
        salt = _octets(written(made.salt or "", values), made.read_key)
        digest = hashlib.pbkdf2_hmac("sha256", octets, salt, int(rounds))
    else:
        digest = hashlib.new(made.function, octets, usedforsecurity=False).digest()
    if made.write == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex().upper() if made.write == "HEX" else digest.hex()


def _octets(text: str, read: str) -> bytes:
    try:
        if read == "hex":
            return bytes.fromhex(text)
        if read == "base64":
            return base64.b64decode(text, validate=True)
        return text.encode("utf-16-le" if read == "utf-16-le" else "utf-8", "surrogatepass")
    except (ValueError, binascii.Error):
        raise StepFailedError(f"{printable(text, 60)!r} cannot be parsed as {read}") from None


def written(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of their names."""
    return TEMPLATE.sub(lambda match: values.get(match[1], match[0]), text)


def in_path(path: str, values: Mapping[str, str]) -> str:
    """Put values into a path or its query, quoted: a value cannot become a part of the address."""
    return TEMPLATE.sub(lambda match: quote(values.get(match[1], match[0]), safe=""), path)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return written(value, values)
    if isinstance(value, dict):
        return {name: _filled(inner, values) for name, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value


def _filled_lines(texts: Mapping[str, str], values: Mapping[str, str], kind: str) -> Iterator[tuple[str, str]]:
    """Return the names and values of headers or cookies with the values in their places."""
    for template, text in texts.items():
        name = written(template, values)
        if not _NAME.fullmatch(name) or (kind == "header" and name.lower() in OURS):
            raise StepFailedError(f"a {kind} cannot have the name {printable(name, 60)!r}")
        yield name, _line(written(text, values), f"the {kind} {name}")


def _line(text: str, what: str) -> str:
    """Refuse what cannot stand in a header: a device's value must not begin a line of its own."""
    if not text.isascii() or not text.isprintable():
        raise StepFailedError(f"{what} cannot contain {printable(text, 60)!r}")
    return text


def _carry(session: WebSession, recipe: Recipe, values: dict[str, str]) -> None:
    """Give the session what each of its requests carries, and the way out."""
    carry = recipe.carry
    session.headers |= dict(_filled_lines(carry.headers, values, "header"))
    for name, text in _filled_lines(carry.cookies, values, "cookie"):
        session.cookies.set(name, text)
    session.query |= {name: written(text, values) for name, text in carry.query.items()}
    if (logout := recipe.logout) is not None:

        def leave() -> None:
            try:
                take_step(session, logout, values)
            except StepFailedError:
                return  # what it should have answered no longer matters

        session.leave = leave
