from pathlib import Path

import pytest

from drivers.documents.security_txt import ELEMENTS, ReadSecurityTxt, SecurityTxt
from tests.drivers.documents.samples import REFERENCE, now, written
from tests.drivers.recorder import MemoryRecorder

GOOD = "Contact: mailto:psirt@maker.example\nExpires: 2027-06-30T00:00:00Z\n"


SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"


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
        (b"\xff", set(ELEMENTS)),
        (GOOD.encode("utf-16"), set(ELEMENTS)),
        (b"\xef\xbb\xbf" + GOOD.encode(), set(ELEMENTS)),
        (GOOD.removesuffix("\n"), set(ELEMENTS)),
    ],
)
def test_each_rule_of_rfc_9116_that_is_broken_is_named(tmp_path: Path, text: str | bytes, wrong: set[str]) -> None:
    found = read(written(tmp_path, "security.txt", text))
    assert found.refused | found.silent == wrong
    assert found.conclusive


@pytest.mark.parametrize(
    "date",
    [
        "2027-06-30T18:37:07z",
        "2027-06-30t18:37:07Z",
        "2027-06-30T18:37:07.123456789+05:30",
        "2027-06-30T23:59:60Z",
        "2027-07-01T01:59:60+02:00",
        "2027-06-30T18:37:07-00:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_each_date_of_rfc_3339_is_accepted(tmp_path: Path, date: str) -> None:
    found = read(written(tmp_path, "security.txt", f"Contact: tel:+1-201-555-0123\nExpires: {date}\n"))
    assert not found.refused | found.silent


@pytest.mark.parametrize(
    "date",
    [
        "20270630T183707Z",
        "2027-06-30 18:37:07+00:00",
        "2027-06-30T18:37:07+0000",
        "2027-06-30T18:37:07",
        "2027-06-30T18:37Z",
        "2027-06-31T00:00:00Z",
        "2027-06-30T24:00:00Z",
        "2027-06-15T12:00:60Z",
        "2027-W26-3T00:00:00Z",
        "Wed, 30 Jun 2027 18:37:07 +0000",
        "2027-06-30T18:37:07+24:00",
        "2027-06-30T18:37:07,5Z",
    ],
)
def test_a_date_that_is_not_of_rfc_3339_is_refused(tmp_path: Path, date: str) -> None:
    found = read(written(tmp_path, "security.txt", f"Contact: tel:+1-201-555-0123\nExpires: {date}\n"))
    assert found.refused == {"expires"}
    assert "is not a date and time of RFC 3339" in found.detail("expires")


@pytest.mark.parametrize(
    "contact",
    [
        "mailto:psirt@maker.example,security@maker.example",
        "mailto:psirt@maker.example?subject=A%20report",
        "tel:+1-201-555-0123;ext=7",
        "https://maker.example/report?form=1#top",
        "HTTPS://maker.example",
        "xmpp:psirt@maker.example",
        "https://[2001:db8::1]/report",
    ],
)
def test_a_contact_may_be_any_uri(tmp_path: Path, contact: str) -> None:
    text = GOOD + f"contact: {contact}\nCONTACT:   {contact}\n"
    found = read(written(tmp_path, "security.txt", text))
    assert not found.refused | found.silent
    assert found.contacts == ("mailto:psirt@maker.example", contact, contact)


@pytest.mark.parametrize(
    "contact",
    [
        "psirt@maker.example",
        "mailto:psirt",
        "mailto:psirt@maker.example, security@maker.example",
        "mailto:psirt@maker.example,mailto:security@maker.example",
        "mailto: psirt@maker.example",
        "http://maker.example/report",
        "https://",
        "tel:call-us",
        "+1-201-555-0123",
        "maker.example/report",
    ],
)
def test_a_contact_that_is_no_uri_is_refused(tmp_path: Path, contact: str) -> None:
    found = read(written(tmp_path, "security.txt", f"{GOOD}Contact: {contact}\n"))
    assert found.refused == {"contact"}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("X_Ardea_Ref: 7", set()),
        ("Bug-Bounty: False", set()),
        ("CSAF: https://maker.example/.well-known/csaf/provider-metadata.json", set()),
        ("Canonical: https://maker.example/.well-known/security.txt", set()),
        ("Encryption: openpgp4fpr:5f2de5521c63a801ab59ccb603d49de44b29100f", set()),
        ("Encryption: dns:5d2d37ab76d47d36._openpgpkey.maker.example?type=OPENPGPKEY", set()),
        ("Preferred-Languages: en, de-CH,  x-klingon", set()),
        ("# a line of comment \u2028 with an odd character", set()),
        ("X-Note: f\u00fcr alle", set()),
        ("  ", set()),
        ("Canonical: http://maker.example/.well-known/security.txt", {"links"}),
        ("Policy: see our web site", {"links"}),
        ("Preferred-Languages: en_US", {"languages"}),
        ("Preferred-Languages: en,,de", {"languages"}),
        ("Hiring:", {"format"}),
        ("Hiring:https://maker.example", {"format"}),
        ("X Note: 1", {"format"}),
        (" # a comment that is indented", {"format"}),
        (": value", {"format"}),
    ],
)
def test_further_fields_follow_the_grammar(tmp_path: Path, line: str, wrong: set[str]) -> None:
    found = read(written(tmp_path, "security.txt", f"{GOOD}{line}\n"))
    assert found.refused | found.silent == wrong


def test_a_signed_file_is_read_inside_its_signature(tmp_path: Path) -> None:
    signed = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{GOOD}{SIGNATURE}"
    found = read(written(tmp_path, "security.txt", signed))
    assert not found.refused | found.silent
    assert found.contacts == ("mailto:psirt@maker.example",)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- {GOOD}{SIGNATURE}", set()),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{GOOD}{SIGNATURE}".replace("\n", "\r\n"), set()),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{GOOD}", {"format"}),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{GOOD}-----BEGIN PGP SIGNATURE-----\nabc\n", {"format"}),
        (f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{GOOD}{SIGNATURE}Hiring: https://maker.example\n", {"format"}),
        (f"{GOOD}{SIGNATURE}", {"format"}),
    ],
)
def test_the_frame_of_a_signature_is_checked(tmp_path: Path, text: str, wrong: set[str]) -> None:
    (tmp_path / "security.txt").write_bytes(text.encode())
    found = read(tmp_path)
    assert found.refused | found.silent == wrong
    assert found.contacts == ("mailto:psirt@maker.example",)
