"""The `@case` decorator: what turns a test function into a published case, and the register of all of them."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import pytest

from lab_config.bench import Permission
from lab_config.rules import CaseRule, Profile, Strength
from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError, HarnessError
from trustprobe.judging.outcomes import FailsOn
from trustprobe.place import TREE

TestFunction = TypeVar("TestFunction", bound=Callable[..., None])
_ID = re.compile(r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")


@dataclass(frozen=True)
class Case:
    """One published case: a stable id, what it is evidence for, which way it fails, and its procedure.

    `fails_on="presence"`: seeing something fails it, so a pass on silence needs a witness. `"absence"`: seeing
    nothing fails it, so a fail on silence needs one.
    """

    id: str
    covers: tuple[str, ...]
    fails_on: FailsOn
    needs: tuple[Permission, ...]
    advice: str
    title: str
    procedure: str
    capability: str

    @property
    def rank(self) -> int:
        """The place in the run: what leaves the device alone, locks it, restarts it, may break it, updates, erases."""
        return max((_RANKS.get(permission, 0) for permission in self.needs), default=0)

    @property
    def leaves_running(self) -> bool:
        """Whether the device runs on through it, whatever else it does."""
        return self.rank <= _RANKS[Permission.LOCKOUT]


_RANKS: Mapping[Permission, int] = MappingProxyType(
    {
        Permission.LOCKOUT: 1,
        Permission.REBOOT: 2,
        Permission.POWER: 2,
        Permission.MALFORMED: 3,
        Permission.UPDATE: 4,
        Permission.RESET: 5,
    }
)
LAST = max(_RANKS.values())
"""The rank of what erases the device."""
_register: dict[str, Case] = {}


def cases() -> dict[str, Case]:
    """Return every case that was imported so far, by id."""
    return dict(_register)


def require_capabilities(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a capability that has no folder in suites/: a run of it would judge nothing."""
    known = sorted({path.parent.name for path in (TREE / "suites").glob("*/test_*.py")})
    for name in names:
        if name not in known:
            raise ConfigurationError(f"there is no capability {name!r}.", f"Give one of {', '.join(known)}.")


def case(
    id: str,  # noqa: A002 - the word of the trade, and always given by position
    *,
    covers: list[str],
    fails_on: FailsOn,
    advice: str,
    needs: tuple[Permission, ...] = (),
) -> Callable[[TestFunction], TestFunction]:
    """Publish a test function as a case.

    `covers` names the exact clauses that the case is evidence for; `advice` says what a manufacturer does about a
    failure; `needs` names what the bench must allow. The docstring is the published procedure. HarnessError when
    anything is missing.
    """

    def publish(function: TestFunction) -> TestFunction:
        where = f"case {id} ({function.__module__}.{function.__name__})"
        procedure = inspect.cleandoc(function.__doc__ or "")
        if not procedure or not covers or not advice or not _ID.match(id):
            raise HarnessError(f"{where} lacks a docstring, a clause or advice, or has a malformed id.")
        catalogues().require(covers, where)
        capability = function.__module__.split(".")[1] if "." in function.__module__ else ""
        title = function.__name__.removeprefix("test_").replace("_", " ")
        entry = Case(
            id=id,
            covers=tuple(covers),
            fails_on=fails_on,
            needs=needs,
            advice=advice,
            title=title,
            procedure=procedure,
            capability=capability,
        )
        known = _register.setdefault(id, entry)
        if known != entry:
            raise HarnessError(f"{where} has the id of another case.", "Choose another id.")
        marked: TestFunction = pytest.mark.case(entry)(function)
        return marked

    return publish


def applies(profile: Profile, entry: Case) -> bool:
    """Whether a profile asks for a case: it has a rule for it, and one of its requirements is covered by it."""
    return entry.id in profile.cases and not set(entry.covers).isdisjoint(profile.requirements)


def rule_of(profile: Profile, entry: Case) -> CaseRule:
    """Return the profile's rule for a case; where it covers recommendations alone, `required` becomes `expected`."""
    rule = profile.cases[entry.id]
    known = catalogues().provisions
    asked = [clause for clause in entry.covers if clause in profile.requirements]
    only_recommended = all(clause in known and not known[clause].mandatory for clause in asked)
    if rule.strength is Strength.REQUIRED and asked and only_recommended:
        return rule.model_copy(update={"strength": Strength.EXPECTED})
    return rule


def case_of(item: pytest.Item) -> Case | None:
    """Return the case that a collected test belongs to; None for the harness's own tests."""
    mark = item.get_closest_marker("case")
    if mark is None:
        return None
    (entry,) = mark.args
    assert isinstance(entry, Case), "only @case makes a case, never the mark by hand"
    return entry


def row_of(item: pytest.Item) -> str:
    """Return the row that a parametrized test stands for, and an empty string for a case without rows."""
    callspec = getattr(item, "callspec", None)
    return str(callspec.id) if callspec is not None else ""
