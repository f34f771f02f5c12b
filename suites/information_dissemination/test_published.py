"""Announcements to customers and the public: advisories, and the length of support."""

from drivers.documents.advisories import AdvisoriesRead
from drivers.documents.support import SupportRead
from trustprobe.judging.case import case
from trustprobe.judging.outcomes import Inconclusive


@case(
    "advisories.csaf",
    covers=["ID-1d"],
    fails_on="absence",
    advice="Publish advisories as CSAF, with a remediation for each affected product, and the provider metadata.",
)
def test_advisories_give_detail_and_mitigation(advisories: AdvisoriesRead) -> None:
    """Read the CSAF provider metadata and each advisory of the product.

    An advisory states its title and id, its publisher, its dates and its status. For each vulnerability it gives an
    identifier, a description, the affected products, and a remediation for each affected product, which can name the
    product or a group of products. Witness: the whole of each document was read.
    """
    poor = sorted(advisories.silent | advisories.refused)
    assert not poor, "; ".join(f"{about}: {advisories.detail(about)}" for about in poor)


@case(
    "support_period.in_force",
    covers=["ID-1a"],
    fails_on="absence",
    advice="Submit a product that is supported, or extend its support and publish the extension.",
)
def test_product_is_supported_today(support_period: SupportRead) -> None:
    """Compare the declared support period with the day of the run.

    If support has ended or has not begun, the product receives no updates that could be announced. Witness: the
    declaration and the published statements about it were read completely.
    """
    assert "in_force" in support_period.seen, support_period.detail("in_force")


@case(
    "support_period.consistent",
    covers=["ID-1b"],
    fails_on="absence",
    advice="Correct the document whose end of support differs from the declaration.",
)
def test_every_document_gives_the_same_end_of_support(support_period: SupportRead) -> None:
    """Compare the declared end of support with the published statement and with the registry record.

    Other cases judge a document that gives no end of support. If none gives one, the case is open. Witness: the whole
    of each document was read.
    """
    compared = {"published_date", "registry_date"} & (support_period.seen | support_period.refused)
    if not compared:
        raise Inconclusive("no document gives an end of support that can be compared with the declaration")
    wrong = sorted(compared & support_period.refused)
    assert not wrong, "; ".join(f"{about}: {support_period.detail(about)}" for about in wrong)
