"""The product's report of its own state: declared readers can read it, and nobody else can."""

from drivers.network.web.probes.state_report import StateReport
from lab_config.component import StateReportDeclaration
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "state.report.readable",
    covers=["CSA-1", "IR8259 CS-1", "IR8259 CS-2"],
    fails_on="absence",
    advice="Report whether the product is healthy or degraded, with the declared fields.",
)
def test_state_can_be_read(state_report: StateReport, state_declaration: StateReportDeclaration) -> None:
    """Read the declared report with each authorised login, and compare its fields and its state with the declaration.

    Witness: each of these logins got in.
    """
    missing = ", ".join(sorted(state_report.silent))
    strange = ", ".join(sorted(state_report.states - set(state_declaration.states)))
    faults = [f"the report does not show {missing}"] if missing else []
    faults += [f"the state is {strange}, which is not declared"] if strange else []
    assert not faults, "; ".join(faults)


@case(
    "state.report.protected",
    covers=["CSA-1", "IR8259 CS-3", "IR8259 CS-4"],
    fails_on="presence",
    advice="Show the state only to users who are declared to read it, and let nobody set it.",
)
def test_state_is_shown_only_to_declared_readers(state_report_access: Observation) -> None:
    """Request the report without a login. Send a made-up state, without a login and as a reader.

    Witness: the same request as a reader shows the report.
    """
    assert not state_report_access.seen, f"granted: {', '.join(sorted(state_report_access.seen))}"
