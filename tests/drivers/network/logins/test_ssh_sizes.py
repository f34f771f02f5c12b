"""Host keys that an SSH server shows, one key exchange for each kind."""

import paramiko
import pytest

from drivers.network.logins import ssh_sizes
from drivers.network.logins.ssh_algorithms import read_kexinit
from drivers.network.logins.ssh_sizes import host_keys
from tests.drivers.network.logins.ssh_servers import Rules, host_key, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.free_ports import free_port

SECONDS = 20.0
RSA = paramiko.RSAKey.generate(2048)
EXCHANGES = ("curve25519-sha256",)


@pytest.mark.parametrize("others", [[], [RSA]], ids=["alone", "with RSA"])
def test_each_key_of_a_server_is_shown(others: list[paramiko.PKey]) -> None:
    with ssh_server(Rules(), others=others) as port:
        found = read_kexinit(LOOPBACK, port)
        assert found is not None
        keys, unread = host_keys(LOOPBACK, port, found.lists, SECONDS)
    assert sorted(keys) == sorted(key.asbytes() for key in (host_key(), *others))
    assert unread == ()


ENDED = "the server ended the key exchange"


@pytest.mark.parametrize(
    ("answers", "unread"),
    [
        ({"ssh-ed25519": [b"key"], "rsa-sha2-512": [ENDED, ENDED]}, ()),
        ({"ssh-ed25519": [b"key"], "rsa-sha2-512": [ENDED, b"late"]}, ("rsa-sha2-512",)),
        ({"ssh-ed25519": [b"key"], "rsa-sha2-512": ["a time-out", ENDED]}, ("rsa-sha2-512",)),
        ({"ssh-ed25519": [b"key", "a time-out"], "rsa-sha2-512": [ENDED]}, ("rsa-sha2-512",)),
        ({"ssh-ed25519": [ENDED], "rsa-sha2-512": [ENDED]}, ("rsa-sha2-512", "ssh-ed25519")),
    ],
)
def test_a_kind_is_absent_only_if_its_exchange_ends_again_while_another_one_is_answered(
    answers: dict[str, list[bytes | str]], unread: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def talked(_target: object, _port: int, offer: ssh_sizes._Offer, *_: object) -> bytes | str:
        left = answers[offer.host_key]
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(ssh_sizes, "_talked", talked)
    assert host_keys(LOOPBACK, 22, [EXCHANGES, tuple(answers)], SECONDS)[1] == unread


def test_a_kind_that_a_server_does_not_show_is_unread() -> None:
    lists = [EXCHANGES, ("rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "a-cert-v01@openssh.com"), *[("",)] * 8]
    assert host_keys(LOOPBACK, free_port(), lists, SECONDS) == ((), ("rsa-sha2-512", "ssh-ed25519"))


def test_no_key_is_read_where_no_key_exchange_is_known() -> None:
    assert host_keys(LOOPBACK, free_port(), [("new",), ("ssh-ed25519",), *[("",)] * 8], SECONDS) == (
        (), ("ssh-ed25519",)
    )  # fmt: skip


def test_a_port_that_is_closed_offers_nothing() -> None:
    assert read_kexinit(LOOPBACK, free_port()) is None
