"""Which mutants are made of a line of code, and which are not."""

import pytest

from tests.mutants.mutant import mutants


def becomes(source: str) -> set[str]:
    """What the lines of a source can become."""
    return {" ".join(mutant.becomes.split()) for mutant in mutants("x.py", f"{source}\n")}


@pytest.mark.parametrize(
    ("source", "mutant"),
    [
        ("assert first and first <= now <= last", "assert first and now <= last"),
        ("assert first and first <= now <= last", "assert first and first <= now"),
        ("assert first and first <= now <= last", "assert first <= now <= last"),
        ("assert bits >= least", "assert bits > least"),
        ("assert bits >= least", "assert bits < least"),
        ("assert bits >= least", "pass"),
        ("least = {'RSA': 2048, 'EC': 224}", "least = {'EC': 224,}"),
        ("least = {'EC': 224}", "least = {}"),
        ("weak = used in {'md5', 'sha1'}", "weak = used in {'sha1',}"),
        ("weak = used in {'md5', 'sha1'}", "weak = used not in {'md5', 'sha1'}"),
        ("weak = {'md5'}", "weak = set()"),
        ("weak = ['md5']", "weak = []"),
        ("weak = ('md5',)", "weak = ()"),
        ("both = (seen - declared) | extra", "both = extra"),
        ("both = (seen - declared) | extra", "both = (seen) | extra"),
        ("both = seen | extra", "both = seen & extra"),
        ("late = abs(difference) > limit", "late = (difference) > limit"),
        ("good = any(checks)", "good = all(checks)"),
        ("kept = [one for one in every if one.seen]", "kept = [one for one in every]"),
        ("run.lost = reason", "pass"),
        ("note(verdict)", "pass"),
        ("limit = 5", "limit = 6"),
        ("limit = 5", "limit = 4"),
        ("if gone: pass", "if not gone: pass"),
        ("holds = not gone", "holds = gone"),
        ("holds = True", "holds = False"),
    ],
)
def test_a_line_becomes_a_mutant(source: str, mutant: str) -> None:
    assert mutant in becomes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "name = other",
        "name: int | None = None",
        "def look(found: set[str] | None) -> int | None: ...",
        "COVERS = ['DP-3']",
        "text = 'a sentence'",
        "@dataclass(frozen=True)\nclass A:\n    x: int",
        "kept = (one)",
        "Build = Callable[[Run], Probe]",
        "class Probe(Protocol[Observed]):\n    @property\n    def name(self) -> str: ...",
        "Observed = TypeVar('Observed', bound=Observation, covariant=True)",
        "def look(one: int, *, two: int, three: str = ''): ...",
    ],
)
def test_a_line_that_does_nothing_becomes_no_mutant(source: str) -> None:
    assert becomes(source) == set()


def test_of_a_published_case_the_permission_is_mutated_and_the_clauses_are_not() -> None:
    source = "@case('a.b', covers=['DP-3', 'DP-1'], needs=(Permission.POWER,))\ndef test_it() -> None:\n    look()\n"
    assert {mutant.becomes for mutant in mutants("x.py", source)} == {
        "@case('a.b', covers=['DP-3', 'DP-1'], needs=())",
        "    pass",
    }


def test_every_mutant_is_different_and_says_where_it_is() -> None:
    found = mutants("x.py", "a = b or 0\nassert a >= 0 and not c\n")
    assert len({mutant.text for mutant in found}) == len(found)
    assert [mutant.line for mutant in found] == sorted(mutant.line for mutant in found)
    assert {mutant.line for mutant in found} == {1, 2}


def test_a_diff_shows_what_changed_and_where() -> None:
    removed = next(mutant for mutant in mutants("suites/x.py", "a = 1\nassert a\n") if mutant.becomes == "pass")
    assert removed.diff == "suites/x.py:2 (removed_statement)\n-assert a\n+pass"
