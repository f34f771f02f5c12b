"""The power switch of the bench: a relay with the HTTP interface of a Shelly of the first generation.

`GET /relay/0` tells the state, `GET /relay/0?turn=on|off` changes it. What power means is the board's business.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

_REQUEST_LIMIT = 8192
_REQUEST_SECONDS = 5.0


class PowerRelay:
    """One relay, on when made; `switch` is called with each state that is asked for, before the answer is sent."""

    def __init__(self, switch: Callable[[bool], None]) -> None:
        self._switch = switch
        self.is_on = True

    async def serve(self, listener: socket.socket) -> asyncio.Server:
        """Answer on a listening socket."""
        return await asyncio.start_server(self._answer, sock=listener, limit=_REQUEST_LIMIT)

    def respond(self, request_line: str) -> tuple[HTTPStatus, dict[str, object]]:
        """Carry out one request, given its first line; return status and JSON body (RFC 9110)."""
        match request_line.split():
            case [method, target, version] if version.startswith("HTTP/1."):
                path, _, query = target.partition("?")
            case _:
                return HTTPStatus.BAD_REQUEST, {"error": "not an HTTP/1 request"}
        if path != "/relay/0":
            return HTTPStatus.NOT_FOUND, {"error": "there is one relay: /relay/0"}
        if method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, {"error": "use GET"}
        match parse_qs(query).get("turn", []):
            case []:
                pass
            case ["on" | "off" as turn]:
                self.is_on = turn == "on"
                self._switch(self.is_on)
            case _:
                return HTTPStatus.BAD_REQUEST, {"error": "turn is on or off"}
        return HTTPStatus.OK, {"ison": self.is_on}

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.close()  # who does not finish a request gets no answer
            return
        status, body = self.respond(head.split(b"\r\n", 1)[0].decode("latin-1"))
        content = json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "Content-Length": len(content), "Connection": "close"}
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode() + content)
        writer.close()  # after what was written is sent
