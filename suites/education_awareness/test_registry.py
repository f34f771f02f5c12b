"""The information for customers before a purchase: the registry record to which the label's QR code leads."""

from drivers.documents.registry import RegistryRecord
from trustprobe.judging.case import case


@case(
    "registry_record",
    covers=["PEA-1e"],
    fails_on="absence",
    advice="Complete the record. If the record and the declaration differ, correct the one that is wrong.",
)
def test_registry_record_is_complete_and_matches_the_declaration(registry_field: RegistryRecord) -> None:
    """Look for each field of 47 CFR 8.222 in the record, and compare the fields that are also declared.

    The name, the manufacturer, the end of support and the statement whether an SBOM is kept must match the declaration.
    Witness: the whole record was read.
    """
    poor = sorted(registry_field.silent | registry_field.refused)
    assert not poor, "; ".join(f"{about}: {registry_field.detail(about)}" for about in poor)
