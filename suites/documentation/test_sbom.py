"""The software bill of materials, as a document and compared with the device."""

from drivers.documents.bill import MINIMUM, STRUCTURE
from drivers.documents.file import lacking
from drivers.documents.sbom import Sbom
from drivers.network.web.administration.settings import IdentityRead
from lab_config.product import Product
from trustprobe.judging.case import case


def named(model: str, version: str | None) -> str:
    """Return the words for a model and its version."""
    return f"{model or 'nothing'}, version {version or 'none'}"


@case(
    "sbom.valid",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Generate the SBOM in the build, and validate it against the schema of its format before you publish it.",
)
def test_bill_of_materials_is_valid_in_its_format(sbom: Sbom) -> None:
    """Parse the SBOM, and check its structure by the rules of its format.

    The formats are CycloneDX 1.0 to 1.7 (JSON, XML), SPDX 2.0 to 2.3 (JSON, YAML, XML, tag-value, RDF) and SPDX 3.0
    (JSON-LD). An SBOM in another format of the NTIA leaves the case open. The structure comprises the schema, the
    subject of the SBOM, its components and the references. Each reference is unique, and relationships name only
    elements that exist, or an element of another SBOM (BOM-Link). Witness: the whole document was read.
    """
    assert not (poor := lacking(sbom, STRUCTURE)), poor


@case(
    "sbom.minimum_elements",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Give each component a supplier, a version, an identifier (purl or CPE) and its place in the dependencies.",
)
def test_bill_of_materials_has_the_minimum_elements(sbom: Sbom) -> None:
    """Look for the NTIA's minimum elements (July 2021) in each component and in the document.

    Each component needs a supplier (or who made or published it), a name, a version, a unique identifier and a
    relationship: a dependency, or its place inside another component. The document needs an author and a time.
    Witness: the whole document was read.
    """
    assert not (poor := lacking(sbom, MINIMUM)), poor


@case(
    "sbom.matches_device",
    covers=["DOC-1d-i"],
    fails_on="absence",
    advice="Make an SBOM for each release, and submit the SBOM of the firmware under test.",
)
def test_bill_of_materials_describes_the_running_firmware(sbom: Sbom, identity: IdentityRead, product: Product) -> None:
    """Compare the subject of the SBOM with the declared model and with the version that the device shows.

    Witness: the whole document was read, and the device showed another identifier.
    """
    described, running = (sbom.subject_name, sbom.subject_version), (product.model, identity.version or None)
    assert described == running, f"the SBOM describes {named(*described)}, the device runs {named(*running)}"
