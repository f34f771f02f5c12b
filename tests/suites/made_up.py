"""The kit for the tests of cases: made-up observations in, the verdict of the real judge out, without a device.

A test calls a case with observations that it makes up, and states the verdict:

    from suites.data_protection import test_ssh as cases  # the module: pytest would collect an imported case

    def test_a_weak_mac_fails() -> None:
        offer = observed(seen("kexinit"), kind=SshKexinit, mac=("hmac-md5",))
        assert fails(cases.test_ssh_offers_no_weak_mac, offer, PROFILE, says="offers hmac-md5")

`passes`, `fails` and `stays_open` raise an AssertionError that says what came instead. `fails` also demands that the
assertion fails alone: without it the case must pass. README.md in this folder says how to prove a whole capability.
"""

import ast
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, TypeVar, cast, overload

from lab_config.bench import Bench
from lab_config.component import Component
from reports.results import Verdict
from trustprobe.judging.case import Case
from trustprobe.judging.outcomes import Outcome
from trustprobe.judging.run import load_profile
from trustprobe.judging.verdict import after_failure, after_pass, sentence_of
from trustprobe.probe import Answer, Asked, Fact, Observation, Witness

ROOT = Path(__file__).parents[2]
PROFILE = load_profile("cyber_trust_mark")
"""The real profile: a test of a threshold uses the value that devices are judged by."""
ASKED = Asked(door="tcp/443", shape="a made-up question")
"""The question of every made-up fact and witness, unless a test says otherwise."""
HOLDS = Witness(what="the canary answered", holds=True, asked=ASKED)
BROKEN = Witness(what="the canary is dead", holds=False)
Kind = TypeVar("Kind", bound=Observation)
CaseFunction = Callable[..., None]
proven: set[tuple[str, int]] = set()
"""File and line of each assertion of suites/ that failed alone in a test of this process."""


def seen(about: str = "it", detail: str = "") -> Fact:
    """Return a fact that the device showed."""
    return Fact(about=about, answer=Answer.SEEN, detail=detail)


def refused(about: str = "it", detail: str = "") -> Fact:
    """Return a fact that the device refused in its own bytes."""
    return Fact(about=about, answer=Answer.REFUSED, detail=detail)


def silent(about: str = "it", detail: str = "") -> Fact:
    """Return a fact on which nothing came."""
    return Fact(about=about, answer=Answer.SILENT, detail=detail)


@overload
def observed(*facts: Fact, witness: Witness | None = None) -> Observation: ...


@overload
def observed(*facts: Fact, kind: type[Kind], witness: Witness | None = None, **fields: Any) -> Kind: ...


def observed(
    *facts: Fact, kind: type[Observation] = Observation, witness: Witness | None = None, **fields: Any
) -> Observation:
    """Return an observation of a kind, with these facts and the fields of that kind."""
    return kind(question="?", facts=facts, witness=witness, **{"asked": ASKED, **fields})


def component(**fields: Any) -> Component:
    """Return a component that has what is given, and is declared to have nothing else."""
    nothing = {"absent": "this component is made up"}
    required = ("services", "http_login", "identity", "certificate", "console", "jtag", "update", "logging")
    return Component.model_validate({"id": "thing", "kind": "device", **dict.fromkeys(required, nothing), **fields})


def bench(**fields: Any) -> Bench:
    """Return a bench that has what is given, and is connected to nothing else."""
    nothing = {"absent": "this bench is made up"}
    required = ("network", "console", "jtag", "power", "collector")
    known = {"schema_version": 1, "id": "desk", "product": "thing", "sample": "S1", **dict.fromkeys(required, nothing)}
    return Bench.model_validate(known | fields)


def passes(case: CaseFunction, *arguments: object) -> bool:
    """Whether the judge gives a PASS for these arguments. Raises AssertionError with the verdict otherwise."""
    return _expect(Verdict.PASS, "", _judged(case, arguments))


def stays_open(case: CaseFunction, *arguments: object, says: str | tuple[str, ...]) -> bool:
    """Whether the judge gives INCONCLUSIVE, with these words in the reason. Raises AssertionError otherwise."""
    return _expect(Verdict.INCONCLUSIVE, says, _judged(case, arguments))


