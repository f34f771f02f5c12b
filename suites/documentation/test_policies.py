"""Policies that the developer publishes: disclosure of vulnerabilities, and how long support lasts."""

from drivers.documents.policy import PolicyRead
from drivers.documents.support import SupportRead
from trustprobe.judging.case import case


@case(
    "disclosure_policy",
    covers=["DOC-1g-iv", "EN303645 5.2-1"],
    fails_on="absence",
    advice="Publish a contact, and say in days when a report is acknowledged and how often its reporter hears of it.",
)
def test_disclosure_policy_gives_contact_and_times(disclosure_policy: PolicyRead) -> None:
    """Look in the disclosure policy for the contact and the promises that the declaration quotes from it.

    The words on acknowledgement and on status updates name a time. Witness: the document was read whole.
    """
    poor = sorted(disclosure_policy.silent | disclosure_policy.refused)
    assert not poor, "; ".join(f"{about}: {disclosure_policy.detail(about)}" for about in poor)


@case(
    "support_period.stated",
    covers=["DOC-1a-viii", "EN303645 5.3-13"],
    fails_on="absence",
    advice="Publish the end of support as a date, where customers find it without a login.",
)
def test_end_of_support_is_published(support_period: SupportRead) -> None:
    """Look in the published support statement for a date of the end of support.

    A sentence counts that speaks of support and its end, and gives a date as 2031-06-30. Witness: it was read whole.
    """
    assert "published" in support_period.seen, support_period.detail("published")
