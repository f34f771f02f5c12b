"""The certificate of a TLS server: fetched in a healthy session, or from the clear bytes of an old one.

Says what the certificate holds and whether its chain leads to a trust anchor; whether that is enough, and whether the
dates are right, is said by the cases.
"""

import contextlib
import hashlib
import ipaddress
import re
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from OpenSSL import SSL, crypto
from pydantic import AwareDatetime

from drivers.network.target import Target, answer_of
from drivers.network.tls.asking import ANSWER_SECONDS, HelloEnd, exchange, read_reply
from drivers.network.tls.certificate_bytes import CertificateDecodeError
from drivers.network.tls.certificate_fields import (
    NO_CHECK_TIME,
    CertificateKey,
    load,
    read_chain_key,
    read_fields,
)
from drivers.network.tls.records import ClientHello, certificates
from drivers.network.tls.suite_table import suites
from lab_config.certificate import Pin
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

HANDSHAKE_BYTES = 262_144
CHAIN = 10
"""Certificates that are read of a chain."""
_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: servers without RFC 5746
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*")


class ServerCertificate(Observation):
    """What a server's certificate holds; one fact, about `certificate`. Fields are empty where it was not read."""

    subject: str = ""
    issuer: str = ""
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    key_type: str = ""
    """RSA, RSA-PSS, EC, Ed25519, Ed448, DSA, or OpenSSL's number of another type."""
    key_bits: int = 0
    signature_hash: str = ""
    """sha256, sha1, md4 ...; for EdDSA the hash inside of it; the algorithm's number if it is unknown."""
    extended_key_usage: tuple[str, ...] = ()
    """RFC 5280's names (serverAuth), dotted numbers for others; empty where the extension is absent."""
    is_ca: bool = False
    self_signed: bool = False
    chain_trusted: bool = False
    """The chain leads to the trust anchor; dates, names and usages are not looked at."""
    chain_error: str = ""
    unread: frozenset[str] = frozenset()
    """Fields that the certificate has and that could not be parsed; they are empty."""
    malformed: tuple[str, ...] = ()
    """What RFC 5280 does not allow about it, and was read all the same."""
    further: tuple[CertificateKey, ...] = ()
    """The other certificates that the server sent, in its order."""
    pem: str = ""
    """The server's own certificate; the whole chain is in the evidence."""
    certificate_sha256: str = ""
    """Of its own certificate as it was sent, as hexadecimal digits. Empty in evidence that does not hold it."""
    public_key_sha256: str = ""
    """Of its SubjectPublicKeyInfo, in base64 (RFC 7469, 2.4)."""

    def digest_for(self, pin: Pin) -> str:
        """Return the SHA-256 that a peer compares with this pin: of the certificate, or of the public key."""
        return self.certificate_sha256 if pin.public_key is None else self.public_key_sha256

    def covers(self, name: str) -> bool:
        """Whether a DNS name (RFC 6125, 6.4: a wildcard is the whole leftmost label) or an IP address is listed."""
        with contextlib.suppress(ValueError):
            wanted = ipaddress.ip_address(name)
            return str(wanted) in self.ip_addresses
        host = name.rstrip(".").lower()
        parent = host.partition(".")[2]
        known = {entry.rstrip(".").lower() for entry in self.dns_names}
        return host in known or (bool(parent) and f"*.{parent}" in known)


