from pathlib import Path

import pytest

from drivers.documents.security_txt import ReadSecurityTxt, SecurityTxt
from tests.drivers.documents.samples import REFERENCE, now, written
from tests.drivers.recorder import MemoryRecorder

GOOD = "Contact: mailto:psirt@maker.example\nExpires: 2027-06-30T00:00:00Z\n"


def read(folder: Path) -> SecurityTxt:
    return ReadSecurityTxt(folder, "security.txt", now).run(MemoryRecorder())


def test_the_file_of_the_reference_product_is_in_order() -> None:
    assert not read(REFERENCE).refused | read(REFERENCE).silent


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (GOOD, set()),
        (GOOD.replace("\n", "\r\n"), set()),
        (f"# a comment\n\n{GOOD}Hiring: https://maker.example/jobs\n", set()),
        (GOOD.replace("Contact", "CONTACT"), set()),
        ("Contact: https://maker.example\nExpires: 2026-11-21T11:59:59Z\n", {"expires"}),
        ("Contact: https://maker.example\nExpires: 2027-06-30\n", {"expires"}),
        ("Contact: https://maker.example\n", {"expires"}),
        (f"{GOOD}Expires: 2028-06-30T00:00:00Z\n", {"expires"}),
        ("Expires: 2027-06-30T00:00:00Z\n", {"contact"}),
        (GOOD.replace("mailto:psirt@maker.example", "http://maker.example"), {"contact"}),
        (GOOD.replace("mailto:", ""), {"contact"}),
        (f"{GOOD}Preferred-Languages: en\nPreferred-Languages: de\n", {"languages"}),
        (f"{GOOD}<html>not found</html>\n", {"format"}),
        ("", {"contact", "expires"}),
        (b"\xff", {"format", "contact", "expires", "languages"}),
    ],
)
def test_each_rule_of_rfc_9116_that_is_broken_is_named(tmp_path: Path, text: str | bytes, wrong: set[str]) -> None:
    found = read(written(tmp_path, "security.txt", text))
    assert found.refused | found.silent == wrong
    assert found.conclusive


def test_a_signed_file_is_read_inside_its_signature(tmp_path: Path) -> None:
    signed = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\n\nabc\n"
    found = read(written(tmp_path, "security.txt", signed))
    assert not found.refused | found.silent
    assert found.contacts == ("mailto:psirt@maker.example",)
