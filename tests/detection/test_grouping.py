from tests.detection.grouping import LISTS, LONG, MOST, PARTS, TOGETHER, own_parts, part, parts, runs
from trustprobe.cli.published import capabilities
from virtual_lab.defects import register


def test_every_defect_is_planted_in_every_capability_that_it_is_found_in() -> None:
    planted = {
        (defect, capability)
        for defects, judged in runs()
        for defect in defects
        for capability in capabilities(register()[defect])
        if capability in judged
    }
    assert planted == {(name, where) for name, entry in register().items() for where in capabilities(entry)}


def test_no_two_defects_of_a_run_are_found_by_the_same_part() -> None:
    for defects, _ in runs():
        for defect in defects:
            others = {part for other in defects if other != defect for part in parts(register()[other])}
            assert own_parts(register()[defect]).isdisjoint(others), defects


def test_a_case_that_lists_all_it_finds_is_planted_alone_for_a_defect_that_no_other_case_finds() -> None:
    only = {case for entry in register().values() if parts(entry) <= LISTS for case in entry.fails}
    assert only == {"ports.tcp.undeclared"}
    assert all(own_parts(entry) for entry in register().values())


def test_a_defect_that_changes_what_others_see_is_the_only_one_of_its_capability() -> None:
    for defects, judged in runs():
        for defect in (one for one in defects if register()[one].alone):
            where = set(capabilities(register()[defect])) & set(judged)
            others = set(defects) - set(_companions(defect))
            assert not [other for other in others if where & set(capabilities(register()[other]))], defects


def _companions(defect: str) -> tuple[str, ...]:
    return next((names for names in TOGETHER if defect in names), (defect,))


def test_defects_that_share_a_device_with_each_other_only_are_marked_so() -> None:
    assert all(register()[name].alone for names in TOGETHER for name in names)


def test_the_long_capability_shares_no_run_with_others() -> None:
    assert all(judged == (LONG,) or LONG not in judged for _, judged in runs())
    assert max(len(defects) for defects, _ in runs()) <= MOST


def test_the_longest_runs_come_first() -> None:
    long = [LONG in judged for _, judged in runs()]
    assert long == sorted(long, reverse=True)


def test_every_part_is_of_a_case_that_a_flaw_makes_fail() -> None:
    cases = [case for entry in register().values() for case in entry.fails]
    assert not [pattern.pattern for pattern, _ in PARTS if not any(map(pattern.match, cases))]
    assert part("services.forbidden[telnet]") != part("services.forbidden[ftp]")


def test_no_run_has_a_defect_that_hides_another() -> None:
    hidden = {name: set(entry.not_beside) for name, entry in register().items() if entry.not_beside}
    assert hidden
    assert not [defects for defects, _ in runs() for name in defects if hidden.get(name, set()) & set(defects)]
