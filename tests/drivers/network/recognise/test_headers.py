"""Which headers tell a version of the software, and which that of a protocol or of an API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.recognise.headers import told_in_page, version_headers


@pytest.mark.parametrize(
    "header",
    [
        "X-Syncthing-Version: v1.19.2",
        "X-AspNet-Version: 4.0.30319",
        "X-AspNetMvc-Version: 5.2",
        "X-Powered-By: PHP/8.2.7",
        "Powered-By: Box 1.2",
        "X-Influxdb-Version: 1.8.10",
        "Firmware-Version: 2.1",
        "X-Box-Build: 3.0.4",
        "X-Rapid-Version: 1.2.3",
        "X-Admin-Version: 1.2.3",
        "version: 7.1.0",
        "X_Fw_Version: 5.2.1",
        "softwareVersion: 5.2.1",
    ],
)
def test_a_header_that_is_named_after_a_version_and_holds_one_tells_it(header: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nDate: Tue, 01 Dec 2026 11:25:20 GMT\r\n{header}\r\nContent-Length: 0\r\n".encode()
    assert version_headers(head) == [header.encode()]
    name, _, value = header.partition(": ")
    assert told_in_page([(name.lower(), value)]) == [f"{name.lower()}: {value}".encode()]


@pytest.mark.parametrize(
    "header",
    [
        "X-API-Version: 2",
        "X-API-Version: 2.0.1",
        "X-Api-Version: 2.0.1",
        "ApiVersion: 2.0.1",
        "Api_Version: 1.41.0",
        "Docker-Distribution-Api-Version: registry/2.0",
        "X-Transmission-Rpc-Version: 5.3.0",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 13.0.1",
        "MIME-Version: 1.0",
        "DataServiceVersion: 3.0;",
        "MaxDataServiceVersion: 3.0",
        "OData-Version: 4.0",
        "OData-MaxVersion: 4.0",
        "Protocol-Version: 1.2.3",
        "X-Protocol_Version: 1.2.3",
        "X-Schema-Version: 1.2.3",
        "Tus-Version: 1.0.0,0.2.2",
        "X-Min-Version: 1.2.3",
        "X-Version: latest",
        "X-Powered-By: Box",
        "Date: Tue, 01 Dec 2026 11:25:20 GMT",
        "Content-Type: text/html; q=0.9.1",
        "ETag: 1.2.3",
    ],
)
def test_a_version_of_a_protocol_or_of_an_api_is_none_of_the_product(header: str) -> None:
    assert version_headers(f"HTTP/1.1 200 OK\r\n{header}\r\n".encode()) == []


@given(st.binary(max_size=400))
def test_no_head_raises(head: bytes) -> None:
    assert all(header in head.replace(b"\t", b" ") or b": " in header for header in version_headers(head))
