"""TLS servers for these tests: the standard library's, tlslite's for what OpenSSL has forgotten, and one of bytes."""

import contextlib
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import trustme

from drivers.network.tls.records import VERSIONS
from tests.drivers.network.loopback_servers import require_client
from tests.drivers.network.tcp_servers import Handler, serve, silent

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # tlslite still imports asyncore
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    from tlslite.errors import TLSError

TLSLITE = {"SSLv3": (3, 0), "TLS1.0": (3, 1), "TLS1.1": (3, 2), "TLS1.2": (3, 3), "TLS1.3": (3, 4)}
OPENSSL = {
    "TLS1.0": ssl.TLSVersion.TLSv1,
    "TLS1.1": ssl.TLSVersion.TLSv1_1,
    "TLS1.2": ssl.TLSVersion.TLSv1_2,
    "TLS1.3": ssl.TLSVersion.TLSv1_3,
}


@cache
def authority() -> trustme.CA:
    """The CA of these tests."""
    return trustme.CA(key_type=trustme.KeyType.RSA)


@cache
def rsa_certificate() -> trustme.LeafCert:
    """A good certificate for localhost."""
    return authority().issue_cert("device.example", "127.0.0.1", key_type=trustme.KeyType.RSA)


@contextlib.contextmanager
def openssl_server(
    lowest: str, highest: str, ciphers: str = "ALL:@SECLEVEL=0", certificate: trustme.LeafCert | None = None
) -> Iterator[int]:
    """Yield the port of a TLS server by the standard library that accepts this range of versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = OPENSSL[lowest]
        context.maximum_version = OPENSSL[highest]
    (certificate or rsa_certificate()).configure_cert(context)

    def handle(connection: socket.socket) -> None:
        require_client(connection)
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as session:
            session.recv(1)

    with serve(handle) as port:
        yield port


@contextlib.contextmanager
def tlslite_server(versions: Sequence[str], ciphers: Sequence[str]) -> Iterator[int]:
    """Yield the port of a TLS server by tlslite-ng, which still has SSLv3, RC4, 3DES and NULL."""
    chain = X509CertChain()
    chain.parsePemList(b"".join(pem.bytes() for pem in rsa_certificate().cert_chain_pems).decode())
    key = parsePEMKey(rsa_certificate().private_key_pem.bytes().decode(), private=True)
    settings = HandshakeSettings()
    settings.versions = [TLSLITE[version] for version in versions]
    settings.minVersion, settings.maxVersion = min(settings.versions), max(settings.versions)
    settings.cipherNames = list(ciphers)
    settings.macNames = ["sha", "md5", "sha256"]
    settings.useEncryptThenMAC = False

    def handle(connection: socket.socket) -> None:
        session = TLSConnection(connection)
        with contextlib.suppress(TLSError):
            session.handshakeServer(certChain=chain, privateKey=key, settings=settings)

    with serve(handle) as port:
        yield port


@contextlib.contextmanager
def scripted_server(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Yield the port of a server that answers a hello with bytes; b"" closes at once, None says nothing and waits."""
    with serve(scripted(answer)) as port:
        yield port


def scripted(answer: Callable[[bytes], bytes | None]) -> Handler:
    """Make a handler of a function from a whole ClientHello to the answer."""

    def handle(connection: socket.socket) -> None:
        hello = connection.recv(65_536)
        data = answer(hello) if hello else b""
        if data is None or data:
            connection.sendall(data or b"")
            silent(connection)

    return handle


def offered(hello: bytes) -> tuple[int, list[int]]:
    """Return the version and suites of a ClientHello, without a look at our own encoder."""
    session = hello[43]
    count = int.from_bytes(hello[44 + session : 46 + session])
    listed = hello[46 + session : 46 + session + count]
    suites = [int.from_bytes(listed[place : place + 2]) for place in range(0, count, 2)]
    return int.from_bytes(hello[9:11]), suites


def choose(version: str, suite: int) -> bytes:
    """A ServerHello in a record."""
    code = VERSIONS[version].to_bytes(2)
    body = code + bytes(32) + b"\x00" + suite.to_bytes(2) + b"\x00"
    return b"\x16" + code + (len(body) + 4).to_bytes(2) + b"\x02" + len(body).to_bytes(3) + body


def refuse(description: int = 40) -> bytes:
    """A fatal alert in a record."""
    return b"\x15\x03\x01\x00\x02\x02" + bytes([description])
