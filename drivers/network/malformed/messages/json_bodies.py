"""Malformed JSON for the web administration after a login (RFC 8259), and bodies that differ from their headers.

No message holds a cookie: the session's is put in where they are sent, so that none of it is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, bounded, mutations

_GRAMMAR = "RFC 8259 clause 2, the grammar"
_NESTED = "RFC 8259 clause 9, depth (CWE-674)"
_NUMBERS = "RFC 8259 clause 6, numbers (CWE-190)"
_STRINGS = "RFC 8259 clause 7, strings; clause 8.1, UTF-8"
_NAMES = "RFC 8259 clause 4, names (CWE-1321, CWE-694)"
_TYPES = "a type that the field does not have (CWE-843)"
_HEADERS = "RFC 9110 clauses 8.3 to 8.6, the description of the body"
_JSON = b"application/json"


@dataclass(frozen=True)
class Resource:
    """Where the bodies go, and a field of it that may be written because it can be restored; empty without one."""

    method: str
    path: str
    field: str = ""
    example: str = "x"
    content: bytes = b""
    """The JSON object that a PUT replaces. Each body is then a further value in it, and leaves the others as shown.

    A product that accepts a body on its own has lost its configuration. A document that hides a value is no content:
    the product would take what stands for the value for the new one.
    """

    def whole(self, body: bytes) -> bytes:
        """Return a body together with the content that it must not replace."""
        if not self.content:
            return body
        return self.content.rstrip().removesuffix(b"}") + b', "tp": ' + body + b"}"

    def request(self, body: bytes, kind: bytes = _JSON, *, length: bytes | None = None, more: bytes = b"") -> bytes:
        """Return a request; `length` is what it claims of its body, if it claims another one."""
        body = self.whole(body)
        claimed = b"%d" % len(body) if length is None else length
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: device\r\n".encode()
        kinds = b"Content-Type: %s\r\n" % kind if kind else b""
        return head + kinds + b"Content-Length: %s\r\n%s\r\n%s" % (claimed, more, body)


def messages(resource: Resource, seed: int, count: int) -> tuple[Message, ...]:
    """Return so many requests; the same seed gives the same ones."""
    random = Random(f"{seed}/{resource.method} {resource.path}")
    return bounded(_named(resource, random), _changed(resource, random), count)


def _named(resource: Resource, random: Random) -> Iterator[Message]:
    # What is most likely to do damage comes first: a count may be smaller than the list.
    for name, body, origin in (*_deep(resource), *_fields(resource), *_odd(random)):
        yield Message(name, resource.request(body), origin)
    yield from _not_as_said(resource)


def _changed(resource: Resource, random: Random) -> Iterator[Message]:
    valid = (b'{"tp": "a", "n": [1, -2.5e3, {"b": null}], "c": true}', _object(resource, b'"%s"' % b"tp"))
    for message in mutations(valid, random, 16_000):
        yield Message(message.name, resource.request(message.data), message.origin)


def _object(resource: Resource, value: bytes) -> bytes:
    name = (resource.field or "tp").rpartition(".")[2]
    for part in reversed((resource.field or "tp").split(".")[:-1]):
        return b'{"%s": {"%s": %s}}' % (part.encode(), name.encode(), value)
    return b'{"%s": %s}' % (name.encode(), value)


def _deep(resource: Resource) -> Iterator[tuple[str, bytes, str]]:
    yield "nested_arrays", b"[" * 8_000, _NESTED
    yield "nested_arrays_closed", b"[" * 4_000 + b"]" * 4_000, _NESTED
    yield "nested_objects", b'{"a":' * 2_500 + b"1" + b"}" * 2_500, _NESTED
    yield "nested_in_field", _object(resource, b"[" * 4_000 + b"]" * 4_000), _NESTED


def _fields(resource: Resource) -> Iterator[tuple[str, bytes, str]]:
    """Yield wrong values of a field that can be restored, or of an unknown name if there is no such field."""
    for name, value, origin in (
        ("null", b"null", _TYPES),
        ("true", b"true", _TYPES),
        ("array", b"[]", _TYPES),
        ("object", b"{}", _TYPES),
        ("array_of_strings", b'["a", "b"]', _TYPES),
        ("minus_one", b"-1", _TYPES),
        ("number_32_bit", b"4294967296", _NUMBERS),
        ("number_64_bit", b"-9223372036854775809", _NUMBERS),
        ("number_of_digits", b"9" * 4_000, _NUMBERS),
        ("number_infinite", b"1e400", _NUMBERS),
        ("number_tiny", b"1e-99999999999", _NUMBERS),
        ("string_empty", b'""', "CWE-20, an empty value"),
        ("string_long", b'"' + b"A" * 15_000 + b'"', "CWE-120"),
        ("string_of_100000", b'"' + b"A" * 100_000 + b'"', "CWE-120"),
        ("string_zero", b'"a\\u0000b"', "CWE-158"),
        ("string_zero_raw", b'"a\x00b"', _STRINGS),
        ("string_controls", b'"\\u0001\\u001b[2J\\u007f\\u202e"', "CWE-150"),
        ("string_format", b'"' + FORMATS + b'"', "CWE-134"),
        ("string_not_utf8", b'"' + NOT_UTF8 + b'"', _STRINGS),
        ("string_surrogate", b'"\\ud800"', _STRINGS),
        ("string_escape_cut_off", b'"\\u12"', _STRINGS),
        ("string_traversal", b'"../../../../../../etc/passwd\\u0000"', "CWE-22"),
        ("string_command", b'"$(true);`true`|true"', "CWE-78, with harmless commands"),
        ("string_without_end", b'"abc', _GRAMMAR),
    ):
        yield f"field_{name}", _object(resource, value), origin
    same = b'"%s": 1' % (resource.field or "tp").encode()
    yield "name_many_times", b"{" + b", ".join([same] * 1_000) + b"}", _NAMES


def _odd(random: Random) -> Iterator[tuple[str, bytes, str]]:
    yield "empty", b"", _GRAMMAR
    yield "spaces", b" " * 8_000, _GRAMMAR
    yield "object_cut_off", b'{"a"', _GRAMMAR
    yield "colon_alone", b"{:}", _GRAMMAR
    yield "comma_last", b'{"a": 1,}', _GRAMMAR
    yield "brackets_crossed", b'{"a": [}]', _GRAMMAR
    yield "left_over", b"{}{}[]", _GRAMMAR
    for name, body in (("null", b"null"), ("number", b"1"), ("string", b'"a"'), ("array", b"[1, 2]"), ("nan", b"NaN")):
        yield f"alone_{name}", body, "RFC 8259 clause 3, a value that is not an object"
    yield "minus_alone", b"-", _NUMBERS
    yield "mark", b"\xef\xbb\xbf{}", "RFC 8259 clause 8.1, a byte order mark"
    yield "utf16", '{"a": 1}'.encode("utf-16"), "RFC 8259 clause 8.1"
    yield "zeros", b"\x00" * 512, _GRAMMAR
    yield "ones", b"\xff" * 512, _GRAMMAR
    yield "name_long", b'{"' + b"a" * 15_000 + b'": 1}', _NAMES
    yield "name_empty", b'{"": 1}', _NAMES
    yield "name_prototype", b'{"__proto__": {"a": 1}, "constructor": {"prototype": {"a": 1}}}', _NAMES
    yield "names_many", b"{" + b",".join(b'"a%d":1' % number for number in range(1_500)) + b"}", "CWE-770"
    yield "elements_many", b"[" + b"1," * 7_000 + b"1]", "CWE-770"
    yield "noise", random.randbytes(512), "random octets from the seed"


def _not_as_said(resource: Resource) -> Iterator[Message]:
    body = b'{"tp": 1}'
    for name, kind in (
        ("none", b""),
        ("xml", b"text/xml"),
        ("form", b"application/x-www-form-urlencoded"),
        ("multipart", b"multipart/form-data"),
        ("charset", b"application/json; charset=\xff\xfe"),
        ("long", b"application/json; " + b"a" * 3_000),
    ):
        yield Message(f"type_{name}", resource.request(body, kind), _HEADERS)
    packed = b"Content-Encoding: gzip\r\n"
    yield Message("encoding_not_kept", resource.request(body, more=packed), _HEADERS)
    yield Message("shorter_than_said", resource.request(body, length=b"4096"), "RFC 9112 clause 6.3, a truncated body")
    yield Message("longer_than_said", resource.request(body, length=b"3"), "RFC 9112 clause 9.3, a request follows")
