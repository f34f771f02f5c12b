"""The version and suite probes, against servers that really have what they are asked for, and against hostile ones."""

import socket
from collections.abc import Callable

import pytest

from drivers.network.tls import suite_table as tls_server
from drivers.network.tls.dh_groups import DH_BELOW_2048
from drivers.network.tls.records import VERSIONS
from drivers.network.tls.suite_table import suites
from drivers.network.tls.versions_and_suites import TlsSuites, TlsVersions
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.tcp_servers import LOOPBACK, Recorder, serve
from tests.drivers.network.tls import tls_servers as tls
from tests.free_ports import free_port
from trustprobe.probe import Observation

QUICK = 0.2
EXPORT = 0x0003
ASKED = {*suites().families, DH_BELOW_2048}
RC4 = 0x0005


def versions_of(port: int, seconds: float = 6.0) -> Observation:
    return TlsVersions(LOOPBACK, port, seconds=seconds).run(Recorder())


def suites_of(port: int, seconds: float = 6.0) -> Observation:
    return TlsSuites(LOOPBACK, port, seconds=seconds).run(Recorder())


@pytest.mark.parametrize(
    ("lowest", "highest", "seen"),
    [
        ("TLS1.0", "TLS1.0", {"TLS1.0"}),
        ("TLS1.0", "TLS1.3", {"TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"}),
        ("TLS1.2", "TLS1.2", {"TLS1.2"}),
        ("TLS1.3", "TLS1.3", {"TLS1.3"}),
    ],
)
def test_exactly_the_versions_of_an_openssl_server_are_seen(lowest: str, highest: str, seen: set[str]) -> None:
    with tls.openssl_server(lowest, highest) as port:
        found = versions_of(port)
    assert found.seen == seen
    assert found.refused == set(VERSIONS) - seen
    assert found.witness is not None
    assert found.witness.holds
    assert found.witness.what == (
        f"tcp/{port} answered the same codec with a ServerHello for {highest} before and after"
    )


@pytest.mark.parametrize("version", ["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2"])
def test_a_server_of_one_old_version_is_seen_with_that_version_only(version: str) -> None:
    with tls.tlslite_server([version], ["aes128"]) as port:
        found = versions_of(port)
    assert found.seen == {version}
    assert found.conclusive


def test_a_version_that_is_answered_by_a_lower_one_is_refused() -> None:
    with tls.openssl_server("TLS1.0", "TLS1.0") as port:
        found = versions_of(port)
    assert found.detail("TLS1.2") == "answered with TLS1.0 instead"


def test_an_alert_is_named() -> None:
    with tls.openssl_server("TLS1.2", "TLS1.2") as port:
        assert versions_of(port).detail("TLS1.0") == "alert protocol_version"


def test_sslv2_is_seen_where_a_server_speaks_it() -> None:
    body = b"\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x10\x07\x00\xc0" + bytes(16)
    answer = (0x8000 | len(body)).to_bytes(2) + body
    with tls.scripted_server(lambda hello: answer if hello[:1] == b"\x80" else tls.refuse(70)) as port:
        found = versions_of(port)
    assert found.seen == {"SSLv2"}
    assert "SSL_CK_DES_192_EDE3_CBC_WITH_MD5" in found.detail("SSLv2")


