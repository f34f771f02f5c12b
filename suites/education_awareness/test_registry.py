"""What customers can read before they buy: the record for the registry behind the label's QR code."""

from drivers.documents.registry import RegistryRecord
from trustprobe.judging.case import case


@case(
    "registry_record",
    covers=["PEA-1e"],
    fails_on="absence",
    advice="Complete the record, and correct whichever of record and declaration is wrong.",
)
def test_registry_record_is_complete_and_as_declared(registry_field: RegistryRecord) -> None:
    """Look for each field of 47 CFR 8.222 in the record, and compare those that the declaration states as well.

    Name, manufacturer, end of support and whether an SBOM is kept have to agree. Witness: the record was read whole.
    """
    poor = sorted(registry_field.silent | registry_field.refused)
    assert not poor, "; ".join(f"{about}: {registry_field.detail(about)}" for about in poor)
