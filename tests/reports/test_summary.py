import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lab_config.rules import Strength
from reports.offline_page import external_references
from reports.results import CaseResult, PartRow, PortRow, PortWord, Results, Row, Verdict
from reports.summary import to_summary, whose_move, write_summary
from tests.reports.samples import HOSTILE, a_mixed_run, case, case_of_rows, observation, results
from trustprobe.errors import ConfigurationError


class Page(HTMLParser):
    """The elements of a page, its links and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"
        self.text += " " if tag in {"td", "th", "dt", "dd", "li", "p"} else ""

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def words(run: Results) -> str:
    return " ".join(Page(to_summary(run)).text.split())


def failed(**changes: object) -> CaseResult:
    one = case("ports.tcp.undeclared", Verdict.FAIL, "IAC-1a", reason="open but not declared: TCP 23")
    sweep = observation("the canary answered")
    row = one.rows[0].model_copy(update={"observations": ("tcp_sweep",)})
    more = {"recommendation": "Stop the service.", "observations": (sweep,), "rows": (row,)}
    return one.model_copy(update=more | changes)


def test_everything_that_decides_is_said() -> None:
    run, text = a_mixed_run(), words(a_mixed_run())
    assert run.reason.split(": ", 1)[1] in text
    assert all(one.id in text for one in run.cases)
    assert all(one.id in text for one in run.requirements)
    for part in ("Camera", "SN 7", "shelf_3", "A. Tester", "declared 1.2.3, seen 1.2.3", "trustprobe 0.1.0"):
        assert part in text
    assert "2031-05-04 12:30:15 UTC" in text
    assert "The app and the cloud." in text
    assert "A pre-check, not a certification" in text
    assert "UDP ports were not swept." in text


def test_a_failure_says_what_was_seen_what_was_expected_the_clause_the_files_and_what_to_do() -> None:
    page = Page(to_summary(results(failed())))
    text = " ".join(page.text.split())
    for part in (
        "open but not declared: TCP 23",
        "Ask, and compare.",
        "our reading: made for a test",
        "Stop the service.",
    ):
        assert part in text
    assert "evidence/tcp_sweep/observation.json" in page.links


def test_only_the_files_of_the_rows_that_decided_are_named() -> None:
    good, bad = Row(id="ssh", verdict=Verdict.PASS, observations=("ssh",)), Row(id="tcp", verdict=Verdict.FAIL)
    other = observation("").model_copy(update={"probe": "ssh", "evidence": ("evidence/ssh/observation.json",)})
    sweep = observation("the canary answered")
    one = failed(rows=(good, bad.model_copy(update={"observations": ("tcp_sweep",)})), observations=(other, sweep))
    links = Page(to_summary(results(one))).links
    assert "evidence/tcp_sweep/observation.json" in links
    assert "evidence/ssh/observation.json" not in links


@pytest.mark.parametrize(
    "path", ["javascript:alert(1)", "evidence/../../etc/passwd", "https://example.org/", "evidence/a/b/c"]
)
def test_a_file_with_a_name_that_is_not_ours_is_shown_and_not_linked(path: str) -> None:
    sweep = observation("").model_copy(update={"evidence": (path,)})
    page = Page(to_summary(results(failed(observations=(sweep,)))))
    assert path.removeprefix("evidence/") in page.text
    assert not [link for link in page.links if not link.startswith("#")]


def test_a_finding_below_required_stands_apart_from_what_decides() -> None:
    html = to_summary(results(failed(strength=Strength.ADVISORY)))
    assert "Findings below required" in html
    assert "Failed cases that decide the result" not in html


@pytest.mark.parametrize(
    ("verdict", "reason", "move"),
    [
        (Verdict.ERROR, "bench: no cable.", "the lab: repair"),
        (Verdict.ERROR, "device: it does not come back.", "the lab: restore the device"),
        (Verdict.ERROR, "configuration: no such file.", "the author of the file"),
        (Verdict.ERROR, "harness: ValueError: 1.", "the developers of trustprobe"),
        (Verdict.INCONCLUSIVE, "the bench does not allow update: add it", "the lab: allow it"),
        (Verdict.INCONCLUSIVE, "the declaration names no viewer account", "the manufacturer"),
        (Verdict.INCONCLUSIVE, "silence without a witness", "the lab: complete the bench"),
        (Verdict.MANUAL, "read the page", "a person"),
        (Verdict.NOT_RUN, "deselected", "the operator"),
    ],
)
def test_an_open_case_says_whose_move_it_is(verdict: Verdict, reason: str, move: str) -> None:
    one = case("some.case", verdict, "IAC-1a", reason=reason)
    assert whose_move(one).startswith(move)
    assert move in words(results(one)).replace("Who acts next T", "t").replace("Who acts next A", "a")


def test_the_move_of_a_case_of_rows_follows_from_the_row_that_decided() -> None:
    rows = (Row(id="a", verdict=Verdict.PASS), Row(id="b", verdict=Verdict.ERROR, reason="bench: no cable."))
    assert whose_move(case_of_rows("x.y", rows)).startswith("the lab: repair")


def test_the_ports_stand_with_what_was_declared_and_what_was_seen() -> None:
    ports = (
        PortRow(
            port=443,
            transport="tcp",
            declared="http in TLS: view",
            observed="open",
            word=PortWord.AS_DECLARED,
            sweep="tcp_sweep",
        ),
        PortRow(port=23, transport="tcp", observed=f"open: {HOSTILE}", word=PortWord.NOT_DECLARED, sweep="tcp6_sweep"),
    )
    parts = (PartRow(part="console", declared="absent: no header", observed="no observation"),)
    text = words(results(failed()).model_copy(update={"ports": ports, "parts": parts}))
    assert "tcp/443 ✓ as declared http in TLS: view open" in text
    assert "tcp/23 IPv6 ✗ not declared no open: \\x1b[31mred" in text
    assert "Console absent: no header no observation" in text
    assert "witness: the canary answered" in text


def test_without_a_sweep_there_is_no_table_of_ports() -> None:
    assert "Ports: declared and observed" not in to_summary(a_mixed_run())


def test_device_text_makes_no_element_and_no_attribute() -> None:
    plain, hostile = Page(to_summary(results(failed(reason="x")))), Page(to_summary(results(failed(reason=HOSTILE))))
    assert plain.tags == hostile.tags
    assert plain.attributes == hostile.attributes
    assert "<script>alert(1)</script> ]]> &amp;" in hostile.text
    assert "script" not in hostile.tags
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", hostile.text)


def test_every_element_that_is_opened_is_closed() -> None:
    assert Page(to_summary(a_mixed_run())).open == []


def test_a_very_long_word_may_break_and_a_very_long_text_is_cut() -> None:
    html = to_summary(results(failed(reason="A" * 50_000)))
    assert "overflow-wrap: anywhere" in html
    assert "[cut: results.json contains the whole text]" in html
    assert len(html) < 60_000


def test_the_page_fetches_nothing_and_says_so_to_the_browser() -> None:
    html = to_summary(a_mixed_run())
    assert external_references(html) == []
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].replace("&#39;", "'").startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert not {"script", "img", "link", "iframe", "form"} & set(Page(html).tags)


def test_the_page_can_be_read_aloud() -> None:
    page = Page(to_summary(a_mixed_run()))
    headings = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    assert page.tags.count("th") == sum(1 for name, _ in page.attributes if name == "scope")
    assert ("lang", "en") in page.attributes


def test_no_verdict_is_told_by_its_colour_alone() -> None:
    html = to_summary(a_mixed_run())
    shown = re.findall(r'<span class="verdict [a-z_]+"><span aria-hidden="true">(.)</span> ([A-Za-z ]+)</span>', html)
    assert len(shown) == html.count('class="verdict ')
    assert {"FAIL", "PASS", "ERROR", "INCONCLUSIVE", "MANUAL", "NOT RUN"} <= {word for _, word in shown}


def test_only_reports_that_are_there_are_linked(tmp_path: Path) -> None:
    assert "junit.xml" not in Page(write_summary(a_mixed_run(), tmp_path).read_text("utf-8")).links
    (tmp_path / "junit.xml").touch()
    assert "junit.xml" in Page(write_summary(a_mixed_run(), tmp_path).read_text("utf-8")).links


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"summary\.html cannot be written"):
        write_summary(a_mixed_run(), tmp_path / "nowhere")
