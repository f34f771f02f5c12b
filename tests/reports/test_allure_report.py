import base64
import json
import re
from pathlib import Path

import pytest

import reports.allure_report
from reports.allure_report import CATEGORIES, default_cache, generate_html, write_categories, write_environment
from reports.node import Node, NodeToolError
from reports.offline_page import external_references


def categories_of(status: str, message: str) -> list[str]:
    """Name the categories as Allure 2 does: the expression matches the whole message."""
    return [
        rule["name"].split(":")[0]
        for rule in CATEGORIES
        if status in rule["matchedStatuses"] and re.fullmatch(rule["messageRegex"], message)
    ]


@pytest.mark.parametrize(
    ("status", "message", "category"),
    [
        ("failed", "AssertionError: open but not declared: [23]\nassert not {23}", "Device"),
        ("broken", "trustprobe.errors.BenchError: bench: no cable.\nCheck it.", "Bench"),
        ("broken", "bench: no cable.", "Bench"),
        ("broken", "trustprobe.errors.ConfigurationError: configuration: no such file.", "Configuration"),
        ("broken", "trustprobe.errors.DeviceLostError: device: it did not come back.", "Device"),
        ("broken", "trustprobe.errors.HarnessError: harness: a bug.", "Harness"),
        ("broken", "ValueError: what bench: no", "Harness"),
        ("broken", "", "Harness"),
        ("skipped", "Skipped: INCONCLUSIVE: silence\nwithout a witness", "Inconclusive"),
        ("skipped", "INCONCLUSIVE: silence", "Inconclusive"),
        ("skipped", "Skipped: MANUAL: look", "Manual"),
        ("skipped", "Skipped: NOT_APPLICABLE: none", "Not applicable"),
        ("skipped", "Skipped: NOT_RUN: deselected", "Not run"),
    ],
)
def test_each_message_has_exactly_one_category(status: str, message: str, category: str) -> None:
    assert categories_of(status, message) == [category]


def test_the_environment_is_a_properties_file(tmp_path: Path) -> None:
    path = write_environment(tmp_path, {"sample path": "C:\\x", "outside": " app = cloud", "küche": "\U0001f600\n#"})
    assert path.read_text(encoding="ascii").splitlines() == [
        r"sample\ path=C:\\x",
        r"outside=\ app = cloud",
        r"k\u00fcche=\ud83d\ude00\u000a#",
    ]


def allure_results(run: Path) -> Path:
    folder = run / "allure-results"
    folder.mkdir(parents=True)
    result = {
        "uuid": "1b671a64-40d5-491e-99b0-da01ff1f3341",
        "name": "<script>alert(1)</script>",
        "status": "broken",
        "statusDetails": {"message": "trustprobe.errors.BenchError: bench: no cable."},
        "start": 1,
        "stop": 2,
        "labels": [{"name": "epic", "value": "Camera"}, {"name": "feature", "value": "software_update"}],
    }
    (folder / "1-result.json").write_text(json.dumps(result), encoding="utf-8")
    write_environment(folder, {"Profile": "device_interfaces"})
    write_categories(folder)
    return run


def embedded(page: str, name: str) -> str:
    """Return one of the data files that the page holds."""
    found = re.search(rf'd\("{re.escape(name)}","([^"]*)"', page)
    assert found, f"the page holds no {name}"
    return base64.b64decode(found[1]).decode()


def test_the_report_is_one_file_that_fetches_nothing(tmp_path: Path) -> None:
    report = generate_html(allure_results(tmp_path), default_cache(), title="Camera </script> pre-check")
    if report.path is None:
        pytest.skip(report.note)
    assert [path.name for path in report.path.parent.iterdir()] == ["index.html"]
    page = report.path.read_text(encoding="utf-8")
    assert external_references(page) == []
    assert "gtag" not in page
    assert "<script>alert(1)</script>" not in page
    assert '"Bench"' in embedded(page, "widgets/categories.json")
    assert "device_interfaces" in embedded(page, "widgets/allure_environment.json")
    assert "Camera" in embedded(page, "widgets/tree.json")


def test_without_node_there_is_a_sentence_and_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports.allure_report, "find_node", lambda: None)
    report = generate_html(allure_results(tmp_path), tmp_path / "cache")
    assert report.path is None
    assert "trustprobe[report]" in report.note
    assert not (tmp_path / "allure-report").exists()


def test_offline_there_is_a_sentence_and_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> Path:
        raise NodeToolError("npm ended with code 1: ENOTFOUND")

    monkeypatch.setattr(reports.allure_report, "find_node", lambda: Node(Path("node"), Path("npm")))
    monkeypatch.setattr(reports.allure_report, "install_locked", offline)
    report = generate_html(allure_results(tmp_path), tmp_path / "cache")
    assert report.path is None
    assert "ENOTFOUND" in report.note


def test_a_generator_that_fails_makes_a_sentence_and_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    false = Path("/bin/false")
    monkeypatch.setattr(reports.allure_report, "find_node", lambda: Node(false, false))
    monkeypatch.setattr(reports.allure_report, "install_locked", lambda *_: tmp_path)
    report = generate_html(allure_results(tmp_path), tmp_path / "cache")
    assert report.path is None
    assert "Allure failed" in report.note
    assert not (tmp_path / "allure-report").exists()


def test_the_lock_file_pins_the_version_by_hash() -> None:
    project = reports.allure_report.PROJECT
    wanted = json.loads((project / "package.json").read_bytes())
    packages = json.loads((project / "package-lock.json").read_bytes())["packages"]
    assert packages["node_modules/allure"]["version"] == wanted["dependencies"]["allure"] == wanted["version"]
    assert all(
        package["integrity"] and "://" not in package.get("resolved", "") for name, package in packages.items() if name
    )
