"""The software bill of materials, as a document and against the device."""

from drivers.documents.sbom import MINIMUM, STRUCTURE, Sbom
from drivers.network.web.administration.settings import IdentityRead
from lab_config.product import Product
from trustprobe.judging.case import case


def lacking(sbom: Sbom, elements: tuple[str, ...]) -> str:
    """Say which of these elements are missing or wrong."""
    poor = [about for about in elements if about not in sbom.seen]
    return "; ".join(f"{about}: {sbom.detail(about)}" for about in poor)


@case(
    "sbom.valid",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Generate the SBOM in the build, and validate it against the schema of CycloneDX before it is published.",
)
def test_bill_of_materials_is_a_cyclonedx_document(sbom: Sbom) -> None:
    """Read the SBOM: format and version, serial number, what it describes, components by name and type, references.

    Each bom-ref is there once, and dependencies name none that is not there. Witness: the document was read whole.
    """
    assert not (poor := lacking(sbom, STRUCTURE)), poor


@case(
    "sbom.minimum_elements",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Give each component its supplier, version, identifier (purl or CPE) and place in the dependencies.",
)
def test_bill_of_materials_has_the_minimum_elements(sbom: Sbom) -> None:
    """Look for the NTIA's minimum elements (July 2021) in each component and in the document.

    Supplier, name, version, unique identifier and dependency of each component; author and time of the document.
    Witness: the document was read whole.
    """
    assert not (poor := lacking(sbom, MINIMUM)), poor


@case(
    "sbom.matches_device",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Make an SBOM with each release, and hand in the one of the firmware that is tested.",
)
def test_bill_of_materials_is_of_the_firmware_that_runs(sbom: Sbom, identity: IdentityRead, product: Product) -> None:
    """Compare what the SBOM says that it describes with the declared model and with the version that the device shows.

    Witness: the document was read whole, and the device showed another identifier.
    """
    of_the_device = f"{product.model} {identity.version or 'of no version'}"
    assert sbom.subject == of_the_device, f"the SBOM is of {sbom.subject or 'nothing'}, the device is {of_the_device}"
