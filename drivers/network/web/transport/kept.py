"""GET over a connection that is kept: many guesses at one path cost one TLS handshake where the server allows it.

Only answers with a Content-Length are read here; every other request is made again by `WebClient`.
"""

import re

from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.web.transport.client import SECONDS, Credential, NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.response import fields_of, joined
from trustprobe.probe import Answer

_HEAD_LIMIT, _BODY_LIMIT = 32_768, 262_144
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")


class KeptClient:
    """Requests to one service, one after the other; close it at the end."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._dialogue: Dialogue | None = None
        self._pending = bytearray()
        self._keeps = True
        """Whether the server has kept connections so far."""

    def get(self, path: str, credential: Credential | None = None, *, patient: bool = True) -> WebAnswer:
        """Ask for a path at the pace of the server; NoAnswerError where no answer comes.

        A request that is made again answers the challenge again: the same answer twice would be a replay.
        """
        self._client.patient = patient
        answer = self._client.paced(lambda: self._over_kept(path, credential), path) if self._keeps else None
        if answer is not None:
            return answer
        return self._client.request("GET", path, credential=credential)

    def _over_kept(self, path: str, credential: Credential | None) -> WebAnswer | None:
        """Ask over the connection, and open it first if needed. None if its answer cannot be parsed here."""
        fresh = self._dialogue is None
        try:
            answer = self._exchange(path, {} if credential is None else {"Authorization": credential()})
        except EndedError as ended:
            self.close()
            if not ended.connected:
                raise NoAnswerError(ended.answer, ended.detail, connected=False) from ended
            self._keeps = not fresh or ended.answer is Answer.REFUSED
            return None
        if answer is None or "close" in answer.headers.get("connection", "").lower():
            self.close()
            self._keeps = False
        return answer

    def _exchange(self, path: str, headers: dict[str, str]) -> WebAnswer | None:
        service = self._client.service
        if self._dialogue is None:
            self._dialogue = Dialogue(self._client.target, service.port, tls=service.tls, seconds=SECONDS)
        self._dialogue.extend(SECONDS)
        host = self._client.base.partition("://")[2]
        own = {"Host": host, "User-Agent": "trustprobe", "Accept": "*/*", "Connection": "keep-alive", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
        self._dialogue.send(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        head = self._dialogue.until(self._pending, _head_size)
        matched = _STATUS.match(head)
        fields = joined(fields_of(head.splitlines()[1:]))
        length = fields.get("content-length", "")
        coded = fields.keys() & {"transfer-encoding", "content-encoding"}
        if matched is None or coded or not (length.isascii() and length.isdecimal()):
            return None
        size = int(length) if len(length) < 7 else _BODY_LIMIT + 1
        if size > _BODY_LIMIT:
            return None
        body = self._dialogue.until(self._pending, lambda pending: size if len(pending) >= size else 0) if size else b""
        return WebAnswer(int(matched[1]), fields, body)

    def close(self) -> None:
        """Close the connection."""
        if self._dialogue is not None:
            self._dialogue.close()
        self._dialogue = None
        self._pending.clear()


def _head_size(pending: bytes) -> int:
    end = _BLANK.search(pending)
    if end is None and len(pending) > _HEAD_LIMIT:
        raise EndedError(Answer.SILENT, f"the head has more than {_HEAD_LIMIT} octets")
    return end.end() if end else 0
