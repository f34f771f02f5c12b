"""One serial port, opened for this process alone: a path, a pty, or any URL of pyserial.

Here is the reading that everything on the console rests on: with a deadline, bounded in memory, and never
taking half a line for a prompt. What the words mean is known to `console.py` and `bootloader.py`.
"""

import errno
import re
import time
from codecs import getincrementaldecoder
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import serial

from lab_config.bench import ConsoleBench
from trustprobe.errors import BenchError

TRANSCRIPT_LIMIT = 1 << 20
"""Bytes of a port's output that are kept; older ones are dropped."""
SETTLE_SECONDS = 0.025
"""A prompt is one when nothing follows it for this long; login programs flush what is typed earlier."""
_WINDOW = 1 << 16
_CHUNK = 4096
_POLL_SECONDS = 0.01
_WRITE_SECONDS = 3.0
_BREAK_SECONDS = 0.3
_QUIET_SECONDS = 0.03
_DRAIN_SECONDS = 1.0

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
_ESCAPE_BEGUN = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b]{0,256}\x1b?|[ -/]{0,8})?\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NO_BREAK = {errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True)
class Awaited:
    """Something to wait for, matched from the start of a line only.

    A line may continue. A prompt is the last thing printed, and stays so for `settle` seconds: half of
    "# Welcome" is not a prompt.
    """

    pattern: re.Pattern[str]
    settle: float | None = None

    @classmethod
    def line(cls, pattern: str) -> Self:
        """Wait for a line that starts with this regular expression; the line's end is not waited for."""
        return cls(re.compile(pattern, re.MULTILINE))

    @classmethod
    def prompt(cls, pattern: str, settle: float = SETTLE_SECONDS) -> Self:
        """Wait for this regular expression as the last thing printed, quiet for `settle` seconds."""
        return cls(re.compile(pattern, re.MULTILINE), settle)

    def find(self, text: str) -> re.Match[str] | None:
        """Return the first match in console text (newline-separated), without regard to quiet."""
        if self.settle is not None:
            found = self.pattern.match(text, text.rfind("\n") + 1)
            return found if found and not text[found.end() :].strip(" \t") else None
        start = 0
        while True:
            if found := self.pattern.match(text, start):
                return found
            start = text.find("\n", start) + 1
            if start == 0:
                return None


@dataclass(frozen=True)
class Arrival:
    """What came of several things awaited, and the text it matched."""

    awaited: Awaited
    text: str


