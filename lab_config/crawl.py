"""What a declaration says of the pages that the web administration's own pages lead to."""

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import StringConstraints

from lab_config.base import Model

PathPattern = Annotated[str, StringConstraints(pattern=r"^/", max_length=200)]
"""A path; `*` stands for any characters: `/locales/*`."""


class CrawlDeclaration(Model):
    """Paths beyond `http_resources` that need a word: what is public by design, and what must not be asked for."""

    public: tuple[PathPattern, ...] = ()
    """Shown to anybody on purpose."""
    never: tuple[PathPattern, ...] = ()
    """Where a mere GET changes something; names like `reboot` and `delete` are left alone anyway."""

    def is_public(self, path: str) -> bool:
        """Whether a path, without its query, is declared as public."""
        return _matches(path, self.public)

    def is_left_alone(self, path: str) -> bool:
        """Whether a path, without its query, must not be asked for."""
        return _matches(path, self.never)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
