"""XML that a device sends, read within limits: no document type, hence no entities; depth, elements and text bounded.

Names lose their namespaces, which devices get wrong as often as not.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

DEPTH, ELEMENTS, OCTETS = 32, 20_000, 1 << 20


class UnsafeXmlError(ValueError):
    """The document is malformed, or exceeds the limits."""


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


def read_xml(document: bytes) -> Element:
    """Return the root element. UnsafeXmlError if the document is malformed, or exceeds the limits."""
    if len(document) > OCTETS:
        raise UnsafeXmlError("too long")
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise error if isinstance(error, UnsafeXmlError) else UnsafeXmlError(str(error)) from error
    return builder.root.children[0]
