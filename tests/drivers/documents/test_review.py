import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from drivers.documents.review import ReadReview, ReviewedAnswer
from lab_config.papers import Review
from tests.drivers.documents.samples import now, written
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

GOOD: dict[str, Any] = {
    "answer": "yes",
    "reviewer": "R. Marsh",
    "reviewed": date(2026, 11, 1),
    "document": "file.md",
    "note": "chapter 2",
}


def read(folder: Path, review: Review | None) -> ReviewedAnswer:
    written(folder, "file.md", "words")
    return ReadReview("DOC-1b", "Is it written down?", review, folder, 12, now).run(MemoryRecorder())


def test_a_whole_answer_carries_who_when_and_on_what(tmp_path: Path) -> None:
    found = read(tmp_path, Review(**GOOD))
    assert not found.incomplete
    assert (found.answer, found.reviewer, found.reviewed) == ("yes", "R. Marsh", date(2026, 11, 1))
    assert found.sha256 == hashlib.sha256(b"words").hexdigest()
    assert found.seen == {"DOC-1b"}


@pytest.mark.parametrize(
    ("field", "value", "gap"),
    [
        ("reviewer", " ", "names no reviewer"),
        ("reviewed", None, "has no date"),
        ("reviewed", date(2026, 11, 22), "is in the future"),
        ("reviewed", date(2025, 10, 31), "older than 12 months"),
        ("document", None, "names no document"),
        ("document", "gone.md", "gone.md cannot be read"),
    ],
)
def test_an_answer_that_lacks_something_says_what(tmp_path: Path, field: str, value: object, gap: str) -> None:
    found = read(tmp_path, Review(**{**GOOD, field: value}))
    assert len(found.incomplete) == 1
    assert gap in found.incomplete[0]


@pytest.mark.parametrize(("answer", "kind"), [("yes", Answer.SEEN), ("partly", Answer.REFUSED), ("no", Answer.REFUSED)])
def test_a_no_is_an_answer_and_no_gap(tmp_path: Path, answer: str, kind: Answer) -> None:
    found = read(tmp_path, Review(**{**GOOD, "answer": answer}))
    assert found.facts[0].answer is kind
    assert not found.incomplete


def test_a_question_that_nobody_answered_is_silent(tmp_path: Path) -> None:
    found = read(tmp_path, None)
    assert found.incomplete == ("nobody has answered the question",)
    assert found.silent == {"DOC-1b"}
