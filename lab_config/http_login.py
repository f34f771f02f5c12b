"""How a person logs in to the web administration, and the recipe for pages without a plain form.

A recipe is a small, closed vocabulary: requests, values to extract from answers, digests to compute. None of it is
executed as code.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from lab_config.base import Expression, Identifier, Model, UrlPath, require_expression

TEMPLATE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""`{name}` in a text of a recipe stands for a value."""
GIVEN = frozenset({"user", "password", "random", "now"})
"""The names before the first step: the login, 32 random hexadecimal digits, the time in Unix seconds."""
Text = Annotated[str, StringConstraints(max_length=8_000)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
HeaderTemplate = Annotated[
    str, StringConstraints(pattern=r"^(?:[A-Za-z0-9!#$%&'*+.^_`|~-]|\{[a-z][a-z0-9_]*\}){1,64}$", max_length=400)
]
"""The name of a header or cookie, in which `{name}` stands for a value."""
_KEYED = {"hmac_sha256": "key", "pbkdf2_sha256": "salt"}
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
"""Headers that a recipe cannot set."""


def _one_of(model: Model, names: tuple[str, ...], needed: bool = True) -> str:
    """Return the field that is given. ValueError unless it is exactly one (or, if not needed, at most one)."""
    labels = {name: (type(model).model_fields[name].alias or name) for name in names}
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) > 1 or (needed and not given):
        found = ", ".join(labels[name] for name in given) or "none"
        raise ValueError(f"expected exactly one of {', '.join(labels.values())}, found {found}")
    return given[0] if given else ""


def _pattern(text: str) -> str:
    compiled = require_expression(text)
    if compiled.groups > 1:
        raise ValueError(
            f"{text!r} has {compiled.groups} groups: use one group for the value, or none for the whole match"
        )
    return text


Matching = Annotated[str, AfterValidator(_pattern)]
"""A regular expression with at most one group, which marks the value."""


