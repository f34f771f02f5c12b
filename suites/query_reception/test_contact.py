"""Where reports of vulnerabilities arrive."""

from drivers.documents.security_txt import SecurityTxt
from trustprobe.judging.case import case


@case(
    "security_txt",
    covers=["IQR-1a"],
    fails_on="absence",
    advice="Serve a security.txt with a Contact and an Expires in the future, and renew it before it expires.",
)
def test_security_txt_names_a_contact_and_is_in_force(security_txt: SecurityTxt) -> None:
    """Read security.txt by RFC 9116: lines, Contact (2.5.3), Expires once and ahead (2.5.5), languages once (2.5.8).

    Witness: the document was read whole.
    """
    poor = sorted(security_txt.silent | security_txt.refused)
    assert not poor, "; ".join(f"{about}: {security_txt.detail(about)}" for about in poor)