@pytest.mark.parametrize(
    ("said", "is_refused"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", True), (b"HTTP/1.1 200 OK\r\n\r\n", False)]
)
def test_a_server_that_waits_for_the_end_of_a_request_in_clear_refuses_sslv2(said: bytes, is_refused: bool) -> None:
    def answer(hello: bytes) -> bytes | None:
        if hello[:1] == b"\x80":
            return said if hello.endswith(b"\r\n\r\n") else None
        version, listed = tls.offered(hello)
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else tls.refuse(70)

    with tls.scripted_server(answer) as port:
        found = versions_of(port, QUICK)
    assert ("SSLv2" in found.refused) is is_refused
    assert found.about("SSLv2").conclusive is is_refused


@pytest.mark.parametrize("end", [tcp.closing, tcp.resetting, lambda connection: connection.sendall(b"220 Ready\r\n")])
def test_an_end_that_only_the_octets_after_an_sslv2_hello_met_is_no_refusal(end: tcp.Handler) -> None:
    def answer(hello: bytes) -> bytes | None:
        if hello[:1] == b"\x80":
            return None
        version, listed = tls.offered(hello)
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else tls.refuse(70)

    def handle(connection: socket.socket) -> None:
        if connection.recv(65_536, socket.MSG_PEEK).endswith(b"\r\n\r\n"):
            end(connection)
        else:
            tls.scripted(answer)(connection)

    record = Recorder()
    with serve(handle) as port:
        found = TlsVersions(LOOPBACK, port, seconds=QUICK).run(record)
    assert "SSLv2" in found.silent
    assert not found.about("SSLv2").conclusive
    assert b"0d0a0d0a\n" in record.kept["exchanges.txt"], "what is not counted is evidence as well"
    assert b"# not counted: " in record.kept["exchanges.txt"]


def test_a_server_with_one_rare_suite_is_found() -> None:
    krb5 = 0x002B

    def answer(hello: bytes) -> bytes:
        if hello[:1] == b"\x80":
            return b""
        version, listed = tls.offered(hello)
        return tls.choose("TLS1.0", krb5) if version >= 0x0301 and krb5 in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        assert versions_of(port).seen == {"TLS1.0"}


def test_a_server_that_cannot_take_extensions_is_found() -> None:
    def answer(hello: bytes) -> bytes:
        if hello[:1] == b"\x80":
            return b""
        version, listed = tls.offered(hello)
        plain = len(hello) == 46 + hello[43] + 2 * len(listed) + 2
        return tls.choose("TLS1.0", 0x002F) if plain and version == 0x0301 else b""

    with tls.scripted_server(answer) as port:
        assert versions_of(port).seen == {"TLS1.0"}


def test_a_connection_closed_without_an_alert_is_the_devices_own_refusal() -> None:
    with serve(tcp.closing) as port:
        found = versions_of(port)
    assert found.refused == set(VERSIONS)
    assert found.detail("TLS1.0") == "closed the connection without an alert"
    assert not found.conclusive


def test_a_reset_is_the_devices_own_refusal() -> None:
    with serve(tcp.resetting) as port:
        found = versions_of(port)
    assert found.detail("TLS1.2") == "reset the connection without an alert"
    assert not found.conclusive


def test_a_mute_server_is_silent_and_witnesses_nothing() -> None:
    with serve(tcp.silent) as port:
        found = versions_of(port, QUICK)
    assert found.silent == set(VERSIONS)
    assert not found.conclusive


def test_a_server_of_http_in_clear_refuses_in_its_own_words_and_witnesses_nothing() -> None:
    with serve(tcp.garbage) as port:
        found = versions_of(port)
    assert found.refused == set(VERSIONS)
    assert not found.conclusive


def test_what_is_no_tls_is_silence_and_is_printable() -> None:
    with serve(tcp.endless) as port:
        found = versions_of(port)
    assert found.silent == set(VERSIONS)
    assert all(fact.detail.isprintable() for fact in found.facts)
    assert not found.conclusive


def test_records_without_end_are_read_up_to_a_bound() -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        while True:
            connection.sendall(b"\x15\x03\x01\x00\x02\x01\x70" * 4_096)

    with serve(handle) as port:
        found = TlsSuites(LOOPBACK, port).run(Recorder())
    assert found.silent == ASKED
    assert not found.conclusive


def test_a_port_that_is_closed_is_never_a_refusal() -> None:
    found = versions_of(free_port())
    assert found.silent == set(VERSIONS)
    assert found.detail("TLS1.3").startswith("not tested: the port did not accept the TCP connection")
    assert not found.conclusive


def test_a_server_that_goes_mute_in_the_middle_leaves_no_witness() -> None:
    asked: list[bytes] = []

    def answer(hello: bytes) -> bytes:
        asked.append(hello)
        return tls.choose("TLS1.2", 0xC02F) if len(asked) < 4 and hello[:1] == b"\x16" else b""

    with tls.scripted_server(answer) as port:
        found = versions_of(port)
    assert not found.conclusive


def test_the_exchanges_are_kept_in_both_directions() -> None:
    record = Recorder()
    with tls.openssl_server("TLS1.2", "TLS1.2") as port:
        TlsVersions(LOOPBACK, port).run(record)
    lines = record.kept["exchanges.txt"].decode().splitlines()
    assert any(line.startswith("> 16030") for line in lines)
    assert any(line.startswith("< 160303") for line in lines)


def test_probes_have_a_name_for_each_port() -> None:
    assert TlsVersions(LOOPBACK, 443).name == "tls_versions.443"
    assert TlsSuites(LOOPBACK, 8443).name == "tls_suites.8443"


@pytest.mark.parametrize(
    ("version", "cipher", "family", "suite"),
    [
        ("SSLv3", "rc4", "RC4", "RC4_128"),
        ("TLS1.0", "rc4", "RC4", "RC4_128"),
        ("TLS1.2", "3des", "DES_3DES", "3DES_EDE_CBC_SHA"),
        ("TLS1.2", "null", "NULL", "WITH_NULL_SHA"),
        ("TLS1.0", "aes128", "CBC_SHA1", "AES_128_CBC_SHA"),
    ],
)
def test_a_weak_suite_is_seen_and_named(version: str, cipher: str, family: str, suite: str) -> None:
    with tls.tlslite_server([version], [cipher]) as port:
        found = suites_of(port)
    assert family in found.seen
    assert suite in found.detail(family)
    assert version in found.detail(family)
    assert found.conclusive


def test_anonymous_suites_are_seen() -> None:
    with tls.openssl_server("TLS1.2", "TLS1.2", "AECDH-AES128-SHA:ECDHE+AESGCM:@SECLEVEL=0") as port:
        found = suites_of(port)
    assert found.seen == {"anonymous", "CBC_SHA1"}
    assert "TLS_ECDH_anon_WITH_AES_128_CBC_SHA" in found.detail("anonymous")


def test_rsa_key_exchange_is_no_forward_secrecy() -> None:
    with tls.openssl_server("TLS1.2", "TLS1.2", "AES128-GCM-SHA256:@SECLEVEL=0") as port:
        found = suites_of(port)
    assert found.seen == {"no_forward_secrecy"}
    assert "TLS_RSA_WITH_AES_128_GCM_SHA256" in found.detail("no_forward_secrecy")


def test_an_export_suite_beside_good_ones_is_found_in_an_old_hello_only() -> None:
    def answer(hello: bytes) -> bytes:
        if hello[:1] == b"\x80":
            return b""
        version, listed = tls.offered(hello)
        if version == 0x0303 and 0xC02F in listed:
            return tls.choose("TLS1.2", 0xC02F)
        return tls.choose("SSLv3", EXPORT) if version == 0x0300 and EXPORT in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port)
    assert {"EXPORT", "RC4"} <= found.seen
    assert "TLS_RSA_EXPORT_WITH_RC4_40_MD5" in found.detail("EXPORT")


