"""Made-up events of the log, for the cases that wait for a record."""

from drivers.logs.events import LoggedEvent
from tests.suites.made_up import ASKED, HOLDS, seen, silent
from trustprobe.probe import Fact, Witness


def logged(*facts: Fact, witness: Witness = HOLDS) -> LoggedEvent:
    """An event whose record arrived, or what is given."""
    facts = facts or (seen("an_event"),)
    return LoggedEvent(question="?", facts=facts, witness=witness, asked=ASKED, kind="an_event", subject="tp-1")


def not_logged(witness: Witness = HOLDS) -> LoggedEvent:
    """An event whose record did not arrive, while another record did."""
    return logged(silent("an_event"), witness=witness)
