"""The Allure report: environment, categories, and one HTML file that works offline, made from `allure-results/`.

Allure 3 makes the page, from npm packages that a lock file pins. The files of allure-pytest are not changed.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.node import NodeToolError, find_node, install_locked
from reports.offline_page import external_references, without_external
from reports.run_folder import write_atomically

PROJECT = Path(__file__).parent / "templates" / "allure"
"""An npm project with one dependency. Its lock file pins Allure and its dependencies by hash."""
INSTALL_SECONDS = 120.0
GENERATE_SECONDS = 60.0
MISSING = "Install the extra `report` (pip install 'trustprobe[report]') or Node.js 20 with npm"

_RAISED = r"^(?:[\w.]+: )?"
"""pytest writes the class of an exception before its text."""
_SAID = r"^(?:Skipped: )?"


def _category(name: str, status: str, message: str = r"[\s\S]*") -> dict[str, Any]:
    return {"name": name, "matchedStatuses": [status], "messageRegex": message}


CATEGORIES = (
    _category("Device: case failed", "failed"),
    _category("Device: lost during the run", "broken", rf"{_RAISED}device: [\s\S]*"),
    _category("Bench", "broken", rf"{_RAISED}bench: [\s\S]*"),
    _category("Configuration", "broken", rf"{_RAISED}configuration: [\s\S]*"),
    _category("Harness", "broken", r"^(?!(?:[\w.]+: )?(?:device|bench|configuration): )[\s\S]*"),
    _category("Inconclusive", "skipped", rf"{_SAID}INCONCLUSIVE\b[\s\S]*"),
    _category("Manual: a person must look", "skipped", rf"{_SAID}MANUAL\b[\s\S]*"),
    _category("Not applicable", "skipped", rf"{_SAID}NOT_APPLICABLE\b[\s\S]*"),
    _category("Not run", "skipped", rf"{_SAID}NOT_RUN\b[\s\S]*"),
)
"""Who must act. Expressions match the whole message (required by Allure 2) and work in JavaScript (Allure 3)."""


def write_environment(folder: Path, values: Mapping[str, str]) -> Path:
    """Write `environment.properties` into a folder of Allure results."""
    path = folder / "environment.properties"
    lines = (f"{_property(key, is_key=True)}={_property(value)}\n" for key, value in values.items())
    write_atomically(path, "".join(lines))
    return path


def _property(text: str, *, is_key: bool = False) -> str:
    """Escape a key or value of a Java properties file. All but printable ASCII becomes `\\uNNNN` (UTF-16)."""
    special = "\\:=#! " if is_key else "\\"
    units = text.encode("utf-16-be", "surrogatepass")
    out = []
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = high << 8 | low
        plain = 0x20 <= code < 0x7F
        out.append(f"\\{chr(code)}" if chr(code) in special else chr(code) if plain else f"\\u{code:04x}")
    escaped = "".join(out)
    return f"\\{escaped}" if escaped.startswith(" ") else escaped


def write_categories(folder: Path) -> Path:
    """Write `categories.json` into a folder of Allure results."""
    path = folder / "categories.json"
    write_atomically(path, json.dumps(CATEGORIES, indent=2) + "\n")
    return path


@dataclass(frozen=True)
class HtmlReport:
    """The page, or the reason why there is no page and what to do."""

    path: Path | None
    note: str = ""


def default_cache() -> Path:
    """Return the folder for npm packages: `trustprobe` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trustprobe"


def generate_html(run_folder: Path, cache: Path | None = None, title: str = "trustprobe pre-check") -> HtmlReport:
    """Make `allure-report/index.html` from `allure-results/`: one file that fetches nothing.

    Takes about 1 s for 60 results, and once about 4 s to install Allure into the cache. Never raises if something is
    missing or fails, because the results of the run do not depend on this report. Redact the results first.
    """
    node = find_node()
    if node is None:
        return HtmlReport(None, f"No HTML report: no Node.js was found. {MISSING}.")
    try:
        allure = install_locked(node, PROJECT, cache or default_cache(), INSTALL_SECONDS)
    except NodeToolError as error:
        return HtmlReport(None, f"No HTML report: Allure could not be installed ({error}). Try again when online.")
    with tempfile.TemporaryDirectory(prefix="trustprobe-allure-") as name:
        work = Path(name)
        (work / "allurerc.json").write_text(json.dumps(_configuration(title)), encoding="utf-8")
        arguments = ("generate", "--config", "allurerc.json", str((run_folder / "allure-results").resolve()))
        try:
            node.run(allure / "node_modules" / "allure" / "cli.js", arguments, work, GENERATE_SECONDS)
            page = without_external((work / "page" / "index.html").read_text(encoding="utf-8"))
        except (NodeToolError, OSError, UnicodeDecodeError) as error:
            return HtmlReport(None, f"No HTML report: Allure failed ({error}). Remove {allure} and try again.")
    if left := external_references(page):
        return HtmlReport(None, f"No HTML report: the page would load {left[0]} from elsewhere. Please report this.")
    path = run_folder / "allure-report" / "index.html"
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, page)
    return HtmlReport(path)


def _configuration(title: str) -> dict[str, Any]:
    """Return Allure's configuration: one file, grouped as epic, feature, story (product, capability, 8425 item)."""
    options = {"singleFile": True, "reportLanguage": "en", "groupBy": ["epic", "feature", "story"]}
    return {
        "name": title,
        "output": "./page",
        "plugins": {"awesome": {"options": options}},
        "categories": {"rules": CATEGORIES},
    }
