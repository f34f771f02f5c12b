"""The table of cipher suites in `drivers/data/tls_suites.yaml`, and how a list of them is cut into hellos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from drivers.data import table

SUITES_PER_HELLO = 80
"""Stacks for small devices hold the offered suites in a fixed table: wolfSSL's has 150 places."""


@dataclass(frozen=True)
class Suites:
    """The table of cipher suites; code points by name."""

    common: tuple[int, ...]
    tls13: tuple[int, ...]
    sslv2: tuple[int, ...]
    families: dict[str, tuple[int, ...]]
    names: dict[int, str]

    @property
    def rare(self) -> tuple[int, ...]:
        """Every suite up to TLS 1.2 that is not among the common ones."""
        return tuple(sorted(self.names.keys() - {*self.common, *self.tls13, *self.sslv2}))

    def name(self, suite: int | None) -> str:
        """Return the registered name of a suite."""
        return "no suite" if suite is None else self.names.get(suite, f"suite 0x{suite:04X}")


@cache
def suites() -> Suites:
    """Return the table of `drivers/data/tls_suites.yaml`."""
    data = table("tls_suites")
    by_name: dict[str, int] = {**data["TLS1.3"], **data["SSLv2"], **data["others"]}
    for members in data["families"].values():
        by_name |= members
    return Suites(
        common=tuple(by_name[name] for name in data["common"]),
        tls13=tuple(data["TLS1.3"].values()),
        sslv2=tuple(data["SSLv2"].values()),
        families={family: tuple(members.values()) for family, members in data["families"].items()},
        names={code: name for name, code in by_name.items()},
    )


def batches(codes: Sequence[int], most: int = SUITES_PER_HELLO) -> Iterator[tuple[int, ...]]:
    """Cut a list of suites into parts of at most so many, which one hello can offer to a small device."""
    for start in range(0, len(codes), most):
        yield tuple(codes[start : start + most])