class Taken(Model):
    """A value in an answer, and its place."""

    json_field: str | None = Field(None, alias="json")
    """A dotted name in a JSON answer: `data.token`."""
    regex: Matching | None = None
    """In the body, or in the header if one is named. A group marks the value."""
    field: str | None = None
    """The value of an input of the HTML page."""
    cookie: str | None = None
    header: HeaderName | None = None
    """A header of the answer. With `regex`, the match in that header."""
    header_line: Matching | None = None
    """In the lines `name: value` of all headers, with names in lower case, if the name of the header varies."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.header is None:
            _one_of(self, ("json_field", "regex", "field", "cookie", "header_line"))
        elif self.json_field or self.field or self.cookie or self.header_line:
            raise ValueError("a header can only be combined with regex")
        return self

    @property
    def words(self) -> str:
        """The place of the value, in words."""
        places = (
            ("header", self.header),
            ("json", self.json_field),
            ("regex", self.regex),
            ("field", self.field),
            ("cookie", self.cookie),
            ("header_line", self.header_line),
        )
        return ", ".join(f"{name} {value!r}" for name, value in places if value is not None)


class Made(Model):
    """A computed value: one function of a text. Digests are written as hexadecimal digits."""

    md5: Text | None = None
    sha1: Text | None = None
    sha256: Text | None = None
    sha512: Text | None = None
    hmac_sha256: Text | None = None
    """With `key`."""
    pbkdf2_sha256: Text | None = None
    """With `salt` and `iterations`, 32 octets."""
    base64: Text | None = None
    key: Text | None = None
    salt: Text | None = None
    iterations: Annotated[str, StringConstraints(pattern=r"^(\d{1,7}|\{[a-z][a-z0-9_]*\})$")] | None = None
    read: Literal["utf-8", "utf-16-le", "hex", "base64"] = "utf-8"
    """The encoding of the text as octets."""
    read_key: Literal["utf-8", "utf-16-le", "hex", "base64"] = "utf-8"
    """The encoding of the key or salt as octets."""
    write: Literal["hex", "HEX", "base64"] = "hex"

    @property
    def function(self) -> str:
        """The name of the function."""
        return _one_of(self, ("md5", "sha1", "sha256", "sha512", "hmac_sha256", "pbkdf2_sha256", "base64"))

    @model_validator(mode="after")
    def _what_the_function_needs(self) -> Self:
        needed = _KEYED.get(self.function)
        for name in _KEYED.values():
            if (getattr(self, name) is not None) is not (name == needed):
                raise ValueError(f"{self.function} requires {needed or 'neither key nor salt'}")
        if (self.iterations is not None) is not (self.function == "pbkdf2_sha256"):
            raise ValueError("pbkdf2_sha256 requires iterations, and no other function accepts them")
        return self

    def texts(self) -> Iterator[str]:
        """Return the texts that may contain names."""
        yield from (text for text in (getattr(self, self.function), self.key, self.salt, self.iterations) if text)


class Step(Model):
    """One request: values are computed, it is sent, and values are extracted from its answer."""

    get: UrlPath | None = None
    post: UrlPath | None = None
    put: UrlPath | None = None
    make: dict[Identifier, Made] = Field(default_factory=dict)
    form: dict[str, Text] | None = None
    """Fields as a form sends them."""
    json_body: dict[str, JsonValue] | None = Field(None, alias="json")
    text: Text | None = None
    """An unchanged body (SOAP, XML). A header states its type."""
    headers: dict[HeaderTemplate, Text] = Field(default_factory=dict)
    expect: tuple[Annotated[int, Field(ge=100, le=599)], ...] = ()
    """The expected status codes. If empty, any status is accepted."""
    take: dict[Identifier, Taken] = Field(default_factory=dict)

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _one_of(self, ("get", "post", "put")).upper()

    @property
    def path(self) -> str:
        """The path, which may contain names."""
        return str(self.get or self.post or self.put)

    @property
    def about(self) -> str:
        """The step in words: `POST /api/login`."""
        return f"{self.method} {self.path}"

    @model_validator(mode="after")
    def _one_request(self) -> Self:
        body = _one_of(self, ("form", "json_body", "text"), needed=False)
        if self.method == "GET" and body:
            raise ValueError("a get has no body: put the fields into its path")
        if ours := sorted(name for name in self.headers if name.lower() in OURS):
            raise ValueError(f"trustprobe sets the header {ours[0]}")
        return self

    def texts(self) -> Iterator[str]:
        """Return the texts of the request that may contain names."""
        yield self.path
        yield from (self.form or {}).values()
        yield from _strings(self.json_body)
        yield from self.headers
        yield from self.headers.values()
        yield self.text or ""


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


class Carry(Model):
    """What each request of the session contains in addition to the cookies that the answers set."""

    headers: dict[HeaderTemplate, Text] = Field(default_factory=dict)
    cookies: dict[HeaderTemplate, Text] = Field(default_factory=dict)
    query: dict[Identifier, Text] = Field(default_factory=dict)
    """Parameters of each path, such as `sid`."""

    @model_validator(mode="after")
    def _own_headers(self) -> Self:
        if ours := sorted(name for name in self.headers if name.lower() in OURS):
            raise ValueError(f"trustprobe sets the header {ours[0]}")
        return self

    def texts(self) -> tuple[str, ...]:
        """Return the texts that may contain names."""
        headers, cookies = self.headers, self.cookies
        return (*headers, *headers.values(), *cookies, *cookies.values(), *self.query.values())


class Recipe(Model):
    """The login step by step. A name can be used after the step that extracts or computes it."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=12)]
    carry: Carry = Carry()
    logout: Step | None = None

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known = set(GIVEN)
        for number, step in enumerate(self.steps, start=1):
            _require_known(step, known, f"steps.{number - 1} ({step.about})")
        _require(self.carry.texts(), known, "carry")
        if self.logout is not None:
            _require_known(self.logout, known, "logout")
        return self


def _require_known(step: Step, known: set[str], where: str) -> None:
    """Raise ValueError for a name that no earlier step defines. Add the names that this step defines."""
    for name, made in step.make.items():
        _require(made.texts(), known, f"{where}, make {name}")
        known.add(name)
    _require(step.texts(), known, where)
    known.update(step.take)


def _require(texts: Iterator[str] | tuple[str, ...], known: set[str], where: str) -> None:
    for text in texts:
        if unknown := [name for name in TEMPLATE.findall(text) if name not in known]:
            raise ValueError(
                f"{where}: no earlier step defines {{{unknown[0]}}}. Defined names: {', '.join(sorted(known))}"
            )


class HttpLogin(Model):
    """How a person logs in to the web administration, and a page that only a login opens.

    Form and fields may be omitted. They are then found from `/`, as a person finds them. Declared values take
    precedence.
    """

    service: Identifier
    form: UrlPath | None = None
    user_field: str | None = None
    password_field: str | None = None
    recipe: Recipe | None = None
    browser: bool = False
    """The page needs JavaScript. A real browser fills it in (`pip install trustprobe[browser]`)."""
    proof_path: UrlPath
    """Answers 200 with a session, and 401, 403 or a redirect to the form without one."""
    proof: Matching | None = None
    """Regular expression that this answer contains only with a session, for servers that answer every path with 200."""
    refusal: Expression
    """Regular expression that the answer to a wrong password contains."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.recipe is not None and (self.form or self.user_field or self.password_field or self.browser):
            raise ValueError("a recipe describes the whole login: remove form, user_field, password_field and browser")
        return self
