"""Each assertion about the product's report of its own state, on made-up observations."""

from drivers.network.web.probes.state_report import StateReport
from lab_config.base import Role
from lab_config.component import StateReportDeclaration
from suites.state_awareness import test_state_report as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

DECLARED = StateReportDeclaration(
    path="/api/health", read=(Role.VIEWER,), state_field="state", states=("healthy", "degraded"), fields=("uptime",)
)


def report(*facts: Fact, states: tuple[str, ...] = ("healthy",), witness: Witness = HOLDS) -> StateReport:
    """A report with all that is declared, or what is given."""
    facts = facts or (seen("state viewer"), seen("uptime viewer"))
    return observed(*facts, kind=StateReport, witness=witness, states=frozenset(states))


def test_every_declared_state_passes() -> None:
    for states in (("healthy",), ("degraded",), ("healthy", "degraded")):
        assert passes(cases.test_state_can_be_read, report(states=states), DECLARED)


def test_a_field_that_a_reader_is_not_shown_fails() -> None:
    poor = report(seen("state viewer"), silent("uptime viewer"))
    assert fails(cases.test_state_can_be_read, poor, DECLARED, says="the report does not show uptime viewer")


def test_a_state_that_is_not_declared_fails_though_another_reader_is_shown_a_declared_one() -> None:
    strange = report(states=("healthy", "banana"))
    assert fails(cases.test_state_can_be_read, strange, DECLARED, says="the state is banana, which is not declared")


def test_every_fault_of_the_report_is_stated() -> None:
    facts = (seen("state admin"), silent("uptime admin"), silent("state viewer"), silent("uptime viewer"))
    poor = report(*facts, states=("banana", "apple"))
    words = "does not show state viewer, uptime admin, uptime viewer; the state is apple, banana, which is not declared"
    assert fails(cases.test_state_can_be_read, poor, DECLARED, says=words)


def test_a_report_without_a_field_fails_if_the_logins_got_in() -> None:
    empty = report(silent("state viewer"), silent("uptime viewer"), states=())
    assert fails(cases.test_state_can_be_read, empty, DECLARED, says="does not show state viewer")


def test_a_login_that_did_not_get_in_leaves_the_report_open() -> None:
    unread = report(silent("state viewer"), states=(), witness=BROKEN)
    assert stays_open(cases.test_state_can_be_read, unread, DECLARED, says=BROKEN.what)


def test_a_report_that_is_refused_to_others_passes() -> None:
    closed = observed(refused("GET anonymous"), silent("PUT viewer"), witness=HOLDS)
    assert passes(cases.test_state_is_shown_only_to_declared_readers, closed)


def test_all_access_that_was_granted_is_reported() -> None:
    opened = observed(seen("PUT viewer"), seen("GET anonymous"), witness=BROKEN)
    words = "granted: GET anonymous, PUT viewer"
    assert fails(cases.test_state_is_shown_only_to_declared_readers, opened, says=words)


def test_a_report_that_no_reader_is_shown_leaves_the_case_open() -> None:
    dead = observed(silent("GET anonymous"), witness=BROKEN)
    assert stays_open(cases.test_state_is_shown_only_to_declared_readers, dead, says=BROKEN.what)
