"""Which headers of HTTP, RTSP and SIP tell a version of the product's software, and which that of a protocol.

Any header counts whose name says so, for each product has names of its own: `X-Syncthing-Version`.
"""

import re
from collections.abc import Iterable

from drivers.network.questions import ServiceQuestion, tcp_questions

_LINE = re.compile(rb"(?m)^([\w-]{1,80}):[ \t]*([^\r\n]{1,500}?)[ \t]*\r?$")
_NAMED = re.compile(rb"version|powered|firmware|software|build|release", re.I)
_NUMBER = re.compile(rb"\d\.\d")
_PROTOCOLS = re.compile(
    rb"(?:\b|_)(?:max|min)?(?:(?:open)?api|protocol|proto|https?|tls|ssl|mime|xml|x?html|schema|json|soap|upnp|dlna|spec|odata|gdata|"
    rb"dataservice|websocket|rpc|dav|caldav|carddav|ipp|onvif|tus|mcp|fhir|content|resource|accept|supported|required|"
    rb"minimum|maximum|max|min)(?=\b|_|version)",
    re.I,
)
"""Words in a name that make it the version of a protocol, of an API, of a document, or a bound of one."""


def told_in(row: ServiceQuestion, answer: bytes) -> list[bytes]:
    """Return what an answer, or the head of one, tells of the software: the groups of `tells`, and version headers."""
    told = [b" ".join(filter(None, one.groups())) for one in re.finditer(row.tells.encode("latin-1"), answer)]
    return list(dict.fromkeys([*told, *(version_headers(answer) if row.has_headers else ())]))


def told_in_page(headers: Iterable[tuple[str, str]]) -> list[bytes]:
    """Return what the parsed headers of a page tell."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("utf-8", "replace")
    return [text for row in tcp_questions() if row.service == "http" for text in told_in(row, head)]


def version_headers(lines: bytes) -> list[bytes]:
    """Return the headers whose name and value are those of a version: `X-Syncthing-Version: v1.19.2`."""
    found = ((match[1], match[2]) for match in _LINE.finditer(lines))
    return [
        name + b": " + value
        for name, value in found
        if _NAMED.search(name) and _NUMBER.search(value) and not is_named_after_protocol(name)
    ]


def is_named_after_protocol(name: bytes) -> bool:
    """Whether a name is that of the version of a protocol, an API or a document, and not of the product's software."""
    return _PROTOCOLS.search(name) is not None
