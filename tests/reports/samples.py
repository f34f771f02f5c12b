"""Results to test the writers with: plain ones, and ones that quote a hostile device."""

from datetime import UTC, datetime

from lab_config.rules import Strength
from reports.assess import assess
from reports.results import (
    CaseResult,
    Interface,
    ObservationSummary,
    ProductSummary,
    ProfileSummary,
    Results,
    Row,
    Verdict,
    case_reason,
    case_verdict,
)

NOW = datetime(2031, 5, 4, 12, 30, 15, tzinfo=UTC)
HOSTILE = (
    "\x1b[31mred\x1b[0m \x07\x00 [bold]markup[/bold] [/nonsense] <script>alert(1)</script> ]]> &amp; \ufffe "
    "\udc80 \u202egpj.exe :smile: \x9b2J"
)


def case(
    identifier: str,
    verdict: Verdict,
    *covers: str,
    strength: Strength = Strength.REQUIRED,
    capability: str = "interface_access_control",
    reason: str = "",
) -> CaseResult:
    """Make a case of one row."""
    return CaseResult(
        id=identifier,
        title=f"The title of {identifier}",
        capability=capability,
        covers=covers,
        strength=strength,
        reading="made for a test",
        verdict=verdict,
        reason=reason,
        rows=(Row(id=identifier, verdict=verdict, reason=reason, started=NOW, seconds=0.25),),
        started=NOW,
        seconds=0.25,
        procedure="Ask, and compare.",
    )


def case_of_rows(identifier: str, rows: tuple[Row, ...], *covers: str) -> CaseResult:
    """Make a case of several rows."""
    return CaseResult(
        id=identifier,
        title=identifier,
        capability="software_update",
        covers=covers,
        strength=Strength.REQUIRED,
        clause="SU-1",
        verdict=case_verdict(row.verdict for row in rows),
        reason=case_reason(rows),
        rows=rows,
    )


def results(*cases: CaseResult, requirements: dict[str, str] | None = None) -> Results:
    """Make the results of a run with these cases."""
    assessment = assess(requirements or {"IAC-1a": "Only those who may get in.", "SU-1": "Updates."}, cases)
    return Results(
        overall=assessment.overall,
        exit_code=assessment.overall.exit_code,
        reason=assessment.reason,
        profile=ProfileSummary(
            id="device_interfaces", title="What the device's interfaces show", outside="The app and the cloud."
        ),
        product=ProductSummary(id="camera", name="Camera", firmware="1.2.3"),
        sample="SN 7",
        bench="shelf_3",
        operator="A. Tester",
        tools={"trustprobe": "0.1.0"},
        started=NOW,
        finished=NOW,
        requirements=assessment.requirements,
        cases=cases,
        limits=("UDP ports were not swept.",),
        firmware_seen=("1.2.3",),
    )


def observation(witness: str, *, holds: bool = True) -> ObservationSummary:
    """Make the summary of a sweep."""
    return ObservationSummary(
        probe="tcp_sweep",
        question="Which TCP ports are open?",
        interface=Interface.NETWORK,
        seen=2,
        refused=65_000,
        silent=533,
        witness=witness,
        witness_holds=holds,
        evidence=("evidence/tcp_sweep/observation.json",),
    )


def a_mixed_run() -> Results:
    """Make a run in which each verdict occurs, and the device is hostile."""
    rows = (
        Row(id="unsigned", verdict=Verdict.PASS),
        Row(id=HOSTILE, verdict=Verdict.FAIL, reason=f"took the image\n{HOSTILE}"),
        Row(id="older", verdict=Verdict.NOT_APPLICABLE, reason="no older image"),
    )
    swept = case("ports.tcp.undeclared", Verdict.PASS, "IAC-1a")
    advisory = case("ssh.banner", Verdict.FAIL, "IAC-1a", strength=Strength.ADVISORY, reason="SSH-2.0-dropbear_2012.55")
    return results(
        swept.model_copy(update={"observations": (observation("the canary tcp/443 answered throughout"),)}),
        advisory.model_copy(update={"recommendation": "Hide the version."}),
        case("login.default", Verdict.INCONCLUSIVE, "IAC-1b", reason="silence without a witness"),
        case("login.lockout", Verdict.ERROR, "IAC-1b", reason="bench: no cable."),
        case("docs.support", Verdict.MANUAL, "DOC-1", capability="documentation", reason="read the page"),
        case("udp.undeclared", Verdict.NOT_RUN, "IAC-1a", reason="deselected"),
        case_of_rows("update.bad_images", rows, "SU-1"),
    )