def test_integrity_only_suites_of_tls_1_3_are_null() -> None:
    def answer(hello: bytes) -> bytes:
        if hello[:1] == b"\x80":
            return b""
        _, listed = tls.offered(hello)
        return tls.choose("TLS1.3", 0xC0B4) if 0xC0B4 in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port)
    assert found.seen == {"NULL"}


@pytest.mark.parametrize("version", ["TLS1.2", "TLS1.3"])
def test_a_strict_server_refuses_every_weak_family(version: str) -> None:
    with tls.openssl_server(version, version, "ECDHE+AESGCM:ECDHE+CHACHA20") as port:
        found = suites_of(port)
    assert found.refused == ASKED
    assert found.conclusive
    assert found.witness is not None
    assert version in found.witness.what


def test_a_suite_that_was_not_offered_is_not_seen() -> None:
    with tls.scripted_server(lambda hello: b"" if hello[:1] == b"\x80" else tls.choose("TLS1.2", 0xC02F)) as port:
        found = suites_of(port)
    assert not found.seen
    assert "which was not offered" in found.detail("RC4")


def test_families_are_silent_where_nothing_is_answered() -> None:
    with serve(tcp.silent) as port:
        found = suites_of(port, QUICK)
    assert found.silent == ASKED
    assert not found.conclusive