@dataclass(frozen=True)
class ReadCertificate:
    """Read the certificate of a TLS server, and verify its chain.

    `trust_anchor` is a PEM file of the CAs that may issue it, None for those that this machine trusts. The first of
    `names` that is a host name goes into SNI.
    """

    target: Target
    port: int
    trust_anchor: Path | None
    names: tuple[str, ...]
    seconds: float = ANSWER_SECONDS

    @property
    def name(self) -> str:
        """One observation a port."""
        return f"certificate.{self.port}"

    def run(self, record: Recorder) -> ServerCertificate:
        """Shake hands with the widest settings OpenSSL still has, then ask with our own codec if that fails."""
        store = _trust_store(self.trust_anchor)
        chain, detail = self._by_openssl(record)
        answer = Answer.SEEN
        if not chain:
            chain, answer, detail = self._by_own_codec(record)
        if not chain:
            return self._observed(answer, detail, {})
        pems = "".join(ssl.DER_cert_to_PEM_cert(der) for der in chain)
        record.keep("chain.pem", pems.encode())
        loaded = load(chain[0])
        try:
            found = read_fields(chain[0], loaded)
        except CertificateDecodeError as error:
            return self._observed(Answer.SILENT, f"a certificate that cannot be parsed: {printable(str(error))}", {})
        if loaded is None:
            found.unread["chain_trusted"] = "OpenSSL does not take the certificate"
        trusted, words = _verify(store, loaded, chain[1:]) if loaded is not None else (False, "")
        fields = found.known | {
            "unread": frozenset(found.unread),
            "malformed": tuple(found.remarks),
            "further": tuple(read_chain_key(der) for der in chain[1:CHAIN]),
            "chain_trusted": trusted,
            "chain_error": words,
            "pem": ssl.DER_cert_to_PEM_cert(chain[0]),
            "certificate_sha256": hashlib.sha256(chain[0]).hexdigest(),
            "public_key_sha256": found.public_key_sha256,
        }
        details = ", ".join(f"{field} ({why})" for field, why in found.unread.items())
        detail += f"; cannot be parsed: {details}" if found.unread else ""
        detail += f"; malformed: {'; '.join(found.remarks)}" if found.remarks else ""
        return self._observed(answer, detail, fields)

    def _observed(self, answer: Answer, detail: str, fields: dict[str, object]) -> ServerCertificate:
        read = answer is Answer.SEEN
        words = printable(detail)
        asked = Asked(door=f"tcp/{self.port}", shape="a certificate in a handshake")
        known = {
            "question": f"Which certificate does tcp/{self.port} show?",
            "facts": (Fact(about="certificate", answer=answer, detail=words),),
            "witness": Witness(
                what=f"the certificate of tcp/{self.port} was {'parsed' if read else f'not parsed: {words}'}",
                holds=read,
                asked=asked,
            ),
            "asked": asked,
        }
        return ServerCertificate.model_validate(known | fields)

    @property
    def _server_name(self) -> str:
        hosts = (name for name in self.names if _HOST_NAME.fullmatch(name) and not name.rpartition(".")[2].isdigit())
        return next(hosts, "")

    def _by_openssl(self, record: Recorder) -> tuple[list[bytes], str]:
        """Return the chain of a completed handshake, leaf first, or nothing and the reason."""
        session = _session(self._server_name)
        try:
            with self.target.connect(self.port) as sock:
                _shake_hands(session, sock, time.monotonic() + self.seconds)
        except OSError as error:
            words = f"{answer_of(error)}: {error}"
        except SSL.Error as error:
            words = f"{type(error).__name__} {error}"
        else:
            chain = session.get_peer_cert_chain() or []
            record.note(f"OpenSSL: {session.get_protocol_version_name()} {session.get_cipher_name()}, {len(chain)}")
            ders = [crypto.dump_certificate(crypto.FILETYPE_ASN1, entry) for entry in chain]
            return ders, f"shown in {session.get_protocol_version_name()}"
        record.note(f"OpenSSL did not complete a handshake: {words}")
        return [], words

    def _by_own_codec(self, record: Recorder) -> tuple[list[bytes], Answer, str]:
        """Read the Certificate message that servers up to TLS 1.2 send in clear, also where no session can follow."""
        replies = []
        for version in ("TLS1.2", "TLS1.0", "SSLv3"):
            hello = ClientHello(version, suites().common, self._server_name).encode()
            talk = exchange(self.target, self.port, hello, certificates, self.seconds)
            record.keep(f"first_flight.{version}", talk.received)
            found = certificates(talk.received) if talk.end is HelloEnd.ANSWERED else None
            if isinstance(found, tuple) and found:
                return list(found), Answer.SEEN, f"shown in clear to a ClientHello of {version}"
            reply = read_reply(talk)
            record.note(f"our ClientHello of {version}: {reply.answer}: {reply.detail}")
            if reply.answer is Answer.SEEN:
                replies.append((Answer.SILENT, f"{reply.detail}, but no certificate"))
            else:
                replies.append((reply.answer, reply.detail))
        answer, detail = next((reply for reply in replies if reply[0] is Answer.SILENT), replies[0])
        return [], answer, detail


def _session(server_name: str) -> SSL.Connection:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_options(_LEGACY_SERVER_CONNECT)
    session = SSL.Connection(context, None)
    if server_name:
        session.set_tlsext_host_name(server_name.encode("ascii"))
    session.set_connect_state()
    return session


def _shake_hands(session: SSL.Connection, sock: socket.socket, deadline: float) -> None:
    """Carry the handshake's bytes by hand, so that bytes and time are bounded. Raises OSError or SSL.Error."""
    budget = HANDSHAKE_BYTES
    while True:
        try:
            session.do_handshake()
        except SSL.WantReadError:
            _flush(session, sock, deadline)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            data = sock.recv(16_384)
            budget -= len(data)
            if not data:
                raise ConnectionAbortedError("the connection was closed during the handshake") from None
            if budget < 0:
                raise TimeoutError("more bytes than a handshake can hold") from None
            session.bio_write(data)
        else:
            _flush(session, sock, deadline)
            return


def _flush(session: SSL.Connection, sock: socket.socket, deadline: float) -> None:
    with contextlib.suppress(SSL.WantReadError):
        while True:
            data = session.bio_read(16_384)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            sock.sendall(data)


def _trust_store(trust_anchor: Path | None) -> crypto.X509Store:
    """Return the CAs that a chain may end at. Raises ConfigurationError for a file that holds none."""
    store = crypto.X509Store()
    flags = NO_CHECK_TIME
    if trust_anchor is None:
        paths = ssl.get_default_verify_paths()
        file, folder = paths.cafile, paths.capath
    else:
        file, folder = str(trust_anchor), None
        flags |= crypto.X509StoreFlags.PARTIAL_CHAIN  # the file may hold the issuing CA without its root
    try:
        store.load_locations(file, folder)
    except (crypto.Error, TypeError) as error:
        raise ConfigurationError(
            f"{trust_anchor or 'the list of CAs of this machine'} contains no certificate that can be parsed.",
            "Name a PEM file with the CA that issues the product's certificate in `trust_anchor` of the bench file.",
        ) from error
    store.set_flags(flags)
    return store


def _verify(store: crypto.X509Store, leaf: crypto.X509, others: list[bytes]) -> tuple[bool, str]:
    issuers = []
    for der in others:
        with contextlib.suppress(crypto.Error):
            issuers.append(crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    try:
        crypto.X509StoreContext(store, leaf, issuers).verify_certificate()
    except (crypto.X509StoreContextError, crypto.Error) as error:
        return False, printable(str(error), 300)
    return True, ""