class PlainText:
    """Turns a stream of bytes into lines: no escape sequences, no backspaces, CR and CRLF as newlines.

    A character or sequence that is cut between two reads is put together again.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._after_return = False

    def feed(self, data: bytes) -> str:
        """Return the text that is complete with these bytes."""
        text = _ESCAPE.sub("", self._held + self._decoder.decode(data))
        begun = _ESCAPE_BEGUN.search(text)
        self._held = begun.group() if begun else ""
        text = _CONTROL.sub("", text[: begun.start()] if begun else text)
        if not text:
            return ""
        rest = re.sub(r"\A\r*\n?", "", text) if self._after_return else text
        self._after_return = text.endswith("\r")
        return re.sub(r"\r+\n?", "\n", rest)


class Console:
    """A context manager around an open port. Every method that touches it raises BenchError when the port is gone."""

    def __init__(self, bench: ConsoleBench, baud: int) -> None:
        """`baud` is ignored by transports that carry no line settings (socket://)."""
        self._url = bench.url
        self._baud = baud
        self._plain = PlainText()
        self._text = ""
        self._transcript = bytearray()
        self._received = 0
        self._last = 0.0

    def __enter__(self) -> Self:
        """Open the port, for this process alone; a serial server sees to that itself."""
        try:
            self._port = serial.serial_for_url(
                self._url, do_not_open=True, baudrate=self._baud, timeout=_POLL_SECONDS, exclusive=True
            )
            if not self._speaks("rfc2217"):  # pyserial limits writes there and accepts no other limit
                self._port.write_timeout = _WRITE_SECONDS
            self._open()
        except (OSError, ValueError, TypeError) as error:  # TypeError: pyserial compares a missing port with a number
            raise _unopened(self._url, error) from error
        self._last = time.monotonic()
        return self

    def _open(self) -> None:
        try:
            self._port.open()
        except BaseException:
            self._close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port; one that is gone already is no error."""
        self._close()

    def _close(self) -> None:
        connection = getattr(self._port, "_socket", None)
        try:
            self._port.close()
        except OSError:
            return
        finally:
            if connection is not None:  # pyserial forgets to where the server has gone before
                connection.close()

    def _speaks(self, protocol: str) -> bool:
        """Whether the port belongs to a serial server of this kind."""
        return self._url.lower().startswith(f"{protocol}://")

    @property
    def _advice(self) -> str:
        return _CHECK_SERVER if self._speaks("socket") or self._speaks("rfc2217") else _CHECK_CABLE

    @property
    def received(self) -> int:
        """Bytes received since the port was opened."""
        return self._received

    @property
    def quiet_for(self) -> float:
        """Seconds since the last byte came, or since the port was opened."""
        return time.monotonic() - self._last

    def transcript(self, since: int = 0) -> bytes:
        """Return what was received after the first `since` bytes, as far as it is still kept."""
        dropped = self._received - len(self._transcript)
        return bytes(self._transcript[max(0, since - dropped) :])

    def send(self, text: str) -> None:
        """Type a text, as UTF-8; end a line with CR, as a terminal does."""
        self.send_octets(text.encode())

    def send_octets(self, octets: bytes) -> None:
        """Type octets that need not be text; a line that takes none within 3 s is a BenchError."""
        try:
            self._port.write(octets)
        except OSError as error:
            raise BenchError(f"the serial port {self._url} accepts no characters: {error}.", self._advice) from error

    def send_break(self) -> bool:
        """Send a BREAK of 0.3 s; False where this kind of port carries none."""
        if self._speaks("socket"):
            return False
        try:
            self._port.send_break(_BREAK_SECONDS)
        except ValueError:  # the serial server says so itself (RFC 2217, SET-CONTROL)
            return False
        except OSError as error:
            if error.errno in _NO_BREAK:
                return False
            if _UNACKNOWLEDGED in str(error):
                raise _unacknowledged(self._url, error) from error
            raise BenchError(f"the serial port {self._url} disappeared: {error}.", self._advice) from error
        return True

    def read_until(self, *awaited: Awaited, seconds: float) -> Arrival | None:
        """Return the first of these that comes, in the order given, or None after `seconds`.

        The text up to the match is consumed. Text after it, or without a match, stays for the next call.
        """
        deadline = time.monotonic() + seconds
        while True:
            over = time.monotonic() >= deadline
            for one in awaited:
                found = one.find(self._text)
                if found and self.quiet_for >= (one.settle or 0.0):
                    self._text = self._text[found.end() :]
                    return Arrival(one, found.group())
            if over:
                return None
            self._fill()

    def drain(self) -> None:
        """Drop what was printed so far: until the device is quiet for 0.03 s, and for a second at most."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline:
            self._fill()
            if self.quiet_for >= _QUIET_SECONDS:
                break
        self._text = ""

    def _fill(self) -> None:
        """Wait up to 0.01 s for bytes, and take what is there: the last words of a port that goes away, too."""
        data = b""
        try:
            data = self._port.read(1)
            while data and len(data) < _CHUNK and (waiting := self._port.in_waiting):
                data += self._port.read(min(waiting, _CHUNK))
        except OSError as error:
            if not data:
                raise BenchError(f"the serial port {self._url} disappeared: {error}.", self._advice) from error
        if not data:
            return
        self._last = time.monotonic()
        self._received += len(data)
        self._transcript += data
        del self._transcript[:-TRANSCRIPT_LIMIT]
        self._text = (self._text + self._plain.feed(data))[-_WINDOW:]


_CHECK_CABLE = "Check the cable, and use an adapter that is not powered by the sample."
_CHECK_SERVER = "Check that the serial server runs, and that no other client uses the port."
_UNACKNOWLEDGED = "timeout while waiting for option 'control'"
"""pyserial's words for a server that does not acknowledge SET-CONTROL."""


def _unopened(url: str, error: OSError | ValueError | TypeError) -> BenchError:
    """Say why a port could not be opened, and what to do about it."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and isinstance(error.__context__, OSError):  # pyserial makes text of the errors of a connection
        number = error.__context__.errno
    if number == errno.ENOENT:
        return BenchError(
            f"the serial port {url} does not exist.", "Plug in the adapter, or correct `console.url` in the bench file."
        )
    if number in (errno.EACCES, errno.EPERM):
        return BenchError(
            f"this user may not open the serial port {url}.", "Add the user to the dialout group, and log in again."
        )
    if number in (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK):
        return BenchError(f"another program uses the serial port {url}.", "Close that program.")
    if number == errno.ECONNREFUSED:
        return BenchError(
            f"no server listens at the serial port {url}.",
            "Start the serial server, or correct `console.url` in the bench file.",
        )
    if _UNACKNOWLEDGED in str(error):
        return _unacknowledged(url, error)
    if "remote rejected value" in str(error):
        return BenchError(
            f"the serial server of {url} refuses a line setting: {error}.",
            "Correct `console.baud` in the declaration, or allow that rate on the server.",
        )
    if "support RFC2217" in str(error):
        return BenchError(
            f"the server at the serial port {url} does not support RFC 2217.",
            "Free the port on the server, or use socket:// for raw TCP.",
        )
    return BenchError(
        f"the serial port {url} could not be opened: {error}.", "Correct `console.url` in the bench file."
    )


def _unacknowledged(url: str, error: Exception) -> BenchError:
    return BenchError(
        f"the serial server of {url} acknowledges no control lines: {error}.",
        "Append `?ign_set_control` to `console.url` in the bench file.",
    )
