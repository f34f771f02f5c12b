"""Updates in time: the product finds out that there is a newer version, and says so."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "update.notice",
    covers=["SU-2", "EN303645 5.3-5"],
    fails_on="absence",
    advice="Ask for newer versions after each start and at intervals, and show the customer the one that is found.",
)
def test_customer_is_told_of_a_newer_version(update_notice: Observation) -> None:
    """Stand in for the product's cloud, and announce a newer version, made for this run, to its own request.

    It must ask by itself, without a person's visit to its administration, and then show that version on the declared
    page, which did not show it before. Witness: it sent data over the same connection, and the page was read, with a
    login, before and after.
    """
    missing = [fact.detail for fact in update_notice.facts if fact.about in update_notice.silent]
    assert not missing, "; ".join(missing)
