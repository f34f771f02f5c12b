"""The lists of well-known credentials, and the pairs that are tried on a product. Nothing is sent here.

`general` is tried on every product, `vendor` if the manufacturer or the model matches. `mirai` is the botnet's set.
"""

import re
from collections.abc import Iterator
from functools import cache

from drivers.data import table
from drivers.guessing.attempt import Pair


@cache
def well_known(interface: str, lists: tuple[str, ...], manufacturer: str, model: str, most: int) -> tuple[Pair, ...]:
    """Return the pairs of some lists for an interface, each once, the likeliest first: vendor, general, mirai.

    With `general`, the user name itself and an empty password follow for each user. Of more than `most` pairs the first
    ones are returned; an unknown list is a KeyError.
    """
    asked = set(lists)
    known = {"vendor": _vendors(f"{manufacturer}\n{model}"), "general": _general(interface), "mirai": _mirai()}
    if unknown := sorted(asked - known.keys()):
        raise KeyError(f"there is no list of credentials {', '.join(unknown)}")
    once: dict[str, Pair] = {}
    for name, pairs in known.items():
        for pair in pairs if name in asked else ():
            once.setdefault(pair.about, pair)
    users = tuple(dict.fromkeys(pair.user for pair in once.values() if pair.user))
    for user in users if "general" in asked else ():
        for password in (user, ""):
            once.setdefault(f"{user}:{password}", Pair(user, password, "the user name, or nothing"))
    return tuple(once.values())[:most]


def public_passwords() -> frozenset[str]:
    """Return the passwords of all lists. None of them is a secret."""
    return frozenset(pair.password for pairs in (_general(""), _mirai(), _vendors()) for pair in pairs)


def _general(interface: str) -> Iterator[Pair]:
    general = table("credentials")
    for entry in (*general.get(interface, ()), *general["pairs"]):
        yield Pair(entry["user"], entry["password"], entry["origin"])


def _mirai() -> Iterator[Pair]:
    mirai = table("credentials_mirai")
    for entry in mirai["pairs"]:
        yield Pair(entry["user"], entry["password"], mirai["origin"])


def _vendors(about: str | None = None) -> Iterator[Pair]:
    for row in table("credentials_vendor")["vendors"]:
        if about is None or re.search(row["match"], about, re.IGNORECASE):
            for user, password in row["pairs"]:
                yield Pair(user, password, f"{row['vendor']}: {row['origin']}")
