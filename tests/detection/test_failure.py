"""A failing detection test says in its last line which flaw, which case and which run folder to look at."""

import subprocess
import sys
from pathlib import Path

import pytest

from reports.results import CaseResult, Results, Row, Verdict
from tests.detection.failure import LONGEST, NotAsPlantedError, require_exactly_planted, require_no_fault
from tests.reports.samples import case, case_of_rows, results

ROOT = Path(__file__).parents[2]
RUN = Path("/tmp/run")
WHERE = "interface_access_control"


def forbidden(**rows: Verdict) -> CaseResult:
    made = case_of_rows(
        "services.forbidden", tuple(Row(id=row, verdict=word, reason="seen") for row, word in rows.items())
    )
    return made.model_copy(update={"capability": WHERE})


def said(run: Results, *defects: str) -> list[str]:
    with pytest.raises(NotAsPlantedError) as raised:
        require_exactly_planted(defects, run, RUN, (WHERE,))
    return str(raised.value).splitlines()


def test_a_case_that_did_not_fail_is_named_with_its_flaw_its_verdict_and_the_run_folder() -> None:
    run = results(case("ports.tcp.undeclared", Verdict.FAIL), forbidden(telnet=Verdict.PASS))
    assert said(run, "telnet_open") == [
        "telnet_open: services.forbidden[telnet] did not fail: PASS (seen); see /tmp/run"
    ]


def test_a_verdict_without_a_reason_is_named_without_one() -> None:
    (line,) = said(results(case("session.logout", Verdict.PASS)), "logout_keeps_session")
    assert line == "logout_keeps_session: session.logout did not fail: PASS; see /tmp/run"


def test_a_case_that_failed_as_well_is_named_with_the_file_that_lists_the_cases() -> None:
    run = results(
        case("ports.tcp.undeclared", Verdict.FAIL),
        case("session.logout", Verdict.FAIL, reason="the session\n outlives" + " its logout" * 40),
        forbidden(telnet=Verdict.FAIL),
    )
    (line,) = said(run, "telnet_open")
    assert line.startswith(
        "telnet_open: session.logout failed and is not listed in virtual_lab/reference/defects.yaml: the session"
    )
    assert line.endswith("...; see /tmp/run")
    assert len(line) < LONGEST + 150


def test_each_flaw_of_a_run_is_named_with_its_own_case() -> None:
    run = results(case("ports.tcp.undeclared", Verdict.FAIL), forbidden(ftp=Verdict.FAIL))
    assert said(run, "telnet_open", "ftp_open", "session_fixed") == [
        "telnet_open: services.forbidden[telnet] did not fail: the run has no such row",
        "session_fixed: session.fixation did not fail: the run has no such case; see /tmp/run",
    ]


def test_a_run_in_which_exactly_the_cases_of_the_flaws_failed_is_no_failure() -> None:
    run = results(
        case("ports.tcp.undeclared", Verdict.FAIL),
        forbidden(telnet=Verdict.FAIL, ftp=Verdict.FAIL),
        case("session.logout", Verdict.PASS),
    )
    require_exactly_planted(("telnet_open", "ftp_open"), run, RUN, (WHERE,))


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.PASS, Verdict.NOT_APPLICABLE}))
def test_what_fails_or_stays_open_without_a_flaw_is_named_with_the_reason(verdict: Verdict) -> None:
    run = results(case("session.logout", verdict, reason="seen"), case("session.fixation", Verdict.PASS))
    with pytest.raises(NotAsPlantedError, match=rf"session.logout is {verdict} .*: seen; see /tmp/run$") as raised:
        require_no_fault(run, RUN)
    assert "\n" not in str(raised.value)


def test_nothing_is_printed_after_the_line_that_matters(tmp_path: Path) -> None:
    failing = tmp_path / "test_failing.py"
    failing.write_text(
        "import sys\nfrom pathlib import Path\nfrom tests.detection.failure import NotAsPlantedError\n"
        "def test_one():\n    print('noise ' * 500, file=sys.stderr)\n"
        "    raise NotAsPlantedError(['telnet_open: a.b did not fail: PASS'], Path('out'))\n"
    )
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    done = subprocess.run(
        [*command, "--confcutdir", str(tmp_path), "-p", "tests.detection.failure", "-r", "N", str(failing)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[-2] == "telnet_open: a.b did not fail: PASS; see out"
    assert "1 failed" in lines[-1]
    assert "noise" not in done.stdout
