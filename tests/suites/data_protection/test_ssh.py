"""Each assertion about SSH algorithms, on made-up KEXINITs."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.network.logins.ssh_algorithms import PROTOCOL_1, SshKexinit
from drivers.network.logins.ssh_names import ssh_families
from suites.data_protection import test_ssh as cases
from tests.suites.made_up import PROFILE, fails, observed, passes, seen, silent, stays_open

CASES = {
    "kex": cases.test_ssh_offers_no_weak_key_exchange,
    "host_key": cases.test_ssh_offers_no_weak_host_key,
    "cipher": cases.test_ssh_offers_no_weak_cipher,
    "mac": cases.test_ssh_offers_no_weak_mac,
}
STRONG = {
    "kex": ("curve25519-sha256", "diffie-hellman-group14-sha256", "kex-strict-s-v00@openssh.com"),
    "host_key": ("ssh-ed25519", "rsa-sha2-512", "sk-ssh-ed25519-cert-v01@openssh.com"),
    "cipher": ("chacha20-poly1305@openssh.com", "aes256-ctr"),
    "mac": ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512"),
}
WEAK = [
    ("kex", "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==", "sha1"),
    ("kex", "gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g==", "group1, sha1"),
    ("kex", "diffie-hellman-group1-sha1", "group1, sha1"),
    ("kex", "diffie-hellman-group14-sha1", "sha1"),
    ("kex", "diffie-hellman-group14-sha1@ssh.com", "sha1"),
    ("kex", "diffie-hellman-group-exchange-sha1", "sha1"),
    ("kex", "rsa1024-sha1", "rsa1024, sha1"),
    ("kex", "ecdh-sha2-1.3.132.0.1", "small_curve"),
    ("kex", "ecdh-sha2-5pPrSUQtIaTjUSt5VZNBjg==", "small_curve"),
    ("kex", "ecdh-sha2-nistp192", "small_curve"),
    ("kex", "kexAlgoDH14SHA1", "sha1"),
    ("kex", "none", "none"),
    ("kex", PROTOCOL_1, "protocol_1"),
    ("host_key", "ssh-rsa", "rsa_sha1"),
    ("host_key", "ssh-rsa-cert-v01@openssh.com", "rsa_sha1"),
    ("host_key", "x509v3-sign-rsa", "rsa_sha1"),
    ("host_key", "x509v3-sign-rsa-sha1@ssh.com", "rsa_sha1"),
    ("host_key", "ssh-dss", "dsa"),
    ("host_key", "ssh-dss-cert-v01@openssh.com", "dsa"),
    ("host_key", "x509v3-sign-dss", "dsa"),
    ("host_key", "ecdsa-sha2-nistk163", "small_curve"),
    ("host_key", "ecdsa-sha2-nistp192-cert-v01@openssh.com", "small_curve"),
    ("host_key", "null", "none"),
    ("host_key", PROTOCOL_1, "protocol_1"),
    ("cipher", "none", "none"),
    ("cipher", "des-cbc@ssh.com", "cbc, des"),
    ("cipher", "3des-ctr", "3des"),
    ("cipher", "blowfish-ctr", "small_block"),
    ("cipher", "cast128-ctr", "small_block"),
    ("cipher", "arcfour256", "rc4"),
    ("cipher", "rijndael-cbc@lysator.liu.se", "cbc"),
    ("cipher", "aes256-cbc", "cbc"),
    ("cipher", "no-strict-kex:chacha20-poly1305@openssh.com", "prefix_truncation"),
    ("cipher", "no-strict-kex:aes128-cbc", "cbc, prefix_truncation"),
    ("cipher", PROTOCOL_1, "protocol_1"),
    ("mac", "none", "none"),
    ("mac", "hmac-sha1", "sha1"),
    ("mac", "hmac-sha1-etm@openssh.com", "sha1"),
    ("mac", "hmac-sha1-96-etm@openssh.com", "sha1, short_tag"),
    ("mac", "hmac-md5-etm@openssh.com", "md5"),
    ("mac", "hmac-md5-96", "md5, short_tag"),
    ("mac", "hmac-sha2-256-96", "short_tag"),
    ("mac", "umac-64-etm@openssh.com", "short_tag"),
    ("mac", "cbcmac-aes", "cbc_mac"),
    ("mac", "hmac-ripemd160-etm@openssh.com", "ripemd"),
    ("mac", PROTOCOL_1, "protocol_1"),
]
GOOD = [
    *(("kex", name) for name in ("curve25519-sha256@libssh.org", "gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==")),
    *(("kex", name) for name in ("diffie-hellman-group14-sha224@ssh.com", "sntrup761x25519-sha512", "ext-info-s")),
    *(("kex", name) for name in ("mlkem768x25519-sha256", "ecdh-sha2-nistp521", "rsa2048-sha256", "curve448-sha512")),
    *(("kex", name) for name in ("kex-strict-s", "kex-strict-s-v00@openssh.com")),
    *(("kex", name) for name in ("gss-nistp256-sha256-eipGX3TCiQSrx573bT1o1Q==", "kexguess2@matt.ucc.asn.au")),
    *(("host_key", name) for name in ("rsa-sha2-256-cert-v01@openssh.com", "x509v3-rsa2048-sha256", "ssh-ed448")),
    *(("host_key", name) for name in ("ssh-rsa-sha256@ssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")),
    *(("cipher", name) for name in ("AEAD_AES_128_GCM", "aes128-gcm@openssh.com", "twofish256-ctr")),
    *(("mac", name) for name in ("umac-128-etm@openssh.com", "hmac-sha256-2@ssh.com", "hmac-sha2-512-etm@openssh.com")),
]
each_kind = pytest.mark.parametrize(("kind", "case"), CASES.items(), ids=list(CASES))


def offer(**other: Any) -> SshKexinit:
    fields: dict[str, Any] = STRONG | {"compression": ("none", "zlib@openssh.com")} | other
    return observed(seen("kexinit"), kind=SshKexinit, **fields)


@each_kind
def test_an_offer_of_strong_algorithms_only_passes(kind: str, case: Callable[..., None]) -> None:
    assert passes(case, offer(), PROFILE)


@pytest.mark.parametrize(("kind", "name", "families"), WEAK)
def test_one_name_of_a_forbidden_family_among_strong_ones_fails_its_own_case_only(
    kind: str, name: str, families: str
) -> None:
    weak = offer(**{kind: (*STRONG[kind], name)})
    assert fails(CASES[kind], weak, PROFILE, says=f"offers {name} ({families})")
    for other in CASES.keys() - {kind}:
        assert passes(CASES[other], weak, PROFILE)


@pytest.mark.parametrize(("kind", "name"), GOOD)
def test_a_good_name_passes_whatever_is_written_around_it(kind: str, name: str) -> None:
    assert passes(CASES[kind], offer(**{kind: (*STRONG[kind], name)}), PROFILE)


@each_kind
def test_the_profile_forbids_every_weak_family(kind: str, case: Callable[..., None]) -> None:
    assert set(getattr(PROFILE.limits.ssh, kind)) == set(ssh_families(kind).weak)


@each_kind
def test_every_weak_name_is_reported(kind: str, case: Callable[..., None]) -> None:
    names = sorted(name for one, name, _ in WEAK if one == kind)
    assert fails(case, offer(**{kind: tuple(names)}), PROFILE, says=tuple(f"{name} (" for name in names))


@each_kind
def test_a_name_of_no_known_family_leaves_the_case_open_and_is_named(kind: str, case: Callable[..., None]) -> None:
    unknown = offer(**{kind: (*STRONG[kind], "rot13@vendor.example")})
    assert stays_open(case, unknown, PROFILE, says="no known family: rot13@vendor.example")


def test_compression_before_the_login_fails() -> None:
    weak = offer(compression=("none", "zlib", "zlib@openssh.com"))
    assert fails(CASES["cipher"], weak, PROFILE, says="offers zlib (before_login)")


SIZES = cases.test_ssh_uses_no_small_host_key_and_no_small_group


@pytest.mark.parametrize("bits", [512, 1024, 2047])
@pytest.mark.parametrize(
    ("field", "kind", "words"),
    [
        ("rsa_bits", "host_key", "an RSA host key of {} bits"),
        ("group_bits", "kex", "a group of {} bits in the group exchange"),
    ],
)
def test_a_small_host_key_and_a_small_group_fail(field: str, kind: str, words: str, bits: int) -> None:
    small = offer(**{"rsa_bits": 2048, "group_bits": 2048} | {field: bits})
    assert fails(SIZES, small, PROFILE, says=f"uses {words.format(bits)}, where the profile requires 2048")
    assert fails(CASES[kind], small, PROFILE, says=f"offers {words.format(bits)}")
    for other in CASES.keys() - {kind}:
        assert passes(CASES[other], small, PROFILE)


@pytest.mark.parametrize("bits", [None, 2048, 3072, 8192])
def test_a_large_host_key_or_group_and_none_at_all_pass(bits: int | None) -> None:
    assert passes(SIZES, offer(rsa_bits=bits, group_bits=bits), PROFILE)


def test_a_profile_without_a_number_for_rsa_requires_none() -> None:
    tls = PROFILE.limits.tls.model_copy(update={"key_bits": {"EC": 224}})
    limits = PROFILE.limits.model_copy(update={"tls": tls})
    assert passes(SIZES, offer(rsa_bits=512, group_bits=2048), PROFILE.model_copy(update={"numbers": limits}))


def test_a_small_host_key_and_a_small_group_are_both_reported() -> None:
    words = ("an RSA host key of 1024 bits", "a group of 1536 bits")
    assert fails(SIZES, offer(rsa_bits=1024, group_bits=1536), PROFILE, says=words)


def test_a_size_that_was_not_read_leaves_open_the_sizes_alone() -> None:
    what = "the size of the RSA host key was not read: the server ended the key exchange"
    lost = offer(unmeasured=(what,))
    assert stays_open(SIZES, lost, PROFILE, says=what)
    for case in CASES.values():
        assert passes(case, lost, PROFILE)


def test_a_small_group_fails_though_the_host_key_was_not_read() -> None:
    assert fails(SIZES, offer(group_bits=1024, unmeasured=("the key",)), PROFILE, says="a group of 1024 bits")


@each_kind
def test_a_server_that_showed_no_kexinit_leaves_the_case_open(kind: str, case: Callable[..., None]) -> None:
    nothing = observed(silent("kexinit"), kind=SshKexinit)
    assert stays_open(case, nothing, PROFILE, says="no answer on kexinit")
