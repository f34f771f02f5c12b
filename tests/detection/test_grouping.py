from tests.detection.grouping import PARTS, part, runs
from trustprobe.cli.published import capabilities
from virtual_lab.defects import register


def test_every_defect_is_planted_in_every_capability_that_it_is_found_in() -> None:
    planted = {(defect, capability) for defects, capability in runs() for defect in defects}
    assert planted == {(name, where) for name, entry in register().items() for where in capabilities(entry)}


def test_no_two_defects_of_a_run_are_found_by_the_same_part() -> None:
    for defects, _ in runs():
        parts = [{part(case) for case in register()[defect].fails} for defect in defects]
        assert sum(map(len, parts)) == len(set().union(*parts)), defects


def test_every_part_is_of_a_case_that_a_flaw_makes_fail() -> None:
    cases = [case for entry in register().values() for case in entry.fails]
    assert not [pattern.pattern for pattern, _ in PARTS if not any(map(pattern.match, cases))]
