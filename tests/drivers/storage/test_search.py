import base64
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from drivers.data import table
from drivers.forms import compiled, forms_of, weak_hashes_of
from drivers.storage import dump
from drivers.storage.dump import Image
from drivers.storage.search import OVERLAP, SearchTerm, search
from tests.drivers.storage.test_unpack import PUBLISHED

PATTERNS = table("storage_patterns")
FILLER = bytes(range(256)) * 20


def image_with(folder: Path, octets: bytes) -> Image:
    path = folder / "image"
    path.write_bytes(FILLER + octets + FILLER)
    return Image(path, path.stat().st_size, path.stat().st_size)


def places(folder: Path, row: str, octets: bytes) -> list[str]:
    found = search(image_with(folder, octets), [SearchTerm(row, {}, compiled(PATTERNS[row]))])
    return [place.what for place in found[row]]


@pytest.mark.parametrize(
    "written",
    [
        b"wifi=hunter2-canary;",
        "hunter2-canary".encode("utf-16-le"),
        "hunter2-canary".encode("utf-16-be"),
        b"hunter2-canary".hex().encode(),
        b"hunter2-canary".hex().upper().encode(),
        base64.b64encode(b"hunter2-canary"),
        base64.b64encode(b'{"k": "hunter2-canary"}'),
        base64.b64encode(b'{"kk": "hunter2-canary"}'),
        base64.urlsafe_b64encode(b'\xff\xfe{"key": "hunter2-canary"}'),
    ],
)
def test_a_text_is_found_in_every_form_that_software_writes(written: bytes, tmp_path: Path) -> None:
    found = search(image_with(tmp_path, written), [SearchTerm("it", forms_of("it", "hunter2-canary"))])
    assert found["it"]


def test_a_text_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    found = search(image_with(tmp_path, b"hunter3-canary"), [SearchTerm("it", forms_of("it", "hunter2-canary"))])
    assert found == {"it": ()}


def test_a_text_of_a_few_letters_is_not_looked_for(tmp_path: Path) -> None:
    found = search(image_with(tmp_path, b"cat"), [SearchTerm("it", {"it": b"cat"})])
    assert found == {"it": ()}


def test_a_text_that_lies_across_two_pieces_is_found_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "PIECE", 3 * OVERLAP)
    path = tmp_path / "image"
    for start in (3 * OVERLAP - 3, 6 * OVERLAP - 7, 7 * OVERLAP - 20):
        path.write_bytes(b"\0" * start + b"hunter2-canary" + b"\0" * (7 * OVERLAP - 14 - start))
        found = search(Image(path, 7 * OVERLAP, 7 * OVERLAP), [SearchTerm("it", {"it": b"hunter2-canary"})])
        assert [place.offset for place in found["it"]] == [start]


def test_what_lies_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"\0" * 100 + b"hunter2-canary")
    image = Image(path, 114, 100)
    assert not image.whole
    assert search(image, [SearchTerm("it", {"it": b"hunter2-canary"})]) == {"it": ()}


