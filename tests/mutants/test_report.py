"""How mutants are counted, and how the figures are shown."""

from tests.mutants.mutant import Mutant, mutants
from tests.mutants.report import Row, figures, page, table
from tests.mutants.targets import Equivalent

FILE = "suites/a.py"
SOURCE = "a = 1\nassert a\n"
FOUND = {" ".join(one.becomes.split()): one for one in mutants(FILE, SOURCE)}
KNOWN = Equivalent(FILE, was="a = 1", becomes="a =  2 ", reason="Any number but zero is true.")


def row(**fates: bool) -> Row:
    """A row in which these mutants survived or not."""
    made = Row(FILE, [KNOWN], mutants=len(FOUND))
    names = {"removed": "pass", "two": "a = 2", "zero": "a = 0"}
    for name, survived in fates.items():
        made.note(FOUND[names[name]], survived=survived, seconds=1)
    return made


def test_a_mutant_is_killed_or_survives_or_is_known_to_be_equivalent() -> None:
    found = row(removed=True, two=True, zero=False)
    assert [one.becomes for one in found.survived] == ["pass"]
    assert [one.becomes for one in found.equivalent] == ["a = 2"]
    assert (found.killed, found.judged, found.seconds) == (1, 3, 3)
    assert not found.stale


def test_an_entry_is_stale_if_its_mutant_is_killed() -> None:
    assert row(two=False).stale == [KNOWN]


def test_nothing_is_stale_if_the_tests_fail_without_a_mutation() -> None:
    broken = row()
    broken.broken = "1 failed"
    assert not broken.stale


def test_the_table_has_a_row_for_each_file_and_one_for_all() -> None:
    other = Row("suites/b.py", [], mutants=4, killed=4)
    lines = table(figures([row(removed=True, two=True, zero=False), other])).splitlines()
    assert lines[2:4] == [f"| {FILE} | {len(FOUND)} | 1 | 1 | 1 |", "| suites/b.py | 4 | 4 | 0 | 0 |"]
    assert lines[-1] == f"| **all** | {len(FOUND) + 4} | 5 | 1 | 1 |"


def test_the_page_shows_the_table_and_each_equivalent_mutant_with_its_reason() -> None:
    rows = [row(two=True)]
    text = page(rows, [KNOWN], [FILE])
    assert table(figures(rows)) in text
    assert f"{FILE}: {KNOWN.reason}" in text
    assert "-a = 1\n+a =  2" in text


def test_a_file_that_is_not_mutated_this_time_keeps_its_figures_on_the_page() -> None:
    files = ["suites/0.py", FILE, "suites/b.py", "suites/unmeasured.py"]
    others = [Row(name, [], mutants=7, killed=7) for name in ("suites/b.py", "suites/0.py", "suites/removed.py")]
    before = page([row(removed=True), *others], [], [*files, "suites/removed.py"])
    lines = page([row(removed=False)], [], files, before).splitlines()
    first = lines.index(f"| {FILE} | {len(FOUND)} | 1 | 0 | 0 |") - 1
    assert lines[first] == "| suites/0.py | 7 | 7 | 0 | 0 |"
    assert lines[first + 2 : first + 4] == [
        "| suites/b.py | 7 | 7 | 0 | 0 |",
        f"| **all** | {len(FOUND) + 14} | 15 | 0 | 0 |",
    ]


def test_a_survivor_is_shown_with_its_file_and_line() -> None:
    survivor: Mutant = row(removed=True).survived[0]
    assert survivor.diff.startswith(f"{FILE}:2 ")
