"""XML documents, parsed without entities, document types and anything from elsewhere."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from drivers.documents.file import DEEPEST, Document, MalformedError


def root_of(document: Document) -> Element:
    """Return the root of an XML document. MalformedError for anything else, a document type, or too deep a nesting."""
    try:
        root: Element = fromstring(document.data, forbid_dtd=True)
    except DefusedXmlException:
        raise MalformedError("the XML declares a document type or entities, which are not expanded") from None
    except ParseError as error:
        line, column = error.position
        raise MalformedError(f"not XML: line {line}, column {column + 1}") from None
    except (ValueError, LookupError) as error:
        raise MalformedError(f"not XML: {error}") from None
    level = [root]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in outer]
        if not level:
            return root
    raise MalformedError("the XML is nested too deeply")


def local(node: Element) -> str:
    """Return the name of an element without its name space."""
    return str(node.tag).rpartition("}")[2]


def space(node: Element) -> str:
    """Return the name space of an element; an empty text where it has none."""
    return str(node.tag)[1:].partition("}")[0] if str(node.tag).startswith("{") else ""


def children(node: Element, name: str) -> Iterator[Element]:
    """Return the children of an element that have a name."""
    return (child for child in node if local(child) == name)
