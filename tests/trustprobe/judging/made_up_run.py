"""A run, items and observations that are made up, so that tests call the engine itself: no process, no device."""

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lab_config.bench import Bench, Permission
from lab_config.component import Component
from lab_config.product import Product
from lab_config.rules import CaseRule, Profile
from lab_config.secrets import Secrets
from reports.run_folder import RunFolder
from tests.trustprobe.judging.judging import BENCH, PRODUCT, PROFILE
from trustprobe.judging.case import Case
from trustprobe.judging.outcomes import FailsOn
from trustprobe.judging.run import Run
from trustprobe.probe import Answer, Asked, Fact, Observation, Witness

ASKED = Asked(door="tcp/443", shape="a made-up question")
HOLDS = Witness(what="the canary answered", holds=True, asked=ASKED)
BROKEN = Witness(what="the canary is dead", holds=False)
SECRET = "correct-horse"
"""The password of the bench."""
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Device:
    """A device that answers a check like this, one after the other; the last answer stays. None: it is there."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers) or [None]
        self.asked: list[tuple[str, float]] = []

    def silent(self, seconds: float) -> str | None:
        """Answer a check of the canary."""
        return self._answer("silent", seconds)

    def gone(self, seconds: float) -> str | None:
        """Answer a check of everything."""
        return self._answer("gone", seconds)

    def _answer(self, check: str, seconds: float) -> str | None:
        self.asked.append((check, seconds))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@functools.cache
def _read(text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(text))


def saw(
    answer: Answer | None, witness: Witness | None = None, *, about: str = "it", probe: str = "look", **fields: Any
) -> Observation:
    """Return an observation with one fact, or with none."""
    facts = (Fact(about=about, answer=answer, asked=ASKED),) if answer else ()
    return Observation(question="What is there?", facts=facts, witness=witness, probe=probe, **fields)


def case(id: str = "made.one", *, fails_on: FailsOn = "presence", **fields: Any) -> Case:  # noqa: A002
    """Return a case that no function belongs to."""
    given = {"covers": ("AI-1",), "needs": (), "advice": "Do it.", "title": "one", "procedure": "Look."}
    return Case(id=id, fails_on=fails_on, **{**given, "capability": "asset_identification", **fields})


def component(**fields: object) -> Component:
    """Return the component of the made-up product, with what is given changed."""
    return Component.model_validate(_read(PRODUCT)["component"] | fields)


def product(**fields: object) -> Product:
    """Return the made-up product, with what is given changed."""
    return Product.model_validate(_read(PRODUCT) | fields)


def bench(*allow: Permission, **fields: object) -> Bench:
    """Return the made-up bench, with what is given changed."""
    return Bench.model_validate(_read(BENCH) | {"allow": allow} | fields)


def profile(rules: Mapping[str, str], **fields: object) -> Profile:
    """Return the made-up profile: id of a case to its strength."""
    cases = {name: CaseRule.model_validate({"strength": given, "clause": "ours"}) for name, given in rules.items()}
    return Profile.model_validate(_read(PROFILE) | {"cases": cases} | fields)


def run(folder: Path, *allow: Permission, rules: Mapping[str, str] | None = None, **fields: Any) -> Run:
    """Return a run of the made-up product, which writes below this folder."""
    made = product()
    given: dict[str, Any] = {
        "product": made,
        "bench": bench(*allow),
        "profile": profile(rules or {"made.one": "required"}),
        "secrets": Secrets({"admin": SECRET}),
        "operator": "A person",
    }
    return Run(folder=RunFolder(folder, made.id, STARTED), started=STARTED, **(given | fields))


class Item(pytest.Function):
    """A collected test, without the collecting."""

    @property
    def nodeid(self) -> str:
        """The name is enough."""
        return f"suites/test_made_up.py::{self.name}"

    @classmethod
    def of(cls, entry: Case | None, name: str = "test_one", **arguments: object) -> "Item":
        """Return the item of a case whose function has these arguments; the item of no case without one."""
        item: Item = object.__new__(cls)
        item.name = item.originalname = name
        item.parent = None
        item.own_markers = [pytest.mark.case(entry).mark] if entry else []
        item.funcargs = dict(arguments)
        item.fixturenames = list(arguments)
        item._fixtureinfo = SimpleNamespace(argnames=tuple(arguments), name2fixturedefs={})  # type: ignore[assignment]
        return item

    def with_row(self, row: str, **values: object) -> "Item":
        """Make it one row of a parametrized test."""
        self.callspec = SimpleNamespace(id=row, params=values)  # type: ignore[assignment]
        return self

    def with_fixtures(self, **functions: Callable[..., object]) -> "Item":
        """Let it use fixtures that are made from these functions."""
        definitions: dict[str, Any] = {name: [SimpleNamespace(func=one)] for name, one in functions.items()}
        self._fixtureinfo.name2fixturedefs.update(definitions)
        self.fixturenames += [name for name in functions if name not in self.fixturenames]
        return self
