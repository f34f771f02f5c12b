"""Exceptions that may quote a hostile device, made fit for every report that pytest and its plugins write of them."""

from trustprobe.errors import TrustprobeError
from trustprobe.probe import printable


def legible(text: str) -> str:
    """Return the text with everything escaped that a terminal or a page would interpret, line by line."""
    return "\n".join(printable(line, limit=None) for line in text.split("\n"))


def make_legible(error: BaseException) -> None:
    """Escape in place what this exception, and those behind it, say: reports quote the exception itself."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.args = tuple(legible(part) if isinstance(part, str) else part for part in link.args)
        if isinstance(link, TrustprobeError):
            link.what, link.next_step = legible(link.what), legible(link.next_step)
        link = link.__cause__ or link.__context__
