"""Set-Cookie as browsers read it (RFC 6265, 5.2).

The raw headers are read: a cookie jar forgets HttpOnly, SameSite and how a thing was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trustprobe.probe import printable

HEADER_LIMIT = 4_096
"""Octets of a Set-Cookie header that are read, as browsers do."""


@dataclass(frozen=True)
class SetCookie:
    """One Set-Cookie header. Attribute names are lower case; of one that is given twice the last counts."""

    name: str
    value: str = field(repr=False)
    attributes: Mapping[str, str]

    @classmethod
    def read(cls, header: str) -> "SetCookie | None":
        """Read a header as RFC 6265, 5.2 says; None where a browser would pass it over."""
        pair, *parts = header[:HEADER_LIMIT].split(";")
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            return None
        attributes = {}
        for part in parts:
            key, _, text = part.partition("=")
            attributes[key.strip().lower()] = text.strip()
        return cls(name.strip(), value.strip(), attributes)

    @property
    def same_site(self) -> str:
        """`strict`, `lax` or `none`; empty where the attribute is missing or says something else."""
        word = self.attributes.get("samesite", "").lower()
        return word if word in {"strict", "lax", "none"} else ""

    @property
    def domain(self) -> str:
        """The Domain attribute without its leading dot; empty for a cookie of this host alone."""
        return self.attributes.get("domain", "").lstrip(".").lower()

    def reaches(self, path: str) -> bool:
        """Whether the cookie is sent to a path (RFC 6265, 5.1.4), as far as the attribute says."""
        own = self.attributes.get("path", "")
        if not own.startswith("/"):
            return True  # the attribute is passed over, and the folder of the login counts
        return path == own or path.startswith(own if own.endswith("/") else f"{own}/")

    @property
    def shown(self) -> str:
        """The header without the value: it opens the session."""
        words = [f"{name}={text}" if text else name for name, text in self.attributes.items()]
        return printable("; ".join([f"{self.name}=[{len(self.value)} characters]", *words]), 400)

    def kept_back(self, *, navigation: bool) -> str:
        """Say what keeps a browser from sending this cookie with a request that another site's page makes.

        `navigation` is a link that is followed; forms and scripts are not. Empty where some browser sends it: one
        without SameSite is sent by those that do not default to Lax.
        """
        if self.same_site == "strict" or (self.same_site == "lax" and not navigation):
            return f"SameSite={self.same_site.capitalize()}"
        return ""
