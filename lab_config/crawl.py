"""The declaration of pages that the web administration's own pages link to."""

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import StringConstraints

from lab_config.base import Model

PathPattern = Annotated[str, StringConstraints(pattern=r"^/", max_length=200)]
"""A path; `*` stands for any characters: `/locales/*`."""


class CrawlDeclaration(Model):
    """Paths beyond `http_resources` to declare: those that are public by design, and those not to be requested."""

    public: tuple[PathPattern, ...] = ()
    """Shown to anybody on purpose."""
    never: tuple[PathPattern, ...] = ()
    """Paths on which a GET request changes something. Names like `reboot` and `delete` are never requested."""

    def is_public(self, path: str) -> bool:
        """Whether a path, without its query, is declared as public."""
        return _matches(path, self.public)

    def is_left_alone(self, path: str) -> bool:
        """Whether a path, without its query, must not be requested."""
        return _matches(path, self.never)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
