"""What a reviewer answered to one question, and the document that the answer rests on.

The answer is data like any other: whether it is recent enough to count, and whether it is a yes, is said by the cases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from drivers.documents.file import read_document
from lab_config.papers import Review
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

_ANSWERS = Asked(door="the file of answers", shape="an answer")


class ReviewedAnswer(Observation):
    """One answer; a fact about the item of IR 8425: SEEN for yes, REFUSED for partly and no, SILENT for none."""

    answer: str = ""
    """yes, partly, no, or empty where nobody answered."""
    reviewer: str = ""
    reviewed: date | None = None
    document: str = ""
    sha256: str = ""
    """The digest of the document. It is empty if there is no document."""
    note: str = ""
    incomplete: tuple[str, ...]
    """What the answer lacks before it can count, in words."""


@dataclass(frozen=True)
class ReadReview:
    """Read one answer and its document. `months` is how old an answer may be."""

    leaf: str
    asked: str
    review: Review | None
    folder: Path
    months: int
    now: Callable[[], datetime]

    @property
    def name(self) -> str:
        """One observation for each item."""
        return f"review.{self.leaf}"

    def run(self, record: Recorder) -> ReviewedAnswer:
        """Read the document, and say what is there and what is not."""
        review = self.review
        if review is None:
            return self._observation(
                Answer.SILENT, "nobody has answered the question", ("nobody has answered the question",)
            )
        digest, gap = self._document(review, record)
        gaps = (*self._gaps(review), *((gap,) if gap else ()))
        kind = Answer.SEEN if review.answer == "yes" else Answer.REFUSED
        who = f"{review.reviewer or 'nobody'} on {review.reviewed or 'no day'}"
        complete = self._observation(kind, f"{who} answered {review.answer}: {review.note}", gaps)
        return complete.model_copy(
            update={
                "answer": review.answer,
                "reviewer": printable(review.reviewer, 100),
                "reviewed": review.reviewed,
                "document": review.document or "",
                "sha256": digest,
                "note": printable(review.note, 500),
            }
        )

    def _observation(self, kind: Answer, detail: str, incomplete: tuple[str, ...]) -> ReviewedAnswer:
        return ReviewedAnswer(
            question=self.asked,
            facts=(Fact(about=self.leaf, answer=kind, detail=printable(detail, 1_000)),),
            witness=Witness(what="the file of answers was read completely", holds=True, asked=_ANSWERS),
            asked=_ANSWERS,
            incomplete=incomplete,
        )

    def _gaps(self, review: Review) -> list[str]:
        gaps = [] if review.reviewer.strip() else ["the answer names no reviewer"]
        today = self.now().date()
        if review.reviewed is None:
            gaps.append("the answer has no date")
        elif review.reviewed > today:
            gaps.append(f"the date of the answer, {review.reviewed}, is in the future")
        elif (today.year - review.reviewed.year) * 12 + today.month - review.reviewed.month > self.months:
            gaps.append(f"the answer of {review.reviewed} is older than {self.months} months")
        return gaps

    def _document(self, review: Review, record: Recorder) -> tuple[str, str]:
        """Return the digest of the answer's document, or the reason why there is no document."""
        if review.document is None:
            return "", "the answer names no document"
        try:
            return read_document(self.folder, review.document, record).sha256, ""
        except ConfigurationError as error:
            return "", error.what.rstrip(".")
