"""The stand-in for a cloud, met by clients of the standard library in all their habits."""

import contextlib
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.network.servers import tls as tls_client
from drivers.network.servers.client_trust import ClientOffers, ClientOffersSeen, ClientTrust, ClientTrustSeen
from drivers.network.servers.tls import ContactOutcome, TlsClientServer
from drivers.network.tls.bad_certificate import KINDS, Authority, Issued, issue
from drivers.network.tls.records import ClientHello
from drivers.network.tls.strict import objections_to_ca
from lab_config.bench import CloudBench
from suites.data_protection import test_tls_client
from tests.drivers.network.tls.own_certificates import FAULTS_OF_A_CA, write
from tests.drivers.network.tls.test_bad_certificate import HOST, make_ca
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

SECONDS = 30.0
SOON = 0.3
PEM_END = "-----END CERTIFICATE-----"
REQUEST = b"POST /beat HTTP/1.1\r\nHost: cloud.example\r\nContent-Length: 4\r\n\r\nbeat"


@dataclass
class Client:
    """A device that connects again and again until the test ends; `visit` is what it does with each connection."""

    address: tuple[str, int]
    visit: Callable[[socket.socket], None]
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ended.wait(0.01):
            with contextlib.suppress(OSError), socket.create_connection(self.address, SECONDS) as sock:
                self.visit(sock)


@pytest.fixture
def bench(tmp_path: Path) -> CloudBench:
    ca, key = make_ca(tmp_path)
    return CloudBench(address="127.0.0.1", port=free_port(), ca_certificate=ca, ca_key=key)


@pytest.fixture
def server(bench: CloudBench, tmp_path: Path) -> Iterator[TlsClientServer]:
    good = issue("good", HOST, Authority.load(bench.ca_certificate, bench.ca_key), tmp_path)
    with TlsClientServer(bench, good, "127.0.0.1") as running:
        yield running


@pytest.fixture
def connect(server: TlsClientServer) -> Iterator[Callable[[Callable[[socket.socket], None]], None]]:
    """Start a device with a habit."""
    started: list[tuple[Client, threading.Thread]] = []

    def start(visit: Callable[[socket.socket], None]) -> None:
        client = Client((server.bench.address, server.bench.port), visit)
        thread = threading.Thread(target=client.run)
        thread.start()
        started.append((client, thread))

    yield start
    for client, _ in started:
        client.ended.set()
    server.present(server.good)  # ends a connection that is kept open
    for _, thread in started:
        thread.join(SECONDS * 2)
        assert not thread.is_alive()


Connect = Callable[[Callable[[socket.socket], None]], None]


def habit(context: ssl.SSLContext, answers: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    def visit(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_hostname=HOST) as stream:
            stream.sendall(REQUEST)
            answer = stream.recv(100)
            if answers is not None:
                answers.append(answer)

    return visit


def careful(bench: CloudBench) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(bench.ca_certificate))


def careless(bench: CloudBench) -> ssl.SSLContext:
    context = careful(bench)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trust(server: TlsClientServer, folder: Path, *kinds: str, seconds: float = SECONDS) -> ClientTrustSeen:
    authority = Authority.load(server.bench.ca_certificate, server.bench.ca_key)
    bad = tuple(issue(kind, HOST, authority, folder) for kind in kinds)
    return ClientTrust(server, bad, seconds).run(MemoryRecorder())


