"""Updates in time: the product detects a newer version, and reports it."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "update.notice",
    covers=["SU-2", "EN303645 5.3-5"],
    fails_on="absence",
    advice="Check for newer versions after each start and at intervals, and show the customer the one found.",
)
def test_customer_is_notified_of_a_newer_version(update_notice: Observation) -> None:
    """Act as the product's cloud, and announce a newer version, made for this run, when the product asks.

    The product must ask automatically, without a person visiting its administration. It must then show that version on
    the declared page, which did not show it before. Witness: the product sent data over the same connection, and the
    page was read with a login before and after.
    """
    missing = [fact.detail for fact in update_notice.facts if fact.about not in update_notice.seen]
    assert not missing, "; ".join(missing)