def fails(case: CaseFunction, *arguments: object, says: str | tuple[str, ...]) -> bool:
    """Whether the judge gives a FAIL with these words in the reason, and one assertion alone is the cause.

    The assertion is then noted as proven. Raises AssertionError otherwise. A fixture or the case can also decide
    the FAIL by an `Outcome` (`provided`); then no assertion is noted.
    """
    result = _judged(case, arguments)
    _expect(Verdict.FAIL, says, result)
    if result.error is not None:
        module, assertion = _assertion_of(result.error)
        _require_alone(case, arguments, module, assertion)
        proven.add((str(Path(module.__file__ or "").relative_to(ROOT)), assertion.lineno))
    return True


def needs(case: CaseFunction) -> tuple[str, ...]:
    """Return what the bench must allow before this case may run."""
    return tuple(str(permission) for permission in _published(case).needs)


@dataclass(frozen=True)
class _Result:
    verdict: Verdict
    reason: str
    error: AssertionError | None


def _published(case: CaseFunction) -> Case:
    mark = next(mark for mark in case.pytestmark if mark.name == "case")  # type: ignore[attr-defined]
    return cast(Case, mark.args[0])


def _judged(case: CaseFunction, arguments: tuple[object, ...]) -> _Result:
    """Call the case and decide as the judge does of a device that is still there."""
    entry = _published(case)
    observations = [argument for argument in arguments if isinstance(argument, Observation)]
    try:
        case(*arguments)
    except Outcome as outcome:
        return _Result(outcome.verdict, outcome.reason, None)
    except AssertionError as error:
        verdict, reason = after_failure(entry, observations, sentence_of(error))
        return _Result(verdict, reason, error)
    return _Result(*after_pass(entry, observations), None)


def _expect(verdict: Verdict, says: str | tuple[str, ...], result: _Result) -> bool:
    words = (says,) if isinstance(says, str) else says
    if result.verdict is not verdict:
        raise AssertionError(f"{verdict} was expected, and the judge gave {result.verdict}: {result.reason}")
    if missing := [word for word in words if word not in result.reason]:
        raise AssertionError(f"the reason does not say {missing}: {result.reason}")
    return True


def _assertion_of(error: AssertionError) -> tuple[ModuleType, ast.Assert]:
    """Return the assertion of suites/ that raised, and its module."""
    frame: TracebackType | None = error.__traceback__
    last: TracebackType | None = None
    while frame is not None:
        if Path(frame.tb_frame.f_code.co_filename).is_relative_to(ROOT / "suites"):
            last = frame
        frame = frame.tb_next
    if last is None:
        raise AssertionError("the AssertionError was raised outside of suites/") from error
    module = sys.modules[last.tb_frame.f_globals["__name__"]]
    for assertion in assertions(Path(module.__file__ or "")):
        if assertion.lineno <= last.tb_lineno <= (assertion.end_lineno or assertion.lineno):
            return module, assertion
    raise AssertionError(f"line {last.tb_lineno} of {module.__name__} is no assert statement") from error


def assertions(path: Path) -> list[ast.Assert]:
    """Return every assert statement of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Assert)]


def _require_alone(
    case: CaseFunction, arguments: tuple[object, ...], module: ModuleType, assertion: ast.Assert
) -> None:
    try:
        _without(module, assertion.lineno)[case.__name__](*arguments)
    except AssertionError as error:
        raise AssertionError(
            f"line {assertion.lineno} of {module.__name__} does not fail alone; without it: {error}"
        ) from error
    except (Outcome, LookupError, TypeError, AttributeError, ValueError):
        pass  # what follows relies on what was asserted


@functools.cache
def _without(module: ModuleType, line: int) -> dict[str, Any]:
    """Return the names of a module of cases from which the assertion of one line was removed."""
    tree = _Remove(line).visit(ast.parse(inspect.getsource(module)))
    space: dict[str, Any] = {"__name__": f"{module.__name__} without line {line}"}
    exec(compile(ast.fix_missing_locations(tree), module.__file__ or "", "exec"), space)
    return space


class _Remove(ast.NodeTransformer):
    """Removes one assertion, and the decorators: a case is published once."""

    def __init__(self, line: int) -> None:
        self.line = line

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = []
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node.lineno == self.line else node
