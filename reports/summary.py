"""`summary.html`: the results of a run, on one page for phone, desk or paper.

One file that runs no script and fetches nothing, because its own policy forbids both. It depends only on the results
model. The template escapes all text, including text of the device. `templates/summary.css` defines the style.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.assess import verdict_of
from reports.results import CaseResult, ObservationSummary, Overall, RequirementVerdict, Results, Row, Verdict
from reports.run_folder import write_atomically
from trustprobe.errors import ConfigurationError, Fault
from trustprobe.probe import Frozen, printable

NAME = "summary.html"
TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the page: inline style, and nothing else."""
ACRONYMS = re.compile(
    r"\b(ble|coap|csrf|dhcp|dns|ftp|gdb|https?|ip|ipv6|jtag|mqtt|nfc|ntp|rtsp|sbom|snmp|ssh|swd|tcp|tls|uart|udp|upnp|usb)\b"
)
"""Words of titles that are written in upper case. Titles come from the names of functions."""
ROWS_SHOWN = 12
"""Failed rows of one case that are listed. The others are counted, and results.json contains them."""
TEXT_SHOWN = 2_000
"""Characters of one reason. results.json contains the whole reason."""
REPORTS = {
    "results.json": "the contents of this page, for programs",
    "allure-report/index.html": "every case with its steps, files and history",
    "junit.xml": "for continuous integration",
}
"""Further files of the run folder. Existing ones are linked."""
MARKS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.ERROR: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.MANUAL: "?",
    Verdict.NOT_RUN: "–",
    Verdict.NOT_APPLICABLE: "–",
    RequirementVerdict.OPEN: "?",
    RequirementVerdict.UNCOVERED: "–",
    Overall.CONFORMING: "✓",
    Overall.NONCONFORMING: "✗",
    Overall.INCOMPLETE: "?",
}
"""A mark next to each word, so that it does not depend on its colour only."""
OPEN = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.MANUAL, Verdict.NOT_RUN)
_MOVES = {
    Fault.DEVICE: "the lab: restore the device, then run again. If it does not come back, the manufacturer must act",
    Fault.BENCH: "the lab: repair the bench, then run again",
    Fault.CONFIGURATION: "the author of the file that the reason names: correct it",
    Fault.HARNESS: "the developers of trustprobe: send them a report with the evidence folder",
}
_EVIDENCE = re.compile(r"evidence/(?!\.)[A-Za-z0-9._-]+/(?!\.)[A-Za-z0-9._-]+")


class Capability(Frozen):
    """One capability of IR 8425: the common verdict of its cases, and the number of cases per verdict."""

    name: str
    verdict: RequirementVerdict
    counts: str


class SharedReason(Frozen):
    """One reason, and the rows with that reason."""

    rows: tuple[str, ...]
    reason: str


class Open(Frozen):
    """Open cases with the same next step: one case, or several with the same reason."""

    cases: tuple[CaseResult, ...]
    move: str


class Evidence(Frozen):
    """A file of the run folder. `href` is empty if its name is not one that trustprobe gives."""

    href: str
    name: str


def to_summary(results: Results, reports: Iterable[str] = ()) -> str:
    """Return the whole page. `reports` are those of REPORTS that the run folder contains."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"said": _said, "sentence": sentence, "paragraphs": paragraphs, "words": words, "mark": mark}
    failed = [case for case in results.cases if case.verdict is Verdict.FAIL]
    return environment.get_template("summary.html.j2").render(
        results=results,
        policy=POLICY,
        style=Markup((TEMPLATES / "summary.css").read_text("utf-8")),
        seconds=round((results.finished - results.started).total_seconds()),
        failed=[case for case in failed if case not in results.findings],
        findings=results.findings,
        open_groups=open_groups(results.cases),
        capabilities=capabilities(results.cases),
        counts=counts(results.cases),
        sweeps=[o for o in _observations(results.cases) if o.probe in {row.sweep for row in results.ports}],
        reasons=reasons,
        evidence=evidence,
        whose_move=whose_move,
        rows_shown=ROWS_SHOWN,
        reports=[(name, about) for name, about in REPORTS.items() if name in reports],
    )


def write_summary(results: Results, folder: Path) -> Path:
    """Write the page into a run folder, with links to the existing reports, and return its path.

    ConfigurationError if the folder cannot be written.
    """
    path = folder / NAME
    page = to_summary(results, [name for name in REPORTS if (folder / name).is_file()])
    try:
        write_atomically(path, page)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.", "Free space.") from error
    return path


def mark(verdict: Verdict | RequirementVerdict | Overall) -> str:
    """Return the mark next to a word."""
    return MARKS[verdict]


def sentence(text: str) -> str:
    """Return the text with its first letter and its acronyms in upper case, and the rest unchanged."""
    named = ACRONYMS.sub(lambda match: match[0].upper(), text)
    return named[:1].upper() + named[1:]


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a docstring, each as one line. Line breaks in the source have no meaning."""
    return [" ".join(_said(block).split()) for block in re.split(r"\n\s*\n", text) if block.strip()]


