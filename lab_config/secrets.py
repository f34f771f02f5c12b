"""Resolves the references to secrets, and returns which of them must not be written anywhere.

A password that anyone can look up (it is on a list of defaults, or shorter than six characters) is not a secret.
Removing it would blank ordinary words in the evidence, and its use is itself a finding.
"""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from lab_config.base import Absent
from lab_config.bench import Bench
from lab_config.reading.yaml_file import read_text
from trustprobe.errors import ConfigurationError

SHORTEST = 6
LONGEST = 64 << 10
"""Octets of the file of a password."""
_ENVIRONMENT = re.compile(r"^\$\{([A-Z][A-Z0-9_]*)\}$")


class Secrets:
    """The secrets of one bench: `values` by the account's id."""

    def __init__(self, values: Mapping[str, str], public: Collection[str] = ()) -> None:
        self._values = dict(values)
        self.hidden = {name: value for name, value in values.items() if len(value) >= SHORTEST and value not in public}
        """Name to value of the secrets that must not appear in any output of a run."""

    @classmethod
    def of(cls, bench: Bench, where: Path, public: Collection[str] = ()) -> "Secrets":
        """Resolve each credential of a bench; `where` is its file. ConfigurationError names a missing secret."""
        values = {name: _resolve(entry.password, name, where) for name, entry in bench.credentials.items()}
        if not isinstance(bench.second, Absent):
            entries = bench.second.credentials.items()
            values |= {f"second.{name}": _resolve(entry.password, f"second.{name}", where) for name, entry in entries}
        return cls(values, public)

    def value(self, name: str) -> str:
        """Return the secret of an account; KeyError if the bench has none."""
        return self._values[name]


def _resolve(reference: str, name: str, where: Path) -> str:
    if match := _ENVIRONMENT.match(reference):
        value = os.environ.get(match[1])
        if not value:
            raise ConfigurationError(
                f"{where}: credentials.{name}: the password is the environment variable {match[1]}, which is not set.",
                f"Set it: export {match[1]}=...",
            )
        return value
    path = Path(reference.removeprefix("file:"))
    path = path if path.is_absolute() else where.parent / path
    try:
        value = read_text(path, LONGEST).strip()
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{where}: the password of credentials.{name}: {error.what}",
            "Create the file with the password in its first line, readable only by you.",
        ) from None
    if not value:
        raise ConfigurationError(
            f"{where}: {path}, the password of credentials.{name}, is empty.", "Write the password there."
        )
    return value
