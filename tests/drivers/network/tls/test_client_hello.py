import ssl

import pytest

from drivers.network.tls.client_hello import offered_hello
from drivers.network.tls.records import ClientHello, TlsDecodeError


def openssl_hello(lowest: ssl.TLSVersion, ciphers: str, name: str = "cloud.example") -> bytes:
    """What the standard library sends first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(ciphers)
    context.minimum_version = lowest
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def record(body: bytes) -> bytes:
    message = b"\x01" + len(body).to_bytes(3) + body
    return b"\x16\x03\x01" + len(message).to_bytes(2) + message


def test_the_hello_of_openssl_is_read_whole() -> None:
    hello = offered_hello(openssl_hello(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"))
    assert hello is not None
    assert hello.versions == ("TLS1.3", "TLS1.2")
    assert hello.lists_versions
    assert 0xC02B in hello.suites and 0x00FF not in hello.suites
    assert hello.server_name == "cloud.example"


@pytest.mark.parametrize("version", ["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"])
def test_a_hello_of_our_own_encoder_is_read_back(version: str) -> None:
    suites = (0x1301,) if version == "TLS1.3" else (0xC02F, 0x0005)
    hello = offered_hello(ClientHello(version, suites, "a.example").encode())
    assert hello is not None
    assert (hello.versions, hello.suites, hello.lists_versions) == ((version,), suites, version == "TLS1.3")
    assert hello.server_name == ("" if version == "SSLv3" else "a.example")


def test_a_hello_in_the_format_of_ssl_2_offers_ssl_2() -> None:
    hello = offered_hello(ClientHello("SSLv2", (0x010080,)).encode())
    assert hello is not None
    assert (hello.versions, hello.suites) == (("SSLv2",), (0x010080,))


def test_grease_is_left_out() -> None:
    versions = b"\x00\x2b\x00\x05\x04\x4a\x4a\x03\x04"
    grease = b"\xda\xda\x00\x00"
    extensions = versions + grease
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x04\x0a\x0a\x13\x01" + b"\x01\x00"
    hello = offered_hello(record(body + len(extensions).to_bytes(2) + extensions))
    assert hello is not None
    assert (hello.versions, hello.suites, hello.extensions) == (("TLS1.3",), (0x1301,), (43,))


def test_a_hello_that_is_not_whole_yet_is_none() -> None:
    whole = openssl_hello(ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM")
    assert all(offered_hello(whole[:count]) is None for count in (0, 1, 5, 40, len(whole) - 1))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        record(b"\x03\x03"),
        record(b"\x03\x03" + bytes(32) + b"\x00\x00\x03\x13\x01\x00\x01\x00"),
        record(b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00\x00\x00left over"),
        b"\x80\x03\x04\x00\x02",
    ],
)
def test_what_is_no_hello_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(TlsDecodeError):
        offered_hello(data)


def hello_with(suites: tuple[int, ...], *extensions: int) -> bytes:
    listed = b"".join(suite.to_bytes(2) for suite in suites)
    carried = b"".join(number.to_bytes(2) + b"\0\0" for number in extensions)
    parts = (len(listed).to_bytes(2), listed, b"\1\0", len(carried).to_bytes(2), carried)
    return record(b"\x03\x03" + bytes(32) + b"\0" + b"".join(parts))


def test_a_client_is_the_same_whatever_order_grease_ticket_and_padding_its_hello_has() -> None:
    first = offered_hello(hello_with((0xC02F, 0xC030, 0x0A0A), 10, 13, 0x1A1A))
    later = offered_hello(hello_with((0xBABA, 0xC030, 0xC02F), 35, 13, 10, 21, 41, 51, 0x2A2A))
    assert first is not None and later is not None
    assert first.client == later.client


@pytest.mark.parametrize(("suites", "extensions"), [((0xC02F,), (10, 13)), ((0xC02F, 0xC030), (10, 13, 16))])
def test_clients_with_other_suites_or_extensions_differ(suites: tuple[int, ...], extensions: tuple[int, ...]) -> None:
    first = offered_hello(hello_with((0xC02F, 0xC030), 10, 13))
    other = offered_hello(hello_with(suites, *extensions))
    assert first is not None and other is not None
    assert first.client != other.client
