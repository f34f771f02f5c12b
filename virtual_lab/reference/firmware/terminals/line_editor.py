"""Lines typed on the serial console: echo, backspace, and the keys that end or break a line."""

from virtual_lab.reference.firmware.terminals.serial_line import SerialLine

_LINE_OCTETS = 128
_ENDS, _BREAKS, _ERASES = b"\r\n", b"\x03\x04", b"\x08\x7f"


class LineEditor:
    """Reads lines from a serial line; what was typed ahead stays for the next one."""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self._ahead = b""
        self._after_return = False
        self.dropped = False
        """Whether the last line was longer than what is kept of one."""

    def read(self, *, echo: bool = True, seconds: float | None = None) -> str | None:
        """Return a line, or None when it was broken off by Ctrl-C, Ctrl-D or too long a pause.

        `seconds` is the longest pause. Octets beyond the longest line are dropped. LineClosedError as of the line.
        """
        typed = bytearray()
        self.dropped = False
        while True:
            if not self._ahead:
                self._ahead = self._line.read(seconds)
                if not self._ahead:
                    self._line.write("\n")
                    return None
            key, self._ahead = self._ahead[:1], self._ahead[1:]
            if key == b"\n" and self._after_return:  # the second half of CR LF
                self._after_return = False
                continue
            self._after_return = key == b"\r"
            if key in _ENDS or key in _BREAKS:
                self._line.write("\n")
                return typed.decode(errors="replace") if key in _ENDS else None
            self._type(key, typed, echo)

    def _type(self, key: bytes, typed: bytearray, echo: bool) -> None:
        if key in _ERASES:
            if typed:
                del typed[-1]
                self._line.write("\b \b" if echo else "")
        elif len(typed) >= _LINE_OCTETS:
            self.dropped = True
        elif key >= b" ":
            typed += key
            self._line.write(key.decode("ascii", "replace") if echo else "")
