"""Each assertion about SSH algorithms, on made-up KEXINITs."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.network.logins.ssh_kexinit import SshKexinit
from suites.data_protection import test_ssh as cases
from tests.suites.made_up import PROFILE, fails, observed, passes, seen, silent, stays_open

CASES = {
    "kex": cases.test_ssh_offers_no_weak_key_exchange,
    "host_key": cases.test_ssh_offers_no_weak_host_key,
    "cipher": cases.test_ssh_offers_no_weak_cipher,
    "mac": cases.test_ssh_offers_no_weak_mac,
}
STRONG = {
    "kex": ("curve25519-sha256", "diffie-hellman-group14-sha256"),
    "host_key": ("ssh-ed25519", "rsa-sha2-512"),
    "cipher": ("chacha20-poly1305@openssh.com", "aes256-ctr"),
    "mac": ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512"),
}
WEAK = [(kind, name) for kind in CASES for name in getattr(PROFILE.limits.ssh, kind)]
each_kind = pytest.mark.parametrize(("kind", "case"), CASES.items(), ids=list(CASES))


def offer(**weak: tuple[str, ...]) -> SshKexinit:
    fields: dict[str, Any] = STRONG | weak
    return observed(seen("kexinit"), kind=SshKexinit, **fields)


@each_kind
def test_an_offer_of_strong_algorithms_only_passes(kind: str, case: Callable[..., None]) -> None:
    assert passes(case, offer(), PROFILE)


@pytest.mark.parametrize(("kind", "name"), WEAK)
def test_one_forbidden_name_among_strong_ones_fails_its_own_case_only(kind: str, name: str) -> None:
    weak = offer(**{kind: (*STRONG[kind], name)})
    assert fails(CASES[kind], weak, PROFILE, says=f"offers {name}")
    for other in CASES.keys() - {kind}:
        assert passes(CASES[other], weak, PROFILE)


@each_kind
def test_every_forbidden_name_is_reported(kind: str, case: Callable[..., None]) -> None:
    names = getattr(PROFILE.limits.ssh, kind)
    assert fails(case, offer(**{kind: names}), PROFILE, says=f"offers {', '.join(sorted(names))}")


@each_kind
def test_a_server_that_showed_no_kexinit_leaves_the_case_open(kind: str, case: Callable[..., None]) -> None:
    nothing = observed(silent("kexinit"), kind=SshKexinit)
    assert stays_open(case, nothing, PROFILE, says="no answer on kexinit")