def test_a_careful_device_refuses_every_bad_certificate(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    answers: list[bytes] = []
    connect(habit(careful(server.bench), answers))
    seen = trust(server, tmp_path, *KINDS)
    assert seen.refused == set(KINDS)
    assert all(seen.row(kind).conclusive for kind in KINDS)
    assert b"HTTP/1.1 204 No Content\r\n\r\n" in answers


def test_a_careless_device_speaks_over_every_bad_certificate(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    connect(habit(careless(server.bench)))
    seen = trust(server, tmp_path, "self_signed", "wrong_host")
    assert seen.seen == {"self_signed", "wrong_host"}
    assert "POST /beat HTTP/1.1" in seen.detail("self_signed")


def test_a_device_that_checks_the_name_after_the_handshake_has_refused(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    context = careful(server.bench)
    context.check_hostname = False

    def visit(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_hostname=HOST) as stream:
            if HOST in str((stream.getpeercert() or {}).get("subjectAltName")):
                stream.sendall(REQUEST)
                stream.recv(100)

    connect(visit)
    assert trust(server, tmp_path, "wrong_host").refused == {"wrong_host"}


def other_client(bench: CloudBench) -> ssl.SSLContext:
    """Return a careless client whose hello differs from the careful one's."""
    context = careless(bench)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    return context


@dataclass
class TwoClients:
    """A device with two TLS clients. The careful one comes first, to each certificate that is presented."""

    server: TlsClientServer
    second: Callable[[str], Callable[[socket.socket], None] | None]
    """Returns what the second client does while this kind of certificate is presented; None: it does not come."""
    presented: list[str] = field(default_factory=lambda: ["good"])
    met: set[int] = field(default_factory=set)

    def present_as(self, present: Callable[[Issued], int]) -> Callable[[Issued], int]:
        def presents(issued: Issued) -> int:
            mark = present(issued)
            self.presented.append(issued.kind)
            return mark

        return presents

    def __call__(self, sock: socket.socket) -> None:
        number = len(self.presented)
        second = self.second(self.presented[-1]) if number in self.met else None
        self.met ^= {number}
        (second or habit(careful(self.server.bench)))(sock)


@pytest.fixture
def two(server: TlsClientServer, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Start a device with two clients, and wait until each of them sent data over the good certificate."""

    def start(second: Callable[[str], Callable[[socket.socket], None] | None]) -> None:
        device = TwoClients(server, second)
        monkeypatch.setattr(server, "present", device.present_as(server.present))
        connect(device)
        for offers_tls13 in (True, False):
            assert server.wait_for(
                lambda one, offers=offers_tls13: (  # type: ignore[misc]
                    one.outcome is ContactOutcome.SPOKE and one.hello and ("TLS1.3" in one.hello.versions) is offers
                ),
                SECONDS,
            )

    return start


def test_a_careless_client_is_found_next_to_a_careful_one_that_comes_first(
    server: TlsClientServer, two: Callable[..., None], tmp_path: Path
) -> None:
    two(lambda _: habit(other_client(server.bench)))
    seen = trust(server, tmp_path, *KINDS)
    assert seen.seen == set(KINDS)


def test_a_certificate_that_one_of_two_clients_was_not_shown_is_left_open(
    server: TlsClientServer, two: Callable[..., None], tmp_path: Path
) -> None:
    two(lambda kind: habit(other_client(server.bench)) if kind == "good" else None)
    row = trust(server, tmp_path, "expired", seconds=2.0).row("expired")
    assert row.silent == {"expired"}
    assert not row.conclusive
    assert "did not connect in time with 1 of its 2 TLS clients" in row.detail("expired")


def test_a_client_that_first_speaks_after_the_bad_certificates_is_shown_them_as_well(
    server: TlsClientServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = TwoClients(server, lambda _: None)
    monkeypatch.setattr(server, "present", device.present_as(server.present))
    first, later = habit(careful(server.bench)), habit(other_client(server.bench))
    refused: list[ssl.SSLError] = []

    def visit(sock: socket.socket) -> None:
        """Once the first client has refused, it stays away: it must not come before the later one to what follows."""
        if device.presented[2:]:
            later(sock)
        elif not refused:
            try:
                first(sock)
            except ssl.SSLError as error:
                refused.append(error)

    connect(visit)
    seen = trust(server, tmp_path, "expired")
    assert seen.seen == {"expired"}


def test_a_handshake_over_a_bad_certificate_that_no_data_follows_is_left_open(
    server: TlsClientServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_client, "SPEAK_SECONDS", 1.0)
    good = ssl.PEM_cert_to_DER_cert(server.good.certificate.read_text().partition("-----END")[0] + PEM_END)

    def visit(sock: socket.socket) -> None:
        with careless(server.bench).wrap_socket(sock, server_hostname=HOST) as stream:
            if stream.getpeercert(binary_form=True) == good:
                stream.sendall(REQUEST)
            stream.recv(100)

    connect(visit)
    row = trust(server, tmp_path, "self_signed").row("self_signed")
    assert row.silent == {"self_signed"}
    assert not row.conclusive
    assert "completed the handshake over the certificate and then sent nothing" in row.unproven


def test_a_device_that_never_comes_proves_nothing(server: TlsClientServer, tmp_path: Path) -> None:
    seen = trust(server, tmp_path, "expired", seconds=SOON)
    assert seen.silent == {"expired"}
    assert not seen.row("expired").conclusive


def test_a_device_that_trusts_nothing_at_all_proves_nothing(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    connect(habit(ssl.create_default_context(cadata=other_ca(tmp_path))))
    seen = trust(server, tmp_path, "self_signed", seconds=SOON)
    assert not seen.row("self_signed").conclusive
    assert "did not send data over the good one" in str(seen.witness)


@pytest.mark.parametrize("fault", ["has no keyUsage (4.2.1.3)", "has basicConstraints that are not critical (4.2.1.9)"])
def test_a_strict_device_that_refuses_the_labs_ca_is_not_judged_by_it(
    server: TlsClientServer, connect: Connect, tmp_path: Path, fault: str
) -> None:
    ca = FAULTS_OF_A_CA[fault]
    (tmp_path / "own").mkdir()
    authority = Authority.load(*write(tmp_path / "own", "ca", [ca.signed_by()], ca.key))
    server.good = issue("good", HOST, authority, tmp_path / "own")
    server.present(server.good)
    strict = ssl.create_default_context(cafile=str(tmp_path / "own" / "ca.pem"))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    connect(habit(strict))
    assert server.wait_for(lambda one: one.outcome is ContactOutcome.ALERT, SECONDS)
    bad = (issue("self_signed", HOST, authority, tmp_path),)
    row = (
        ClientTrust(server, bad, SOON, objections_to_ca(authority.certificate)).run(MemoryRecorder()).row("self_signed")
    )
    test_tls_client.test_device_refuses_a_server_that_it_must_not_trust(row)  # no finding, and
    assert not row.conclusive  # nothing proven either
    assert row.witness is not None
    assert "on its last connection, it refused with an alert" in row.witness.what
    assert f"the CA of the bench may be the cause, because it {fault}" in row.witness.what


def test_a_ca_without_a_fault_is_not_named_as_a_reason(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    connect(habit(ssl.create_default_context(cadata=other_ca(tmp_path))))
    seen = trust(server, tmp_path, "self_signed", seconds=SOON)
    assert "the CA of the bench" not in str(seen.witness)


def other_ca(folder: Path) -> str:
    (folder / "other").mkdir()
    return make_ca(folder / "other")[0].read_text()


def test_a_device_that_comes_once_was_not_shown_the_bad_certificate(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    came = threading.Event()

    def once(sock: socket.socket) -> None:
        if not came.is_set():
            came.set()
            habit(careful(server.bench))(sock)

    connect(once)
    assert server.wait_for(lambda one: one.outcome is ContactOutcome.SPOKE, SECONDS)
    row = trust(server, tmp_path, "expired", seconds=SOON).row("expired")
    assert not row.conclusive
    assert row.witness is not None
    assert "was not shown the certificate" in row.witness.what


HELLO = ClientHello("TLS1.2", (0xC02B, 0xC02F)).encode()
NO_HELLO = [b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\xff\xff", bytes(70_000), HELLO[:3], HELLO[:-1]]
NO_HELLO += [b"\x15\x03\x01\x00\x02\x02\x28", b"\x15\x03\x01\x00\x02\x01\x00"]


@pytest.mark.parametrize("sent", NO_HELLO)
def test_what_is_no_tls_is_noted_and_the_server_lives_on(
    server: TlsClientServer, connect: Connect, sent: bytes
) -> None:
    connect(lambda sock: sock.sendall(sent))
    assert server.wait_for(lambda one: one.outcome is ContactOutcome.BROKEN, SECONDS)
    connect(habit(careful(server.bench)))
    assert server.wait_for(lambda one: one.outcome is ContactOutcome.SPOKE, SECONDS)
    assert {one.outcome for one in server.contacts()} <= {ContactOutcome.BROKEN, ContactOutcome.SPOKE}


def reset(sock: socket.socket) -> None:
    """Let the close of this socket send an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("sent", [b"", HELLO[:-1]])
def test_a_reset_before_a_whole_hello_is_no_handshake(server: TlsClientServer, connect: Connect, sent: bytes) -> None:
    def visit(sock: socket.socket) -> None:
        sock.sendall(sent)
        reset(sock)

    connect(visit)
    contact = server.wait_for(lambda _: True, SECONDS)
    assert contact is not None
    assert contact.outcome is ContactOutcome.BROKEN


@pytest.mark.parametrize("resets", [False, True])
def test_an_end_after_the_certificate_was_shown_is_a_close(
    server: TlsClientServer, connect: Connect, resets: bool
) -> None:
    def visit(sock: socket.socket) -> None:
        say(sock, HELLO)
        if resets:
            reset(sock)

    connect(visit)
    contact = server.wait_for(lambda _: True, SECONDS)
    assert contact is not None
    assert contact.outcome is ContactOutcome.CLOSED


def test_a_close_notify_instead_of_data_is_a_close(server: TlsClientServer, connect: Connect) -> None:
    context, over = careful(server.bench), threading.Event()

    def visit(sock: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        stream, agreed = context.wrap_bio(incoming, outgoing, server_hostname=HOST), False
        while not agreed:
            with contextlib.suppress(ssl.SSLWantReadError):
                stream.do_handshake()
                agreed = True
            sock.sendall(outgoing.read())
            if not agreed:
                incoming.write(sock.recv(4096))
        with contextlib.suppress(ssl.SSLWantReadError):
            stream.unwrap()
        sock.sendall(outgoing.read())
        over.wait(SECONDS)  # the connection itself stays open

    connect(visit)
    contact = server.wait_for(lambda _: True, SECONDS)
    over.set()
    assert contact is not None
    assert (contact.outcome, contact.detail) == (ContactOutcome.CLOSED, "close_notify after the handshake")


@pytest.mark.parametrize("sent", [b"", HELLO[:-1], HELLO])
def test_silence_is_noted_when_its_time_is_over(
    server: TlsClientServer, connect: Connect, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_client, "SPEAK_SECONDS", SOON)

    def visit(sock: socket.socket) -> None:
        sock.sendall(sent)
        while sock.recv(4096):
            pass

    connect(visit)
    contact = server.wait_for(lambda _: True, SECONDS)
    assert contact is not None
    assert contact.outcome is ContactOutcome.MUTE
    assert contact.detail == "no handshake, then silence"


def test_a_port_check_between_two_connections_is_no_answer_to_a_bad_certificate(
    server: TlsClientServer, connect: Connect, tmp_path: Path
) -> None:
    speak, visits = habit(careful(server.bench)), itertools.count()

    def visit(sock: socket.socket) -> None:
        if next(visits) % 2:
            speak(sock)

    connect(visit)
    seen = trust(server, tmp_path, "expired", "wrong_host")
    assert seen.refused == {"expired", "wrong_host"}
    assert "ALERT" in seen.detail("expired").upper()
    assert ContactOutcome.BROKEN in {one.outcome for one in server.contacts()}


def test_a_device_that_only_checks_the_port_was_shown_no_bad_certificate(
    server: TlsClientServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak, present, shown = habit(careful(server.bench)), server.present, ["good"]
    one_at_a_time = threading.Lock()

    def visit(sock: socket.socket) -> None:
        with one_at_a_time:
            if shown[-1] == "good":
                speak(sock)

    def presents(issued: Issued) -> int:
        with one_at_a_time:
            shown.append(issued.kind)
            return present(issued)

    monkeypatch.setattr(server, "present", presents)
    connect(visit)
    row = trust(server, tmp_path, "expired", seconds=SOON).row("expired")
    assert row.silent == {"expired"}
    assert not row.conclusive


def test_strangers_are_counted_and_dropped(bench: CloudBench, tmp_path: Path) -> None:
    good = issue("good", HOST, Authority.load(bench.ca_certificate, bench.ca_key), tmp_path)
    with TlsClientServer(bench, good, "127.0.0.2") as server:
        with socket.create_connection((bench.address, bench.port), SECONDS) as sock:
            assert sock.recv(1) == b""
        server.present(good)
        assert (server.strangers, server.contacts()) == (1, ())


def test_a_port_that_is_taken_is_a_bench_error(server: TlsClientServer, bench: CloudBench) -> None:
    with pytest.raises(BenchError, match="cannot listen on"), TlsClientServer(bench, server.good):
        pass


def offers(server: TlsClientServer) -> ClientOffersSeen:
    return ClientOffers(server, SECONDS).run(MemoryRecorder())


def test_offers_of_a_modern_device_hold_nothing_weak(server: TlsClientServer, connect: Connect) -> None:
    context = careful(server.bench)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    connect(habit(context))
    seen = offers(server)
    assert seen.versions == ("TLS1.3", "TLS1.2")
    assert seen.server_name == HOST
    assert {"SSLv2", "SSLv3", "TLS1.0", "TLS1.1", "RC4", "NULL", "CBC_SHA1", "no_forward_secrecy"} <= seen.refused
    assert seen.conclusive


def test_weak_suites_are_seen_by_family(server: TlsClientServer, connect: Connect) -> None:
    connect(lambda sock: say(sock, ClientHello("TLS1.2", (0x0005, 0xC02F)).encode()))
    seen = offers(server)
    assert {"RC4", "no_forward_secrecy"} <= seen.seen
    assert "TLS_RSA_WITH_RC4_128_SHA" in seen.detail("RC4")


def test_a_hello_that_names_its_newest_version_alone_leaves_the_older_ones_open(
    server: TlsClientServer, connect: Connect
) -> None:
    connect(lambda sock: say(sock, ClientHello("TLS1.2", (0xC02F,)).encode()))
    seen = offers(server)
    assert {fact.about: fact.answer for fact in seen.facts if "1." in fact.about} == {
        "TLS1.0": Answer.SILENT,
        "TLS1.1": Answer.SILENT,
        "TLS1.2": Answer.SEEN,
        "TLS1.3": Answer.REFUSED,
    }
    assert not seen.conclusive


def say(sock: socket.socket, hello: bytes) -> None:
    sock.sendall(hello)
    sock.settimeout(SECONDS)
    sock.recv(1)