@pytest.mark.parametrize("kind", ["rsa", "ec", "ed25519"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_private_key_in_clear_is_found(kind: str, encoding: Encoding, tmp_path: Path) -> None:
    keys: dict[str, Callable[[], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey]] = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    key = keys[kind]()
    octets = key.private_bytes(encoding, PrivateFormat.PKCS8, serialization.NoEncryption())
    assert places(tmp_path, "private_keys", octets)


def test_a_private_key_of_openssh_is_found_unless_it_is_encrypted(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    clear = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, serialization.NoEncryption())
    assert places(tmp_path, "private_keys", clear) == ["OpenSSH private key"]
    assert places(tmp_path, "private_keys", clear.replace(b"AAAABG5vbmU", b"AAAACmFlczI1Ni1jdHI")) == []


def test_an_encrypted_private_key_and_a_public_one_are_not_taken_for_one_in_clear(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    password = serialization.BestAvailableEncryption(b"correct horse")
    for octets in (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password),
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, password),
        key.public_key().public_bytes(Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        key.public_key().public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    ):
        assert places(tmp_path, "private_keys", octets) == []


def test_the_words_of_a_library_that_reads_keys_are_no_key(tmp_path: Path) -> None:
    words = b"%s\0-----BEGIN PRIVATE KEY-----\0-----BEGIN EC PRIVATE KEY-----\n\0no start line"
    assert places(tmp_path, "private_keys", words) == []


@pytest.mark.parametrize(
    "line",
    [
        b"root:$1$abcdefgh$Qx1TNjZUnmoKLVtBKxrKi.:0:0:root",
        b"admin:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=",
        b"\nroot:ab01FAX.bQRSU:0:0:root",
        b"\0admin:ab01FAX.bQRSU::0:99999:7:::",
        b'"password": "5f4dcc3b5aa765d61d8327deb882cf99"',
        b"PASSWD_SHA1=a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    ],
)
def test_a_weak_hash_is_found(line: bytes, tmp_path: Path) -> None:
    assert places(tmp_path, "password_hashes_weak", line)


@pytest.mark.parametrize(
    "line",
    [
        b"root:$6$abcdefgh$" + b"x" * 86,
        b"root:$y$j9T$abcdefgh$" + b"x" * 43,
        b'"boot_id": "5f4dcc3b5aa765d61d8327deb882cf99"',
        b'"password": "' + b"a" * 64 + b'"',
        b"\nroot:x:0:0:root:/root:/bin/sh",
        b"std::abcdefghijklm:::",
    ],
)
def test_a_strong_hash_and_other_numbers_are_no_weak_hash(line: bytes, tmp_path: Path) -> None:
    assert places(tmp_path, "password_hashes_weak", line) == []


def test_a_hash_without_a_salt_of_a_known_password_is_found_wherever_it_lies(tmp_path: Path) -> None:
    sha1 = hashlib.sha1(b"correct horse").digest()
    wanted = [SearchTerm("it", weak_hashes_of("it", "correct horse"))]
    for written in (sha1, sha1.hex().encode(), sha1.hex().upper().encode(), base64.b64encode(sha1)):
        assert search(image_with(tmp_path, written), wanted)["it"]


@pytest.mark.parametrize(
    "token",
    [
        b"AKIA" + b"Q" * 16,
        b"ASIA" + b"2" * 16,
        b"AccountKey=" + b"k" * 86 + b"==",
        b"SharedAccessKey=" + b"k" * 43 + b"=",
        b"ghp_" + b"a" * 36,
        b"AIza" + b"b" * 35,
        b"eyJhbGciOiJIUzI1NiJ9." + b"eyJzdWIiOiJjYW1lcmEifQ." + b"s" * 43,
    ],
)
def test_a_token_of_a_well_known_service_is_found(token: bytes, tmp_path: Path) -> None:
    assert places(tmp_path, "api_tokens", b'"' + token + b'"')


def test_a_word_that_ends_like_the_beginning_of_a_token_is_none(tmp_path: Path) -> None:
    assert places(tmp_path, "api_tokens", b"XAKIA" + b"Q" * 16) == []


@pytest.mark.parametrize("row", sorted(PATTERNS))
def test_programs_of_this_machine_hold_nothing_that_is_looked_for(row: str, tmp_path: Path) -> None:
    program = Path(subprocess.__file__).read_bytes() + Path("/bin/sh").read_bytes()
    assert places(tmp_path, row, program) == []


def places_across(folder: Path, row: str, octets: bytes, start: int) -> list[int]:
    """Search an image of several pieces with these octets from `start` on."""
    path = folder / "image"
    path.write_bytes((b" " * start + octets).ljust(7 * OVERLAP))
    found = search(Image(path, 7 * OVERLAP, 7 * OVERLAP), [SearchTerm(row, {}, compiled(PATTERNS[row]))])
    return [place.offset for place in found[row]]


LONG_HASH = b":$1$abcdefgh$" + b"a" * 22
"""As long as an MD5 crypt; what follows decides."""
HARMLESS = {
    "a published key": ("private_keys", PUBLISHED),
    "a longer hash": ("password_hashes_weak", LONG_HASH + b"a" * 60),
    "a longer number": ("password_hashes_weak", b"password=" + b"f" * 64),
    "the end of a word": ("api_tokens", b"XAKIA" + b"Q" * 16),
    "a longer word": ("api_tokens", b"AKIA" + b"Q" * 60),
}
SECRETS = {
    "a key": ("private_keys", PUBLISHED.replace(b"MHcCAQ", b"MHcCAR")),
    "a hash": ("password_hashes_weak", b"$1$abcdefgh$" + b"a" * 22),
    "a token": ("api_tokens", b"AKIA" + b"Q" * 16),
}
ENDS_OF_PIECES = [end - length for end in (2 * OVERLAP, 3 * OVERLAP) for length in (0, 1, 20, 35, 41, 64, 75, 140)]
"""Of the first of three pieces of an image, and of what the second one repeats of it."""


@pytest.mark.parametrize(("row", "octets"), HARMLESS.values(), ids=HARMLESS)
def test_nothing_counts_whose_surroundings_lie_in_the_next_piece(
    row: str, octets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "PIECE", 3 * OVERLAP)
    assert {start: found for start in ENDS_OF_PIECES if (found := places_across(tmp_path, row, octets, start))} == {}


@pytest.mark.parametrize(("row", "octets"), SECRETS.values(), ids=SECRETS)
def test_a_secret_at_the_end_of_a_piece_is_found_once(
    row: str, octets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "PIECE", 3 * OVERLAP)
    for start in (*ENDS_OF_PIECES, *range(2 * OVERLAP + 50, 2 * OVERLAP + 70), 7 * OVERLAP - len(octets)):
        assert places_across(tmp_path, row, octets, start) == [start]
