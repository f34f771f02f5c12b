"""SSH algorithms by families: what a name of a KEXINIT says of its algorithm, whatever is written around it."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from drivers.data import table

Kind = Literal["kex", "host_key", "cipher", "mac", "compression"]
_MECHANISM = re.compile(r"^(gss-[a-z0-9-]+?-sha\d+)-.*$")
"""A key exchange of GSS ends with the hash of its mechanism in base64 (RFC 4462, 2.3), which says nothing."""


@dataclass(frozen=True)
class SshFamilies:
    """The families of one kind of algorithm: weak ones by name, and what is known to be none of them."""

    weak: dict[str, re.Pattern[str]]
    known: re.Pattern[str]

    def of(self, name: str) -> frozenset[str]:
        """Return the weak families that a name belongs to."""
        base = _MECHANISM.sub(r"\1", name)
        return frozenset(family for family, pattern in self.weak.items() if pattern.search(base))

    def knows(self, name: str) -> bool:
        """Whether a name belongs to a weak family, or is known to belong to none."""
        return bool(self.of(name)) or self.known.search(name) is not None


@cache
def ssh_families(kind: Kind) -> SshFamilies:
    """Return the families of `drivers/data/ssh_algorithms.yaml`. Upper and lower case are the same."""
    rows = table("ssh_algorithms")[kind]
    weak = {family: _pattern(pattern) for family, pattern in rows["weak"].items()}
    return SshFamilies(weak, _pattern(rows["known"]))


def _pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression of the table, which may go over lines."""
    return re.compile(re.sub(r"\s+", "", text), re.IGNORECASE)