def words(name: str) -> str:
    """Return an identifier as words: `software_update` is Software update."""
    return sentence(name.replace("_", " "))


def _said(text: str) -> str:
    """Return text that nothing interprets, line by line, cut at TEXT_SHOWN characters."""
    shown = "\n".join(printable(line, limit=None) for line in text[:TEXT_SHOWN].split("\n"))
    return shown if len(text) <= TEXT_SHOWN else f"{shown}... [cut: results.json contains the whole text]"


def counts(cases: Iterable[CaseResult]) -> str:
    """Return the number of cases per verdict: `3 PASS, 1 FAIL`."""
    verdicts = [case.verdict for case in cases]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)


def capabilities(cases: Iterable[CaseResult]) -> list[Capability]:
    """Return the common verdict of the cases of each capability, by the rule for requirements."""
    ordered = sorted(cases, key=lambda case: case.capability)
    groups = [(name, list(group)) for name, group in groupby(ordered, key=lambda case: case.capability)]
    return [Capability(name=name, verdict=verdict_of(group), counts=counts(group)) for name, group in groups]


def deciding_rows(case: CaseResult) -> list[Row]:
    """Return the rows that have the verdict of the case."""
    return [row for row in case.rows if row.verdict is case.verdict]


def reasons(case: CaseResult) -> list[SharedReason]:
    """Return what decided a case: each reason once, with its rows. A case of one row has only its reason."""
    if len(case.rows) < 2:
        return [SharedReason(rows=(), reason=case.reason)]
    said: dict[str, list[str]] = {}
    for row in deciding_rows(case):
        said.setdefault(row.reason, []).append(row.id)
    return [SharedReason(rows=tuple(rows), reason=reason) for reason, rows in said.items()]


def open_groups(cases: Sequence[CaseResult]) -> list[Open]:
    """Return the open cases, the gravest first. Cases with the same next step form one group."""
    groups: dict[tuple[Verdict, tuple[str, ...], str], list[CaseResult]] = {}
    for case in sorted((case for case in cases if case.verdict in OPEN), key=lambda case: OPEN.index(case.verdict)):
        key = (case.verdict, tuple(said.reason for said in reasons(case)), whose_move(case))
        groups.setdefault(key, []).append(case)
    return [Open(cases=tuple(group), move=move) for (_, _, move), group in groups.items()]


def _observations(cases: Iterable[CaseResult]) -> list[ObservationSummary]:
    return list({observation.probe: observation for case in cases for observation in case.observations}.values())


def evidence(case: CaseResult) -> list[Evidence]:
    """Return the files for a verdict: those of the observations by which the deciding rows were judged."""
    probes = {probe for row in deciding_rows(case) for probe in row.observations}
    files = [path for o in case.observations if o.probe in probes or not probes for path in o.evidence]
    return [_link(path) for path in dict.fromkeys(files)]


def _link(path: str) -> Evidence:
    ours = _EVIDENCE.fullmatch(path) is not None
    return Evidence(href=quote(path) if ours else "", name=path.removeprefix("evidence/"))


def whose_move(case: CaseResult) -> str:
    """Return who must act before an open case can be judged, by the first word of the reason."""
    reason = next((row.reason for row in deciding_rows(case)), case.reason)
    for fault, move in _MOVES.items():
        if reason.startswith(f"{fault}: "):
            return move
    if case.verdict is Verdict.MANUAL:
        return "a person: look, and record the result"
    if case.verdict is Verdict.NOT_RUN:
        return "the operator: run the case, which was left out or interrupted"
    if reason.startswith(("the declaration", "the product declares")):
        return "the manufacturer: complete the declaration"
    if reason.startswith("the bench does not allow"):
        return "the lab: allow it in the bench file, if the sample may be harmed"
    return "the lab: complete the bench so that the question can be answered, then run again"
