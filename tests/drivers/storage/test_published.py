"""Published private keys: which they are, and whether a device uses one of them as its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from drivers.network.logins.ssh_kexinit import LISTS, Kexinit
from drivers.network.target import Target
from drivers.storage.published import Presented, PresentedKeys, public_half, published
from drivers.storage.search import MOST_PUBLISHED, PublishedKeys, search_unpacked
from lab_config.component import Service, Transport
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.network.tls.test_certificate import self_signed
from tests.drivers.network.tls.tls_servers import openssl_server
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.storage.compressed import FILLER, image_of
from tests.drivers.storage.test_unpack import KEYS, PUBLISHED
from tests.free_ports import free_port

KEY = load_pem_private_key(PUBLISHED, None)
assert isinstance(KEY, ec.EllipticCurvePrivateKey)
HALF = public_half(PUBLISHED)
RSA = paramiko.RSAKey.generate(2048)
P384 = paramiko.ECDSAKey.generate(bits=384)


def service(port: int, protocol: str, *, tls: bool, transport: Transport = Transport.TCP) -> Service:
    values = {"id": "it", "transport": transport, "port": port, "protocol": protocol, "tls": tls, "purpose": "test"}
    return Service.model_validate(values)


@contextlib.contextmanager
def presenting(key: ec.EllipticCurvePrivateKey) -> Iterator[int]:
    with openssl_server("TLS1.2", "TLS1.3", certificate=self_signed(key)) as port:
        yield port


@pytest.mark.parametrize(
    "written", [PUBLISHED, PUBLISHED.replace(b"\n", b"\r\n"), PUBLISHED.replace(b"\n", b"\\n")], ids=repr
)
def test_the_public_half_of_a_published_key_is_derived_in_any_notation(written: bytes) -> None:
    pem = published(written + FILLER)
    assert pem is not None
    assert len(HALF) == 64
    assert public_half(pem) == HALF


def test_another_key_is_not_published() -> None:
    assert published(PUBLISHED.replace(b"MHcCAQ", b"MHcCAR")) is None


def test_what_only_begins_like_a_published_key_has_no_public_half() -> None:
    pem = published(PUBLISHED[:180])
    assert pem is not None
    assert public_half(pem) == ""


def test_published_keys_are_collected_and_are_no_places(tmp_path: Path) -> None:
    keys: PublishedKeys = {}
    found, _ = search_unpacked(image_of(FILLER + PUBLISHED + FILLER + PUBLISHED, tmp_path), [KEYS], keys)
    assert found == {"keys": ()}
    assert [(public_half(pem), place.offset) for pem, place in keys.items()] == [(HALF, len(FILLER))]


def test_keys_that_only_begin_like_a_published_one_are_collected_up_to_a_bound(tmp_path: Path) -> None:
    octets = b"".join(PUBLISHED[:190] + b"%04d\n-" % number for number in range(MOST_PUBLISHED * 3))
    keys: PublishedKeys = {}
    found, _ = search_unpacked(image_of(octets, tmp_path), [KEYS], keys)
    assert len(keys) == MOST_PUBLISHED
    assert [place.offset for place in found["keys"]] == [MOST_PUBLISHED * 196]


def test_a_published_key_that_was_found_before_is_no_place_however_many_there_are(tmp_path: Path) -> None:
    others = b"".join(PUBLISHED[:190] + b"%04d\n-" % number for number in range(MOST_PUBLISHED - 1))
    keys: PublishedKeys = {}
    found, _ = search_unpacked(image_of(PUBLISHED + others + PUBLISHED, tmp_path), [KEYS], keys)
    assert (len(keys), found) == (MOST_PUBLISHED, {"keys": ()})


def test_the_key_of_a_certificate_is_presented() -> None:
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    with presenting(KEY) as port:
        keys = PresentedKeys(LOOPBACK, (service(port, "http", tls=True),)).read(MemoryRecorder())
    assert keys == Presented({HALF: f"tcp/{port}"})


def test_another_key_of_a_certificate_is_presented_as_itself() -> None:
    with presenting(ec.generate_private_key(ec.SECP256R1())) as port:
        keys = PresentedKeys(LOOPBACK, (service(port, "http", tls=True),)).read(MemoryRecorder())
    assert len(keys.keys) == 1
    assert HALF not in keys.keys
    assert keys.unread == ()


@pytest.mark.parametrize("others", [[], [RSA], [P384], [P384, RSA]], ids=["alone", "RSA", "EC", "both"])
def test_each_host_key_of_ssh_is_presented(others: list[paramiko.PKey]) -> None:
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    key = paramiko.ECDSAKey(vals=(KEY, KEY.public_key()))
    with ssh_server(Rules(), key=key, others=others) as port:
        presented = PresentedKeys(LOOPBACK, (service(port, "ssh", tls=False),)).read(MemoryRecorder())
    assert presented.keys[HALF] == f"tcp/{port}"
    assert len(presented.keys) == 1 + len(others)
    assert presented.unread == ()


@pytest.mark.parametrize(
    ("keys", "unread"),
    [
        ((), ()),
        ((), ("ssh-ed25519",)),
        ((b"",), ()),
        ((b"\0\0\0\x07ssh-rsa",), ()),
        ((b"\xff" * 40,), ()),
        ((RSA.asbytes(),), ("ssh-ed25519",)),
        ((RSA.asbytes(), b"\xff" * 40), ()),
    ],
)
def test_a_host_key_that_was_not_read_names_the_port(
    keys: tuple[bytes, ...], unread: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.storage.published.read_kexinit", lambda *_: Kexinit(((),) * LISTS))
    monkeypatch.setattr("drivers.storage.published.host_keys", lambda *_: (keys, unread))
    presented = PresentedKeys(LOOPBACK, (service(22, "ssh", tls=False),)).read(MemoryRecorder())
    assert len(presented.keys) == (RSA.asbytes() in keys)
    assert presented.unread == ("tcp/22",)


def test_a_service_whose_key_cannot_be_read_is_named_and_one_without_a_key_is_not() -> None:
    closed = free_port()
    services = (
        service(closed, "http", tls=True),
        service(closed, "http", tls=False),
        service(5684, "coap", tls=True, transport=Transport.UDP),
        service(5683, "coap", tls=False, transport=Transport.UDP),
    )
    record = MemoryRecorder()
    assert PresentedKeys(LOOPBACK, services).read(record) == Presented(unread=(f"tcp/{closed}", "udp/5684"))
    assert record.notes[-2] == f"tcp/{closed} presents no key that could be read"


def test_a_service_that_the_bench_does_not_forward_is_named() -> None:
    target = Target(LOOPBACK.bench.model_copy(update={"port_map": {"tcp/1": 1}}))
    services = (service(8443, "http", tls=True), service(22, "ssh", tls=False))
    assert PresentedKeys(target, services).read(MemoryRecorder()).unread == ("tcp/8443", "tcp/22")
