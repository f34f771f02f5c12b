"""Which messages over a WebSocket are the protocol's own, so that they show no data of the device.

The rows are in `drivers/data/websocket_protocols.yaml`. A handshake or a heartbeat leaves the question open, and an
error or a disconnect of the protocol is a refusal. Any other message is data.
"""

import json
import re
from enum import StrEnum
from functools import cache

from drivers.data import table
from drivers.network.web.probes.denial import denies_in_words
from trustprobe.probe import Frozen

_BARE = re.compile(
    r"type|event|msg|message|method|op|cmd|action|jsonrpc|id|identifier|ver|version|protocol|protocolversion|session|"
    r"sessionid|sid|server|server_id|time|timestamp|ts|interval|timeout|payload|data|params|reason|status",
    re.IGNORECASE,
)
"""Members that a handshake or a heartbeat may have."""
_CARRIERS = frozenset({"payload", "data", "params", "message"})
"""Those that are empty or a number in a handshake or a heartbeat, and carry data in other messages."""
_LONGEST = 4_096
"""Characters of a message that is compared. A longer one is data."""


class Said(StrEnum):
    """What one message from the server says."""

    OWN = "own"
    """A handshake or a heartbeat of the protocol."""
    REFUSED = "refused"
    DATA = "data"


class _Row(Frozen):
    protocol: str
    origin: str
    says: Said
    text: str = ""
    member: tuple[str, str] | None = None
    whole: bool = False
    reply: str = ""
    after: str = ""

    def matches(self, message: str, document: object) -> bool:
        """Whether a message is of this row. `document` is the message as JSON, None if it is not JSON."""
        if self.member is None:
            return re.fullmatch(self.text, message, re.DOTALL) is not None
        if not isinstance(document, dict):
            return False
        values = (document.get(name) for name in self.member[0].split("|"))
        known = any(isinstance(one, str) and re.fullmatch(self.member[1], one) for one in values)
        return known and (self.whole or self.says is not Said.OWN or _is_bare(document))


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(_Row.model_validate(row) for row in table("websocket_protocols"))


class WebSocketTalk:
    """The messages of one WebSocket in their order: a packet of a few digits means something only after its opening."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.replies: list[str] = []
        """What a client sends next, to reach the data."""

    def said(self, message: str) -> Said:
        """Say what the next message is."""
        if len(message) > _LONGEST:
            return Said.DATA
        if not message:
            return Said.OWN
        document = _json(message)
        for row in _rows():
            if (not row.after or row.after in self._known) and row.matches(message, document):
                self._known.add(row.protocol)
                self.replies += [row.reply] if row.reply else []
                return row.says
        return Said.REFUSED if _is_error(document) else Said.DATA


def _json(message: str) -> object:
    try:
        return json.loads(message.rstrip("\x1e"))
    except (ValueError, RecursionError):
        return None


def _is_bare(document: dict[str, object]) -> bool:
    for name, value in document.items():
        if not _BARE.fullmatch(name) or (isinstance(value, list | dict) and value):
            return False
        if name.lower() in _CARRIERS and isinstance(value, str) and value:
            return False
    return True


def _is_error(document: object) -> bool:
    """Whether a JSON document is an error without a result (JSON-RPC 2.0 clause 5), or denies in its own words."""
    if not isinstance(document, dict):
        return False
    if document.get("error") and not document.get("result"):
        return set(document) <= {"error", "jsonrpc", "id", "type", "code", "message", "status", "result"}
    return denies_in_words(document)
