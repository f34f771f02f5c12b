"""Telnet's option negotiation (RFC 854, RFC 855): what the device's options are answered, and the text between them.

Echo (RFC 857) and go-ahead suppression (RFC 858) are agreed to, terminal type (RFC 1091) and window size (RFC 1073) are
told; everything else is refused. A demand that changes nothing is not answered (RFC 1143), and the number of answers is
bounded, so that no device draws us into a loop.
"""

from dataclasses import dataclass, field

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE = 1, 3, 24, 31
_IS, _SEND = 0, 1
_THEIRS = frozenset({ECHO, SUPPRESS_GO_AHEAD})
_OURS = frozenset({SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE})
_TERMINAL = b"VT100"
_WINDOW = bytes([0, 80, 0, 24])
_SUBNEGOTIATION_LIMIT = 512
_TYPES_TOLD = 4
_ANSWERS_MOST = 64


@dataclass
class TelnetOptions:
    """One connection's negotiation: feed it what came, send what stands in `replies`."""

    replies: bytearray = field(default_factory=bytearray)
    seen: bool = False
    """Whether the device negotiated at all: only Telnet does."""
    echoes: bool = False
    """Whether the device echoes what is typed, as a terminal's line discipline does."""
    _pending: bytes = b""
    _theirs: dict[int, bool] = field(default_factory=dict)
    """Which of the device's options are on, of those that it named."""
    _ours: dict[int, bool] = field(default_factory=dict)
    _answers: int = 0
    _types: int = 0

    def feed(self, data: bytes) -> bytes:
        """Return the text in these octets, without the commands; an unfinished command waits for its end."""
        data = self._pending + data
        text, at = bytearray(), 0
        while at < len(data):
            if data[at] != IAC:
                following = data.find(IAC, at)
                end = len(data) if following < 0 else following
                text += data[at:end]
                at = end
                continue
            size = self._command(data[at:], text)
            if size == 0:
                break
            at += size
        self._pending = data[at:]
        return bytes(text)

    def _command(self, data: bytes, text: bytearray) -> int:
        """Take the command that these octets begin with; return its length, 0 while it is unfinished."""
        if len(data) < 2:
            return 0
        verb = data[1]
        if verb == IAC:
            text.append(IAC)
            return 2
        if verb == SB:
            return self._subnegotiation(data)
        if verb not in (WILL, WONT, DO, DONT):
            return 2  # a lone command such as GA or NOP asks for nothing
        if len(data) < 3:
            return 0
        self.seen = True
        self._negotiate(verb, data[2])
        return 3

    def _negotiate(self, verb: int, option: int) -> None:
        """Enter what a demand changes, and answer it if it changes something (RFC 1143, 7: both queues are empty)."""
        offer, on = verb in (WILL, WONT), verb in (WILL, DO)
        if option == ECHO and offer:
            self.echoes = on
        states, agreeable = (self._theirs, _THEIRS) if offer else (self._ours, _OURS)
        agreed = on and option in agreeable
        if states.get(option, None if on else False) is agreed or self._answers >= _ANSWERS_MOST:
            return
        states[option] = agreed
        self._answers += 1
        yes, no = (DO, DONT) if offer else (WILL, WONT)
        self.replies += bytes([IAC, yes if agreed else no, option])
        if agreed and verb == DO and option == WINDOW_SIZE:
            self.replies += bytes([IAC, SB, WINDOW_SIZE]) + _WINDOW + bytes([IAC, SE])

    def _subnegotiation(self, data: bytes) -> int:
        """Take a subnegotiation; an octet 255 in it is repeated, and any other command ends it."""
        at = data.find(IAC, 2)
        while 0 <= at < len(data) - 1 and data[at + 1] == IAC:
            at = data.find(IAC, at + 2)
        if at < 0 or at == len(data) - 1:
            return len(data) if len(data) > _SUBNEGOTIATION_LIMIT else 0
        if data[2:4] == bytes([TERMINAL_TYPE, _SEND]) and self._types < _TYPES_TOLD:
            self._types += 1
            self.replies += bytes([IAC, SB, TERMINAL_TYPE, _IS]) + _TERMINAL + bytes([IAC, SE])
        return at + 2 if data[at + 1] == SE else at


def escaped(text: str) -> bytes:
    """Return text as it is sent: an octet 255 is repeated (RFC 854)."""
    return text.encode("utf-8").replace(bytes([IAC]), bytes([IAC, IAC]))