def test_no_hello_offers_more_suites_than_a_small_stack_can_hold() -> None:
    known = suites()
    assert len(known.common) <= tls_server.SUITES_PER_HELLO
    assert len(known.tls13) + len(known.common) <= 100
    assert all(len(batch) <= tls_server.SUITES_PER_HELLO for batch in tls_server.batches(known.rare))
    assert sum(map(len, tls_server.batches(known.rare))) == len(known.rare)


RSA_AES = 0x002F


def limited(is_heard: Callable[[bytes, list[int]], bool], reply: bytes | None) -> Callable[[bytes], bytes | None]:
    """Serve RSA key transport with AES-CBC in TLS 1.2, where a hello is of a kind that the server takes."""

    def answer(hello: bytes) -> bytes | None:
        if hello[:1] == b"\x80":
            return tls.refuse()
        version, listed = tls.offered(hello)
        if not is_heard(hello, listed):
            return reply
        if version >= 0x0303 and RSA_AES in listed:
            return tls.choose("TLS1.2", RSA_AES)
        return tls.refuse(70 if version < 0x0303 else 40)

    return answer


LIMITS: dict[str, Callable[[bytes, list[int]], bool]] = {
    "128 suites, and no hello of 256 to 511 bytes": lambda hello, listed: (
        len(listed) <= 128 and not 256 <= len(hello) - 5 <= 511
    ),
    "255 bytes": lambda hello, _: len(hello) - 5 <= 255,
    "200 bytes": lambda hello, _: len(hello) <= 200,
    "32 suites": lambda _, listed: len(listed) <= 32,
    "8 suites": lambda _, listed: len(listed) <= 8,
    "64 suites": lambda _, listed: len(listed) <= 64,
}
HOW = {
    "silence": None,
    "a closed connection": b"",
    "an alert decode_error": tls.refuse(50),
    "an alert internal_error": tls.refuse(80),
}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("how", HOW)
def test_a_weak_suite_is_found_on_a_server_that_takes_no_long_hello(limit: str, how: str) -> None:
    with tls.scripted_server(limited(LIMITS[limit], HOW[how])) as port:
        found = suites_of(port, QUICK)
    assert {"CBC_SHA1", "no_forward_secrecy"} <= found.seen
    assert "TLS_RSA_WITH_AES_128_CBC_SHA" in found.detail("CBC_SHA1")
    assert found.about("RC4").conclusive
    assert {"anonymous", "EXPORT", "RC4", "DES_3DES"} <= found.refused


def test_a_server_that_ignores_suites_that_it_does_not_have_leaves_them_open() -> None:
    def answer(hello: bytes) -> bytes | None:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else None

    with tls.scripted_server(answer) as port:
        found = suites_of(port, QUICK)
        versions = versions_of(port, QUICK)
    assert found.silent == ASKED
    assert not any(found.about(family).conclusive for family in found.silent)
    assert versions.seen == {"TLS1.2"}
    assert not any(versions.about(version).conclusive for version in versions.silent)


