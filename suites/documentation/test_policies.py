"""Policies that the developer publishes: the disclosure of vulnerabilities, and the length of support."""

from drivers.documents.policy import PolicyRead
from drivers.documents.support import SupportRead
from trustprobe.judging.case import case


@case(
    "disclosure_policy",
    covers=["DOC-1g-iv", "EN303645 5.2-1"],
    fails_on="absence",
    advice="Publish a contact. State in days when a report is acknowledged and how often its reporter is informed.",
)
def test_disclosure_policy_states_a_contact_and_times(disclosure_policy: PolicyRead) -> None:
    """Look in the disclosure policy for the contact and the promises that the declaration quotes from it.

    The quoted words on acknowledgement and on status updates must state a time. Witness: the whole document was read.
    """
    poor = sorted(disclosure_policy.silent | disclosure_policy.refused)
    assert not poor, "; ".join(f"{about}: {disclosure_policy.detail(about)}" for about in poor)


@case(
    "support_period.stated",
    covers=["DOC-1a-viii", "EN303645 5.3-13"],
    fails_on="absence",
    advice="Publish the end of support as a date, where customers can find it without a login.",
)
def test_end_of_support_is_published(support_period: SupportRead) -> None:
    """Look in the published support statement for the date on which support ends.

    A sentence counts if it names support and its end, and contains a date such as 2031-06-30. Witness: the whole
    statement was read.
    """
    assert "published" in support_period.seen, support_period.detail("published")
