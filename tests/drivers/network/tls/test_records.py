"""The bytes of a ClientHello, and what the decoder makes of a server's first flight."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.data import table
from drivers.network.tls.records import (
    VERSIONS,
    Alert,
    ClientHello,
    ServerHello,
    TlsDecodeError,
    certificates,
    first_answer,
    read_items,
)

RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello(version: int, suite: int, random: bytes = bytes(32), chosen: int | None = None) -> bytes:
    body = version.to_bytes(2) + random + b"\x00" + suite.to_bytes(2) + b"\x00"
    if chosen is not None:
        body += b"\x00\x06\x00\x2b\x00\x02" + chosen.to_bytes(2)
    return message(2, body)


@pytest.mark.parametrize("version", ["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2"])
def test_a_server_hello_is_read_in_each_version(version: str) -> None:
    data = record(22, server_hello(VERSIONS[version], 0x002F))
    assert first_answer(data) == ServerHello(version, 0x002F)


def test_the_version_of_tls_1_3_is_in_the_extension() -> None:
    data = record(22, server_hello(0x0303, 0x1301, chosen=0x0304))
    assert first_answer(data) == ServerHello("TLS1.3", 0x1301)


def test_a_hello_retry_request_is_told_apart() -> None:
    data = record(22, server_hello(0x0303, 0x1301, random=RETRY, chosen=0x0304))
    assert first_answer(data) == ServerHello("TLS1.3", 0x1301, retry=True)


def test_a_server_hello_cut_over_records_is_put_together() -> None:
    whole = server_hello(0x0301, 0x0005)
    data = b"".join(record(22, bytes([byte])) for byte in whole)
    assert first_answer(data) == ServerHello("TLS1.0", 0x0005)
    assert first_answer(data[:-1]) is None


def test_a_fatal_alert_is_named_and_a_warning_passed_over() -> None:
    warning = record(21, b"\x01\x70")
    assert first_answer(warning) is None
    assert list(read_items(warning)) == [Alert("unrecognized_name", fatal=False)]
    assert first_answer(warning + record(21, b"\x02\x46")) == Alert("protocol_version", fatal=True)
    assert first_answer(record(21, b"\x01\x00")) == Alert("close_notify", fatal=True)
    assert first_answer(record(21, b"\x02\xfe")) == Alert("alert 254", fatal=True)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x02\x00\x00\x01\x00",
        b"\x16\x03\x03\xff\xff",
        record(21, b"\x02"),
        record(22, message(11, b"\x00\x00\x00")),
        record(22, message(2, b"\x03\x03")),
        record(22, b"\x02\xff\xff\xff"),
        b"\x80\x03\x07\x00\x00",
    ],
)
def test_what_is_no_tls_is_an_error(data: bytes) -> None:
    with pytest.raises(TlsDecodeError):
        first_answer(data)


def test_an_sslv2_server_hello_is_read() -> None:
    body = b"\x04\x00\x01\x00\x02" + b"\x00\x03" + b"\x00\x06" + b"\x00\x10" + b"der" + b"\x07\x00\xc0\x01\x00\x80"
    data = (0x8000 | len(body) + 16).to_bytes(2) + body + bytes(16)
    assert first_answer(data) == ServerHello("SSLv2", 0x0700C0)
    assert first_answer(data[:-1]) is None


def test_an_sslv2_error_is_a_refusal() -> None:
    assert first_answer(b"\x80\x03\x00\x00\x01") == Alert("SSLv2 error 1", fatal=True)


def test_certificates_are_read_in_their_order() -> None:
    chain = b"\x00\x00\x04leaf\x00\x00\x02ca"
    data = record(22, server_hello(0x0303, 0x002F) + message(11, len(chain).to_bytes(3) + chain))
    assert certificates(data) == (b"leaf", b"ca")
    assert certificates(data[:-1]) is None
    assert certificates(record(21, b"\x02\x28")) == Alert("handshake_failure", fatal=True)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_the_decoders_own_error(data: bytes) -> None:
    for decode in (first_answer, certificates):
        with contextlib.suppress(TlsDecodeError):
            decode(data)


@given(st.sampled_from([2, 11]), st.binary(max_size=120), st.integers(0, 200))
def test_no_handshake_message_raises_anything_but_the_decoders_own_error(kind: int, body: bytes, cut: int) -> None:
    data = record(22, message(kind, body))[:cut]
    for decode in (first_answer, certificates):
        with contextlib.suppress(TlsDecodeError):
            decode(data)


@given(st.binary(max_size=60))
def test_no_sslv2_message_raises_anything_but_the_decoders_own_error(body: bytes) -> None:
    with contextlib.suppress(TlsDecodeError):
        first_answer(bytes([0x80, len(body)]) + body)


@given(st.sampled_from([2, 0x0303, 0x0301]), st.integers(0, 0xFFFF), st.integers(0, 60))
def test_a_server_hello_cut_short_is_never_read_as_one(version: int, suite: int, cut: int) -> None:
    whole = record(22, server_hello(version, suite))
    assert first_answer(whole[: min(cut, len(whole) - 1)]) is None


@pytest.mark.parametrize("version", list(VERSIONS))
@pytest.mark.parametrize("extensions", [True, False])
def test_the_lengths_of_a_client_hello_add_up(version: str, extensions: bool) -> None:
    hello = ClientHello(version, (0x002F, 0x0035), server_name="device.example", extensions=extensions).encode()
    if version == "SSLv2":
        assert int.from_bytes(hello[:2]) & 0x7FFF == len(hello) - 2
        return
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    assert int.from_bytes(hello[6:9]) == len(hello) - 9
    assert (b"device.example" in hello) == (extensions and version != "SSLv3")


# What makes a suite belong to a family is in its name; the table must agree with it in both directions.
FAMILIES = {
    "NULL": r"_WITH_NULL_|^TLS_SHA\d+_SHA\d+$",
    "anonymous": r"_anon_",
    "EXPORT": r"EXPORT",
    "RC4": r"_RC4_",
    "DES_3DES": r"_3?DES(40|_EDE)?_",
    "CBC_SHA1": r"_CBC(_\d+)?_SHA$",
    "CCM_8": r"_CCM_8(_SHA256)?$",
    "no_forward_secrecy": r"^(TLS|SSL)_(NULL|RSA|RSA_FIPS|RSA_PSK|PSK|KRB5|DH_DSS|DH_RSA|ECDH_ECDSA|ECDH_RSA|"
    r"GOSTR341112_256)(_EXPORT(1024)?)?_WITH_",
}


def test_each_family_holds_the_suites_that_its_name_means() -> None:
    data = table("tls_suites")
    known = {**data["TLS1.3"], **data["others"]}
    for members in data["families"].values():
        known |= members
    assert set(data["families"]) == set(FAMILIES)
    for family, pattern in FAMILIES.items():
        assert set(data["families"][family]) == {name for name in known if re.search(pattern, name)}, family


def test_a_suite_has_one_code_point_and_a_code_point_one_name() -> None:
    data = table("tls_suites")
    parts = [data["TLS1.3"], data["SSLv2"], data["others"], *data["families"].values()]
    pairs = {(name, code) for part in parts for name, code in part.items()}
    assert len(pairs) == len({name for name, _ in pairs}) == len({code for _, code in pairs})
    assert set(data["common"]) <= {name for name, _ in pairs}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TLS_RSA_WITH_RC4_128_MD5", 0x0004),
        ("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", 0x0014),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x0034),
        ("TLS_ECDHE_RSA_WITH_NULL_SHA", 0xC010),
        ("TLS_RSA_WITH_AES_256_CCM_8", 0xC0A1),
        ("TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384", 0xC07B),
        ("TLS_RSA_WITH_ARIA_128_GCM_SHA256", 0xC050),
    ],
)
def test_code_points_are_those_of_the_registry(name: str, code: int) -> None:
    families = table("tls_suites")["families"].values()
    assert {members[name] for members in families if name in members} == {code}