REFUSALS = {
    "a warning handshake_failure": (b"\x15\x03\x01\x00\x02\x01\x28", "alert handshake_failure"),
    "a warning protocol_version": (b"\x15\x03\x01\x00\x02\x01\x46", "alert protocol_version"),
    "two alerts in one record": (b"\x15\x03\x01\x00\x04\x01\x70\x02\x28", "alert handshake_failure"),
    "a warning and a fatal alert": (b"\x15\x03\x01\x00\x02\x01\x70\x15\x03\x01\x00\x02\x02\x28", "handshake_failure"),
    "an alert in a record of SSL 3.0": (b"\x15\x03\x00\x00\x02\x02\x28", "alert handshake_failure"),
    "HTTP 400": (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP 400"),
    "HTTP 403 of version 1.0": (b"HTTP/1.0 403 Forbidden\r\n\r\n", "HTTP 403"),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_what_the_server_answers_to_an_offer_is_its_own_refusal(how: str) -> None:
    said, words = REFUSALS[how]

    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else said

    with tls.scripted_server(answer) as port:
        found = versions_of(port, QUICK)
        families = suites_of(port, QUICK)
    assert found.refused == set(VERSIONS) - {"TLS1.2"}
    assert words in found.detail("TLS1.0")
    assert families.refused == ASKED
    assert found.conclusive
    assert families.conclusive


@pytest.mark.parametrize("said", [b"\x15\x03\x01\x00\x02\x01\x70", b"HTTP/1.1 200 OK\r\n\r\n", b"220 ready\r\n"])
def test_what_refuses_nothing_is_silence(said: bytes) -> None:
    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else said

    with tls.scripted_server(answer) as port:
        found = versions_of(port, QUICK)
    assert found.silent == set(VERSIONS) - {"TLS1.2", "TLS1.3"}
    assert not found.about("TLS1.0").conclusive


def key_exchange(suite: int, bits: int) -> bytes:
    """A ServerHello, a Certificate, and a ServerKeyExchange with a prime of so many bits."""
    prime = ((1 << bits) - 1).to_bytes((bits + 7) // 8)
    body = len(prime).to_bytes(2) + prime + b"\x00\x01\x02\x00\x01\x07" + b"\x00\x00"
    further = b"\x0b\x00\x00\x03\x00\x00\x00" + b"\x0c" + len(body).to_bytes(3) + body + b"\x0e\x00\x00\x00"
    return tls.choose("TLS1.2", suite) + b"\x16\x03\x03" + len(further).to_bytes(2) + further


@pytest.mark.parametrize(("bits", "is_small"), [(512, True), (768, True), (1024, True), (2047, True), (2048, False)])
@pytest.mark.parametrize("suite", [0x009E, 0x0033, 0x0034], ids=["AES-GCM", "AES-CBC", "anonymous"])
def test_the_group_of_ephemeral_diffie_hellman_is_measured(suite: int, bits: int, is_small: bool) -> None:
    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        if version == 0x0303 and suite in listed:
            return key_exchange(suite, bits)
        return tls.choose("TLS1.2", 0xC02F) if version == 0x0303 and 0xC02F in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port, QUICK)
    assert (DH_BELOW_2048 in found.seen) is is_small
    assert (DH_BELOW_2048 in found.refused) is not is_small
    assert f"a group of {bits} bits" in found.detail(DH_BELOW_2048)


def test_a_small_group_that_goes_with_weaker_suites_only_is_found() -> None:
    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        if version == 0x0303 and 0x009F in listed:
            return key_exchange(0x009F, 3072)
        return key_exchange(0x009E, 1024) if version == 0x0303 and 0x009E in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port, QUICK)
    assert "a group of 1024 bits" in found.detail(DH_BELOW_2048)
    assert DH_BELOW_2048 in found.seen


@pytest.mark.parametrize("message", [b"", b"\x00\x04\x0e\x00\x00\x00", b"\x00\x05\x0c\x00\x00\x01\x00"])
def test_a_key_exchange_that_does_not_come_or_is_malformed_leaves_the_group_open(message: bytes) -> None:
    rest = message and b"\x16\x03\x03" + message

    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        return tls.choose("TLS1.2", 0x009E) + rest if version == 0x0303 and 0x009E in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port, QUICK)
    assert DH_BELOW_2048 in found.silent
    assert not found.about(DH_BELOW_2048).conclusive


def test_suites_with_short_tags_are_seen() -> None:
    def answer(hello: bytes) -> bytes:
        version, listed = tls.offered(hello) if hello[:1] != b"\x80" else (0, [])
        return tls.choose("TLS1.2", 0xC0AE) if version == 0x0303 and 0xC0AE in listed else tls.refuse()

    with tls.scripted_server(answer) as port:
        found = suites_of(port, QUICK)
    assert found.seen == {"CCM_8"}
