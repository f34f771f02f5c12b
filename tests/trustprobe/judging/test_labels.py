"""What Allure shows of a case and its verdict."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import allure_commons
import pytest

from reports.results import Verdict
from tests.trustprobe.judging.made_up_run import BROKEN, HOLDS, case, run, saw
from trustprobe.judging.labels import label_case, label_verdict
from trustprobe.probe import Answer


class Shown:
    """Takes what is said to Allure."""

    def __init__(self) -> None:
        self.labels: list[tuple[str, str]] = []
        self.description = ""
        self.steps: list[str] = []
        self.attached: list[tuple[str, str, str]] = []

    @allure_commons.hookimpl
    def add_label(self, label_type: Any, labels: Any) -> None:
        self.labels += [(str(label_type), getattr(label, "value", label)) for label in labels]

    @allure_commons.hookimpl
    def add_description(self, test_description: str) -> None:
        self.description = test_description

    @allure_commons.hookimpl
    def start_step(self, uuid: str, title: str, params: object) -> None:
        self.steps.append(title)

    @allure_commons.hookimpl
    def attach_data(self, body: str, name: str, attachment_type: Any, extension: str | None) -> None:
        self.attached.append((name, body, attachment_type.extension))


@pytest.fixture
def shown() -> Iterator[Shown]:
    made = Shown()
    allure_commons.plugin_manager.register(made)
    yield made
    allure_commons.plugin_manager.unregister(made)


@pytest.mark.parametrize(
    ("strength", "severity"), [("required", "critical"), ("expected", "normal"), ("advisory", "minor")]
)
def test_a_case_is_labelled_with_what_it_is_about(tmp_path: Path, shown: Shown, strength: str, severity: str) -> None:
    entry = case(covers=("AI-1", "EN303645 5.6-1"), capability="software_update", procedure="Look there.")
    label_case(run(tmp_path, rules={"made.one": strength}), entry)
    assert [(kind, label.lower()) for kind, label in shown.labels] == [
        ("epic", "thing"),
        ("feature", "software update"),
        ("story", "ai-1"),
        ("tag", "en303645 5.6-1"),
        ("case", "made.one"),
        ("bench", "desk"),
        ("severity", severity),
    ]
    assert shown.description == "Look there."


def test_a_case_that_the_profile_does_not_name_has_no_severity(tmp_path: Path, shown: Shown) -> None:
    label_case(run(tmp_path), case("made.other"))
    assert "severity" not in str(shown.labels).lower()


def test_a_verdict_is_shown_with_the_observations_and_witnesses_that_it_rests_on(shown: Shown) -> None:
    one, two = saw(Answer.SILENT, HOLDS), saw(Answer.SILENT, BROKEN, probe="")
    label_verdict(Verdict.FAIL, "it is open", [one, two, saw(Answer.REFUSED, probe="three")])
    assert [(kind.lower(), label) for kind, label in shown.labels] == [("verdict", "FAIL")]
    assert shown.steps == [
        "What is there?",
        "witness seen: the canary answered",
        "What is there?",
        "witness NOT seen: the canary is dead",
        "What is there?",
        "verdict FAIL: it is open",
    ]
    assert [(name, kind) for name, _, kind in shown.attached] == [
        ("look", "json"),
        ("observation", "json"),
        ("three", "json"),
    ]
    assert shown.attached[0][1] == json.dumps(one.model_dump(mode="json"), indent=1)


def test_a_verdict_without_a_reason_stands_alone(shown: Shown) -> None:
    label_verdict(Verdict.PASS, "", [])
    assert shown.steps == ["verdict PASS"]
