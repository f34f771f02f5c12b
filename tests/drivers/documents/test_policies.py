from datetime import date
from pathlib import Path

import pytest

from drivers.documents.policy import PolicyRead, ReadPolicy
from drivers.documents.registry import ReadRegistryRecord, RegistryRecord
from drivers.documents.support import ReadSupport, SupportRead, published_ends
from lab_config.papers import DisclosurePolicy, SupportPeriod
from tests.drivers.documents.samples import now, written
from tests.drivers.recorder import MemoryRecorder

POLICY = "Write to psirt@maker.example.\nWe answer within\n5 working days, and tell you of news every two weeks."


def policy(folder: Path, **declared: str) -> PolicyRead:
    promised = {
        "contact": "psirt@maker.example",
        "acknowledgement": "within 5 working days",
        "status_updates": "every two weeks",
        **declared,
    }
    return ReadPolicy(folder, DisclosurePolicy(file="policy.md", **promised)).run(MemoryRecorder())


def test_a_promise_is_found_over_the_end_of_a_line(tmp_path: Path) -> None:
    assert not policy(written(tmp_path, "policy.md", POLICY)).silent


def test_words_that_the_policy_does_not_say_are_missing(tmp_path: Path) -> None:
    found = policy(written(tmp_path, "policy.md", POLICY), acknowledgement="within 1 day", contact="you@maker.example")
    assert found.silent == {"acknowledgement", "contact"}


def test_a_promise_without_a_time_is_none(tmp_path: Path) -> None:
    found = policy(written(tmp_path, "policy.md", POLICY), status_updates="tell you of news")
    assert found.refused == {"status_updates"}


def support(folder: Path, ends: date = date(2031, 6, 30), starts: date = date(2026, 1, 1)) -> SupportRead:
    declared = SupportPeriod(starts=starts, ends=ends, published="support.md")
    return ReadSupport(folder, declared, "record.json", now).run(MemoryRecorder())


@pytest.mark.parametrize(
    ("text", "record", "wrong"),
    [
        ("Support lasts until 2031-06-30.", {"minimum_support_period_end_date": "2031-06-30"}, set()),
        ("Support lasts until 2030-06-30.", {"minimum_support_period_end_date": "2031-06-30"}, {"published_date"}),
        ("Support lasts until 2031-06-30.", {"minimum_support_period_end_date": "2031-07-30"}, {"registry_date"}),
        ("Support lasts for ever.", {}, {"published"}),
        ("Support lasts until 2031-02-30.", {}, {"published"}),
        ("This text is of 2031-06-30.", {}, {"published"}),
        (b"\xff", {}, {"published"}),
    ],
)
def test_what_is_published_of_the_end_of_support_is_compared(
    tmp_path: Path, text: str | bytes, record: dict[str, str], wrong: set[str]
) -> None:
    written(tmp_path, "record.json", record)
    found = support(written(tmp_path, "support.md", text))
    assert found.refused | found.silent == wrong
    assert found.conclusive


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [
        (date(2026, 1, 1), date(2026, 11, 21), True),
        (date(2026, 1, 1), date(2026, 11, 20), False),
        (date(2026, 11, 22), date(2030, 1, 1), False),
    ],
)
def test_support_runs_from_its_first_day_to_its_last(tmp_path: Path, starts: date, ends: date, holds: bool) -> None:
    written(tmp_path, "record.json", {})
    found = support(written(tmp_path, "support.md", ""), ends, starts)
    assert ("in_force" in found.seen) is holds


def test_a_statement_that_is_not_text_is_described_as_such(tmp_path: Path) -> None:
    written(tmp_path, "record.json", {})
    found = support(written(tmp_path, "support.md", "Support lasts until 2031-06-30.".encode("utf-16")))
    assert "not UTF-8" in found.detail("published")


def test_a_date_counts_in_the_sentence_that_speaks_of_the_end_of_support() -> None:
    text = "Support ends on 2031-06-30. Sold since 2026-01-15.\n- End of a function: 2027-01-01"
    assert published_ends(text) == [date(2031, 6, 30)]


def record_of(folder: Path, content: object) -> RegistryRecord:
    wanted = ("product_name", "sbom_maintained", "hbom_maintained")
    declared = {"product_name": "Thing", "sbom_maintained": "true"}
    written(folder, "record.json", content)
    return ReadRegistryRecord(folder, "record.json", wanted, declared).run(MemoryRecorder())


@pytest.mark.parametrize(
    ("content", "refused", "silent"),
    [
        ({"product_name": "Thing", "sbom_maintained": True, "hbom_maintained": False}, set(), set()),
        ({"product_name": "Other", "sbom_maintained": True, "hbom_maintained": True}, {"product_name"}, set()),
        ({"product_name": "Thing", "sbom_maintained": False, "hbom_maintained": 1}, {"sbom_maintained"}, set()),
        ({"product_name": "", "sbom_maintained": True}, set(), {"product_name", "hbom_maintained"}),
        ("[]", {"product_name", "sbom_maintained", "hbom_maintained"}, set()),
    ],
)
def test_a_record_is_complete_and_as_declared_or_its_fields_are_named(
    tmp_path: Path, content: object, refused: set[str], silent: set[str]
) -> None:
    found = record_of(tmp_path, content)
    assert found.refused == refused
    assert found.silent == silent
