"""Answers with 2xx that show nothing: a document that denies the request, and the page that every path gets.

Many servers refuse with 200, and a single-page application answers every path with one page. Without the answer to an
authorised request, its own words are all that tells such an answer from content.
"""

import re

from drivers.network.web.transport.client import WebAnswer

_WORDS_LIMIT = 1_500
"""Octets of text that a page of denial has at most. A longer one shows something else as well."""
_LEAVES = 200
_DENIAL = re.compile(
    rb"un-?auth(?:ori[sz]ed|enticated)|not[ _-]?auth(?:ori[sz]ed|enticated)|forbidden|(?:access|permission)[ _-]denied|"
    rb"not[ _-]?logged[ _-]?in|log[ -]?in (?:is )?(?:required|needed|first|again)|please (?:log|sign)[ -]?in|"
    rb"must (?:be logged|log|sign)[ -]?in|session (?:has |is )?(?:expired|invalid|timed? ?out|not found)|"
    rb"(?:invalid|missing|expired|no)[ _-](?:session|token|credentials?)|auth(?:entication|orization)?[ _-](?:is )?"
    rb"(?:required|failed|error)|no permission|not permitted|login[_ ]required",
    re.IGNORECASE,
)
_STATUS_NAME = re.compile(
    r"err(?:or)?s?|err(?:or)?_?(?:no|code|msg|message|description)|(?:status|ret(?:urn)?)?_?code|status|results?|success|"
    r"ok|message|msg|details?|reason|description|title|type|timestamp|path|instance|(?:login|redirect)(?:_?url)?|url|"
    r"auth(?:enticated)?|logged_?in|ret(?:urn)?|realm",
    re.IGNORECASE,
)
"""Names of a document that says nothing but how a request ended."""
_NEGATIVE = frozenset({"error", "errors", "err", "errmsg", "errormessage", "error_message", "error_description"})
_POSITIVE = frozenset({"success", "ok", "authenticated", "auth", "login", "loggedin", "logged_in"})
_NO = frozenset({"false", "0", "no", "fail", "failed", "failure", "error", "denied"})
_CODES = frozenset({"code", "status", "statuscode", "status_code"})
_MARKUP = re.compile(rb"<(script|style)\b.{0,200000}?</\1\s*>|<[^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(rb"[0-9a-f]{8,}|[0-9]+", re.IGNORECASE)
_CHANGING = re.compile(rb"\d{4}-\d\d-\d\d(?:[T ][\d:.]+)?|[0-9a-f]{8,}(?:\.\d+)?", re.IGNORECASE)


def denies(answer: WebAnswer) -> bool:
    """Whether an answer denies the request in its own words, whatever its status."""
    document = answer.json()
    if isinstance(document, dict | list):
        return denies_in_words(document)
    text = _MARKUP.sub(b" ", answer.body)
    return len(text.strip()) <= _WORDS_LIMIT and _DENIAL.search(text) is not None


def names_login(answer: WebAnswer) -> bool:
    """Whether an answer that denies the request says that a login or a right is missing, not only that it failed."""
    if not denies(answer):
        return False
    document = answer.json()
    return _DENIAL.search(answer.body) is not None or (isinstance(document, dict) and _sends_to_login(document))


def _sends_to_login(document: dict[str, object]) -> bool:
    """Whether a document holds the status 401 or 403, or the path of a login."""
    named = {str(key).lower(): str(value).lower() for key, value in document.items()}
    if any(name in _CODES and value in {"401", "403"} for name, value in named.items()):
        return True
    return any(
        "login" in value or "auth" in value for name, value in named.items() if "redirect" in name or name == "url"
    )


def alike(one: WebAnswer, other: WebAnswer) -> bool:
    """Whether two answers are one page: they differ at most in numbers and tokens.

    The numbers of a JSON document tell it from others, such as the code of a result. Only times and tokens are ignored.
    """
    if one.body == other.body:
        return True
    variable = _CHANGING if any(isinstance(answer.json(), dict | list) for answer in (one, other)) else _VARIABLE
    return bool(one.body) and variable.sub(b"", one.body) == variable.sub(b"", other.body)


def is_status_name(name: str) -> bool:
    """Whether a name of a document says nothing but how a request ended."""
    return _STATUS_NAME.fullmatch(name) is not None


def denies_in_words(document: object) -> bool:
    """Whether a JSON document consists of a status only, and a negative one."""
    names, negative, waiting = 0, False, [document]
    while waiting and names < _LEAVES:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value[:_LEAVES])
        elif isinstance(value, dict):
            for key, inner in value.items():
                names += 1
                if not is_status_name(str(key)):
                    return False
                negative = negative or _is_negative(str(key).lower(), inner)
                waiting.extend([inner] if isinstance(inner, dict | list) else [])
    return names > 0 and negative


def _is_negative(name: str, value: object) -> bool:
    if name in _NEGATIVE:
        return value not in (None, False, 0, "", "0")
    if name in _POSITIVE and str(value).lower() in _NO:
        return True
    if isinstance(value, str) and (value.lower() in _NO or _DENIAL.search(value.encode())):
        return True
    if "redirect" in name or name == "url":
        return "login" in str(value).lower() or "auth" in str(value).lower()
    return name in _CODES and str(value) in {"400", "401", "403", "404"}
