"""Whatever is written into evidence, a log or a traceback by its repr shows no password of the bench."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from drivers.login import Login

ROOT = Path(__file__).parents[1]
EXTRAS = {"playwright"}
"""Modules that need one of these are read where it is installed."""
SECRET = re.compile(r"(?:^|_)(?:passwords?|passphrase|secrets?|psk|pin|tokens?|cookies|logins|others?)$|^key$")
NO_SECRET = {
    ("drivers.network.iot.coap_message", "token"): "a number that joins an answer to its request",
    ("trustprobe.cli.soundness", "others"): "names of cases",
    ("drivers.network.web.login.guesses", "logins"): "digests of answers",
}
SHOWN = "s3cret-text"


def holds_text(kind: Any) -> bool:
    """Whether a value of this type holds text or octets itself, and not in a dataclass that is looked at on its own."""
    if isinstance(kind, str):  # a forward reference
        return re.search(r"\b(?:str|bytes)\b", kind) is not None
    if kind in {str, bytes} or (inspect.isclass(kind) and issubclass(kind, Mapping) and not get_args(kind)):
        return True
    parts = get_args(kind)
    if inspect.isclass(origin := get_origin(kind)) and issubclass(origin, Mapping):
        parts = parts[1:]  # by what it is found is no secret
    return any(holds_text(part) for part in parts)


def secrets_of(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass whose names say that they hold a secret."""
    named = (one for one in dataclasses.fields(kind) if SECRET.search(one.name) and holds_text(one.type))
    return tuple(one.name for one in named if (kind.__module__, one.name) not in NO_SECRET)


def dataclasses_with_secrets() -> Iterator[tuple[Any, tuple[str, ...]]]:
    for room in ("drivers", "fixtures", "trustprobe"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            try:
                module = importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name not in EXTRAS:
                    raise
                continue
            for kind in vars(module).values():
                own = inspect.isclass(kind) and kind.__module__ == name and dataclasses.is_dataclass(kind)
                if own and (secrets := secrets_of(kind)):
                    yield kind, secrets


def shows(kind: Any, secrets: tuple[str, ...]) -> bool:
    one = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(one, field.name, SHOWN if field.name in secrets else None)
    return SHOWN in repr(one)


def test_a_secret_is_in_no_repr() -> None:
    found = list(dataclasses_with_secrets())
    assert (Login, ("password",)) in found
    assert len(found) > 10
    wrong = [
        f"{kind.__module__}.{kind.__name__}: {', '.join(secrets)}" for kind, secrets in found if shows(kind, secrets)
    ]
    assert not wrong, "write field(repr=False)"


def test_a_dataclass_that_shows_its_password_is_found() -> None:
    @dataclasses.dataclass
    class Careless:
        user: str
        valid_password: str | None

    assert secrets_of(Careless) == ("valid_password",)
    assert shows(Careless, ("valid_password",))


@pytest.mark.parametrize(("module", "name"), NO_SECRET)
def test_what_is_named_as_no_secret_is_there(module: str, name: str) -> None:
    kinds = (kind for kind in vars(importlib.import_module(module)).values() if dataclasses.is_dataclass(kind))
    assert name in {one.name for kind in kinds for one in dataclasses.fields(kind)}
