"""The stream: an RTSP server inside TLS (RFC 2326 on tcp/322), with Digest authentication in front of every request.

The picture is one RTP packet without content: what is served here is the way to it.
"""

import socket
from dataclasses import dataclass

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import RTSP, Account
from virtual_lab.reference.firmware.logins.digest import DigestLogin
from virtual_lab.reference.firmware.network.tcp_service import TcpService
from virtual_lab.reference.firmware.web.tls import Contexts

PORT = "tcp/322"
PATHS = ("/live/main", "/live/sub")
_HEAD_OCTETS, _REQUESTS, _CONNECTIONS = 8_192, 256, 32
_METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN")
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Halcyon Vista\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
)
_RTP = b"$\0\0\x0c" + b"\x80\x60" + bytes(10)


@dataclass(frozen=True)
class _Request:
    method: str
    uri: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path of the stream, without the host and the track."""
        rest = self.uri.partition("://")[2]
        return "/" + rest.partition("/")[2].removesuffix("/track1").rstrip("/")


class RtspServer(TcpService):
    """Serves the stream to those who may see it."""

    def __init__(self, device: Device) -> None:
        # Of the planted flaws only those of the certificate show here: the others are the web server's own.
        shown = Defects(one for one in device.defects if one.startswith("certificate_"))
        self._contexts = Contexts(device.flash.folder, shown)
        planted = ("admin", "admin") if device.defects("rtsp_admin_admin") else None
        self._logins = DigestLogin(device.accounts, RTSP, planted)
        self._open = device.defects("rtsp_anonymous")
        super().__init__(device, PORT, self._converse, _CONNECTIONS)

    def _converse(self, client: socket.socket) -> None:
        client.getpeername()  # a wrapper that finds the connection reset would stay open until it is collected
        with self._contexts.choose(client).wrap_socket(client, server_side=True) as stream:
            source, pending = str(stream.getpeername()[0]), b""
            for _ in range(_REQUESTS):
                while b"\r\n\r\n" not in pending:
                    piece = stream.recv(4_096)
                    if not piece or len(pending) > _HEAD_OCTETS:
                        return
                    pending += piece
                head, _, pending = pending.partition(b"\r\n\r\n")
                stream.sendall(self._answer(_parsed(head), source))

    def _answer(self, request: _Request | None, source: str) -> bytes:
        if request is None:
            return _response("400 Bad Request", "0")
        sequence = request.headers.get("cseq", "0")[:16]
        if request.method == "OPTIONS":
            return _response("200 OK", sequence, Public=", ".join(_METHODS))
        if request.method not in _METHODS:
            return _response("501 Not Implemented", sequence)
        entered = self._enter(request, source)
        if isinstance(entered, str):
            return _response("401 Unauthorized", sequence, **{"WWW-Authenticate": entered})
        if request.path not in PATHS:
            return _response("404 Not Found", sequence)
        if request.method == "DESCRIBE":
            return _response(
                "200 OK", sequence, _SDP, **{"Content-Base": f"{request.uri}/", "Content-Type": "application/sdp"}
            )
        if request.method == "SETUP":
            return _response(
                "200 OK", sequence, Session="68616c63;timeout=30", Transport=request.headers.get("transport", "")[:200]
            )
        played = _RTP if request.method == "PLAY" else b""
        return _response("200 OK", sequence, Session="68616c63") + played

    def _enter(self, request: _Request, source: str) -> Account | str | None:
        if self._open:
            return None
        return self._logins.login(request.headers.get("authorization"), request.method, request.uri, source)


def _parsed(head: bytes) -> _Request | None:
    lines = head.decode("utf-8", "replace").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("RTSP/1."):
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return _Request(words[0], words[1], headers)


def _response(status: str, sequence: str, body: str = "", **headers: str) -> bytes:
    fields = {"CSeq": sequence, "Server": "Halcyon", **headers}
    if body:
        fields["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"RTSP/1.0 {status}\r\n{lines}\r\n{body}".encode()
