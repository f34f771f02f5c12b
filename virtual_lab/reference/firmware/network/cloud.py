"""The connection that the device opens itself: a heartbeat to its cloud over TLS, chain and name checked.

With each heartbeat the device asks for the newest firmware.

The host name is resolved from the configuration, as a static entry of DHCP or DNS would give it.
"""

import json
import re
import select
import socket
import ssl
import threading
import time
import warnings

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.device import Device

CA = "cloud_ca.pem"
PERIOD_SECONDS = 5.0
_DELAY = 0.01
_SECONDS = 3.0
_RESPONSE_OCTETS = 4096
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,6}) *\r\n", re.IGNORECASE)
_SUITES = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
_OLD_SUITES = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA")
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""OpenSSL's words for a record that is none."""
_NO_CHECK_TIME = 0x20_0000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for."""


class Cloud:
    """Keeps one connection to the cloud, and opens it again after a moment whenever it is lost or refused."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._settings = device.flash.config["cloud"]
        self._context = client_context(str(device.flash.path(CA)), device.defects)

    def start(self) -> None:
        """Connect in the background, for as long as the device runs."""
        threading.Thread(target=self._run, name="cloud", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                with self._connect() as stream:
                    self._report(stream)
                    while not _closed_within(stream, PERIOD_SECONDS):
                        self._report(stream)
            except OSError:
                pass  # refused, lost or not to be trusted: told by the next attempt
            time.sleep(_DELAY)

    def _connect(self) -> ssl.SSLSocket:
        address = (str(self._settings["address"]), int(self._settings["port"]))
        sock = socket.create_connection(address, _SECONDS, source_address=(self._device.ports.address, 0))
        try:
            return self._context.wrap_socket(sock, server_hostname=str(self._settings["host"]))
        except OSError as error:
            no_tls = isinstance(error, ssl.SSLError) and error.reason in _NO_TLS
            if no_tls and self._device.defects("cloud_crash_on_no_tls"):
                self._device.crash()
            sock.close()
            raise

    def _report(self, stream: ssl.SSLSocket) -> None:
        """Say that the device lives, and ask for the newest firmware."""
        device = self._device
        body = json.dumps({"serial": device.serial, "firmware": device.version}).encode()
        self._exchange(stream, "POST /v1/heartbeat", body)
        if device.releases.due:
            device.releases.learn(self._exchange(stream, f"GET /v1/firmware?version={device.version}"))

    def _exchange(self, stream: ssl.SSLSocket, request: str, body: bytes = b"") -> bytes:
        """Send a request, and return the body of its response; OSError where none comes."""
        head = f"{request} HTTP/1.1\r\nHost: {self._settings['host']}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        stream.settimeout(_SECONDS)
        stream.sendall(head.encode() + b"\r\n" + body)
        response = b""
        while (end := _end_of(response)) is None or len(response) < end:
            if (
                end is None
                and len(response) > _RESPONSE_OCTETS
                and self._device.defects("cloud_crash_on_endless_headers")
            ):
                self._device.crash()
            if len(response) > _RESPONSE_OCTETS or not (more := stream.recv(1024)):
                raise ConnectionError("the cloud gave no response")
            response += more
        return response.partition(b"\r\n\r\n")[2]


def _end_of(response: bytes) -> int | None:
    """Return how many octets a response has, once its head is there."""
    head, gap, _ = response.partition(b"\r\n\r\n")
    if not gap:
        return None
    length = _LENGTH.search(head + b"\r\n")
    return len(head) + len(gap) + int(length[1] if length else 0)


def _closed_within(stream: ssl.SSLSocket, seconds: float) -> bool:
    """Wait for so many seconds, or until the cloud has closed the connection."""
    stream.setblocking(False)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([stream], [], [], left)[0]:
            return False
        try:
            if not stream.recv(1024):
                return True
        except ssl.SSLWantReadError:
            continue  # a session ticket
    return False


def client_context(ca: str, defects: Defects) -> ssl.SSLContext:
    """Return what the device verifies its cloud with: TLS 1.2 and 1.3, ECDHE and AEAD, one CA, the host's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    old = defects("cloud_offers_cbc_sha1") or defects("cloud_offers_tls10")
    suites = (*_SUITES, *_OLD_SUITES) if old else _SUITES
    context.set_ciphers(":".join((*suites, "@SECLEVEL=0") if defects("cloud_offers_tls10") else suites))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if defects("cloud_offers_tls10"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    if defects("cloud_expired_accepted"):
        context.verify_flags |= _NO_CHECK_TIME
    if defects("cloud_not_verified"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if defects("cloud_name_not_checked"):
        context.check_hostname = False
    return context
