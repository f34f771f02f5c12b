"""XML that a device sends, read within limits: no document type, hence no entities; depth, elements and text bounded.

Names lose their namespaces, which devices get wrong as often as not. What browsers and control points tolerate is
tolerated: bytes around the document, another character set than the declared one, an ampersand that begins nothing.
"""

import codecs
import re
from dataclasses import dataclass, field
from xml.parsers import expat

DEPTH, ELEMENTS, OCTETS = 32, 20_000, 1 << 20
_BEFORE = 512
"""Octets that may stand before the document."""
_DECLARED = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class UnsafeXmlError(ValueError):
    """The document is malformed, or exceeds the limits (`is_limit`), which no leniency helps."""

    def __init__(self, words: str, *, is_limit: bool = True) -> None:
        super().__init__(words)
        self.is_limit = is_limit


@dataclass
class Element:
    """One element: its local name, its text, and what it holds."""

    name: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def each(self, name: str) -> list["Element"]:
        """Return the elements of a name, however deep they lie."""
        found, left = [], [self]
        while left:
            element = left.pop()
            found += [element] if element.name == name else []
            left += reversed(element.children)
        return found

    def value(self, name: str) -> str:
        """Return the text of a child. It is empty if there is no child."""
        return next((child.text.strip() for child in self.children if child.name == name), "")


class _Builder:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._count = 0

    def start(self, name: str, _attributes: object) -> None:
        self._count += 1
        if self._count > ELEMENTS or len(self._open) > DEPTH:
            raise UnsafeXmlError("too many elements")
        element = Element(name.rpartition(":")[2])
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        self._open[-1].text += data

    def doctype(self, *_: object) -> None:
        raise UnsafeXmlError("it has a document type")

    @property
    def is_whole(self) -> bool:
        """Whether the root element has ended."""
        return len(self._open) == 1 and bool(self.root.children)


def read_xml(document: bytes) -> Element:
    """Return the root element. UnsafeXmlError if the document is malformed, or exceeds the limits.

    What follows the root element is not looked at.
    """
    if len(document) > OCTETS:
        raise UnsafeXmlError("too long")
    try:
        return _parsed(document, None)
    except UnsafeXmlError as error:
        if error.is_limit:
            raise
        return _parsed(_mended(document), "utf-8")


def _parsed(document: bytes, encoding: str | None) -> Element:
    builder = _Builder()
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, UnsafeXmlError):
            raise
        if not builder.is_whole:
            raise UnsafeXmlError(str(error), is_limit=False) from error
    return builder.root.children[0]


def _mended(document: bytes) -> bytes:
    """Return a document in UTF-8 without what stands before it, bare ampersands and control characters."""
    mark = next((mark for mark in _MARKS if document.startswith(mark)), b"")
    rest = document[len(mark) :]
    if not _MARKS.get(mark, "").startswith("utf-16"):
        start = rest.find(b"<", 0, _BEFORE)
        rest = rest[max(start, 0) :]
    declared = _DECLARED.match(rest)
    text = _text(rest, _MARKS.get(mark) or (declared[1].decode() if declared else "utf-8"))
    return _AMPERSAND.sub("&amp;", _CONTROL.sub("", text)).encode("utf-8", "replace")


def _text(document: bytes, charset: str) -> str:
    """Decode by the declared character set, else by UTF-8, else by the one of Windows, which takes nearly all."""
    for name in (charset, "utf-8", "cp1252"):
        try:
            if codecs.lookup(name)._is_text_encoding:
                return document.decode(name)
        except (LookupError, UnicodeError):
            continue
    return document.decode("latin-1")
