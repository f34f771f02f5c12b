"""The contact that receives vulnerability reports."""

from drivers.documents.file import lacking
from drivers.documents.security_txt import ELEMENTS, SecurityTxt
from trustprobe.judging.case import case


@case(
    "security_txt",
    covers=["IQR-1a"],
    fails_on="absence",
    advice="Serve a security.txt with a Contact and an Expires date in the future, and renew it before it expires.",
)
def test_security_txt_names_a_contact_and_is_in_force(security_txt: SecurityTxt) -> None:
    """Parse security.txt according to RFC 9116, and check its lines and fields.

    It has a Contact (2.5.3), exactly one Expires, which lies in the future (2.5.5), and at most one Preferred-Languages
    (2.5.8). Each field that holds an address holds an URI, and web addresses begin with https://. Witness: the whole
    document was read.
    """
    assert not (poor := lacking(security_txt, ELEMENTS)), poor
