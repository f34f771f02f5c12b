"""What customers and the public are told: advisories, and how long support lasts."""

from drivers.documents.advisories import AdvisoriesRead
from drivers.documents.support import SupportRead
from trustprobe.judging.case import case


@case(
    "advisories.csaf",
    covers=["ID-1d"],
    fails_on="absence",
    advice="Publish advisories as CSAF 2.0 with a remediation for each affected product, and the provider's metadata.",
)
def test_advisories_give_detail_and_mitigation(advisories: AdvisoriesRead) -> None:
    """Read the CSAF provider metadata and each advisory of the product.

    An advisory names itself, its publisher, dates and status, and for each vulnerability an identifier, a description,
    whom it affects, and a remediation for each affected product. Witness: each document was read whole.
    """
    poor = sorted(advisories.silent | advisories.refused)
    assert not poor, "; ".join(f"{about}: {advisories.detail(about)}" for about in poor)


@case(
    "support_period.in_force",
    covers=["ID-1a"],
    fails_on="absence",
    advice="Submit a product that is supported, or extend its support and publish that.",
)
def test_support_period_holds_today(support_period: SupportRead) -> None:
    """Compare the declared support period with the day of the run.

    A product whose support has ended, or has not begun, gets no updates that could be announced. Witness: the
    declaration and what is published of it were read whole.
    """
    assert "in_force" in support_period.seen, support_period.detail("in_force")


@case(
    "support_period.consistent",
    covers=["ID-1b"],
    fails_on="absence",
    advice="Correct the document that gives another end of support than the declaration.",
)
def test_every_document_gives_the_same_end_of_support(support_period: SupportRead) -> None:
    """Compare the declared end of support with the published statement and with the registry record.

    A document that gives no end of support is judged by other cases. Witness: each document was read whole.
    """
    wrong = sorted(support_period.refused & {"published_date", "registry_date"})
    assert not wrong, "; ".join(f"{about}: {support_period.detail(about)}" for about in wrong)
