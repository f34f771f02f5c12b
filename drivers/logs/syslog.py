"""Syslog as it comes over a wire: RFC 5424 records, and the framing of RFC 5425 and RFC 6587.

Hostile input is data: a record that is none has an `error` and its raw bytes. No socket is opened here.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

FRAME_LIMIT = 64 * 1024
"""Octets of one frame; what is longer is cut, and the record says so."""
COUNT_DIGITS = 9
"""Digits of an octet count that are read; more is no count."""

_HEADER = re.compile(
    rb"(?P<version>[1-9]\d{0,2}) (?P<time>[!-~]+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<pid>[!-~]{1,128})"
    rb" (?P<msgid>[!-~]{1,32}) "
)
_PRIORITY = re.compile(rb"<(0|[1-9]\d{0,2})>")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_SD_NAME = rb"[!#-<>-\\^-~]{1,32}"
_SD_ID = re.compile(rb"\[(" + _SD_NAME + rb")")
_SD_PARAM = re.compile(rb" (" + _SD_NAME + rb')="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\\]])')
_COUNT = re.compile(rb"([1-9]\d{0,%d}) " % (COUNT_DIGITS - 1))
_BETWEEN = b"\r\n\0"
_LINE_END = re.compile(rb"[\n\0]")
_NEXT = re.compile(rb"[\r\n\0]+(?=<\d{1,3}>)")
"""Between two records of one datagram."""


@dataclass(frozen=True)
class SyslogRecord:
    """One record. None stands for NILVALUE, and for what could not be read; then `error` says why."""

    raw: bytes
    priority: int | None = None
    timestamp: datetime | None = None
    host: str | None = None
    app: str | None = None
    pid: str | None = None
    msgid: str | None = None
    structured: dict[str, dict[str, str]] = field(default_factory=dict)
    message: str = ""
    error: str | None = None

    @property
    def facility(self) -> int | None:
        """The facility, RFC 5424 6.2.1."""
        return None if self.priority is None else self.priority // 8

    @property
    def severity(self) -> int | None:
        """The severity, RFC 5424 6.2.1; 0 is the worst."""
        return None if self.priority is None else self.priority % 8

    @property
    def text(self) -> str:
        """The whole frame as text, for patterns; undecodable octets are `\\xNN`."""
        return self.raw.decode("utf-8", "backslashreplace")


def parse(frame: bytes) -> SyslogRecord:
    """Read one frame as RFC 5424; never raises. What was read before an error is kept, the rest is the message."""
    raw = frame[:FRAME_LIMIT]
    found = SyslogRecord(raw=raw)
    if not (priority := _PRIORITY.match(raw)) or int(priority[1]) > 191:
        return _with_error(found, 0, "no priority")
    found = SyslogRecord(raw=raw, priority=int(priority[1]))
    if not (header := _HEADER.match(raw, priority.end())) or header["version"] != b"1":
        return _with_error(found, priority.end(), "no RFC 5424 header")
    timestamp, problem = _timestamp(header["time"].decode())
    host, app, pid, msgid = (_or_nil(header[name]) for name in ("host", "app", "pid", "msgid"))
    structured, end, broken = _structured(raw, header.end())
    problem = problem or broken
    problem = problem or ("longer than 64 KiB" if len(frame) > FRAME_LIMIT else None)
    message = raw[end:].removeprefix(b" ").removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    return SyslogRecord(
        raw=raw,
        priority=found.priority,
        timestamp=timestamp,
        host=host,
        app=app,
        pid=pid,
        msgid=msgid,
        structured=structured,
        message=message,
        error=problem,
    )


def split_datagram(data: bytes) -> list[bytes]:
    """Cut a datagram into records: RFC 5426 allows one in it, and some senders put in several, or end it as a line."""
    rest = data.strip(_BETWEEN)
    counted = Deframer()
    frames = counted.feed(data.lstrip(_BETWEEN)) if _COUNT.match(rest) else []
    if frames and not counted.close() and all(_PRIORITY.match(frame) for frame in frames):
        return frames
    return [frame.strip(_BETWEEN) for frame in _NEXT.split(rest)] if rest else []


def _with_error(record: SyslogRecord, rest: int, problem: str) -> SyslogRecord:
    message = record.raw[rest:].decode("utf-8", "backslashreplace")
    return SyslogRecord(raw=record.raw, priority=record.priority, message=message, error=problem)


def _or_nil(value: bytes) -> str | None:
    return None if value == b"-" else value.decode("ascii")


def _timestamp(text: str) -> tuple[datetime | None, str | None]:
    """Read a TIMESTAMP (RFC 5424 6.2.3): the time and what is wrong with it."""
    if text == "-":
        return None, None
    if not (found := _TIMESTAMP.fullmatch(text)):
        return None, "no RFC 5424 timestamp"
    fraction = (found[7] or "").ljust(6, "0")
    offset = timedelta(hours=int(found[9] or 0), minutes=int(found[10] or 0))
    try:
        zone = UTC if found[8] is None else timezone(-offset if found[8] == "-" else offset)
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        whole = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        return whole.replace(microsecond=int(fraction)), None
    except ValueError as error:
        return None, f"no time: {error}"


def _structured(raw: bytes, start: int) -> tuple[dict[str, dict[str, str]], int, str | None]:
    """Read STRUCTURED-DATA (RFC 5424 6.3): the elements, where they end, and what is wrong with them."""
    elements: dict[str, dict[str, str]] = {}
    if raw[start : start + 1] == b"-":
        return elements, start + 1, None if raw[start + 1 : start + 2] in {b"", b" "} else "no structured data"
    here = start
    while name := _SD_ID.match(raw, here):
        here = name.end()
        values: dict[str, str] = {}
        while param := _SD_PARAM.match(raw, here):
            values[param[1].decode("ascii")] = _ESCAPE.sub(r"\1", param[2].decode("utf-8", "backslashreplace"))
            here = param.end()
        if raw[here : here + 1] != b"]":
            return elements, here, "structured data is broken"
        if name[1].decode("ascii") in elements:
            return elements, here + 1, "structured data holds an element twice"
        elements[name[1].decode("ascii")] = values
        here += 1
    if not elements or raw[here : here + 1] not in {b"", b" "}:
        return elements, here, "structured data is broken"
    return elements, here, None


class Deframer:
    """Cut a stream into frames: octet counting (RFC 5425 4.3, RFC 6587 3.4.1) or lines (RFC 6587 3.4.2).

    A line ends with LF, CRLF or NUL, whichever comes first. The framing is told apart at each frame, as some senders
    change. Frames do not depend on how the stream was cut into pieces. A frame beyond FRAME_LIMIT comes out one octet
    longer than the limit, and its rest is dropped.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._drop = 0
        self._drop_line = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take octets of the stream, and return the frames that are whole."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def close(self) -> list[bytes]:
        """Return what is left at the end of the stream: one frame that is cut off, or none."""
        rest = b"" if self._drop or self._drop_line else bytes(self._buffer.strip(_BETWEEN))
        self._buffer.clear()
        return [rest] if rest else []

    def _next(self) -> bytes | None:
        if not self._dropped():
            return None
        start = len(self._buffer) - len(self._buffer.lstrip(_BETWEEN))
        del self._buffer[:start]
        if not self._buffer:
            return None
        if counted := _COUNT.match(self._buffer):
            return self._counted(counted.end(), int(counted[1]))
        if len(self._buffer) <= COUNT_DIGITS and self._buffer.isdigit() and not self._buffer.startswith(b"0"):
            return None
        return self._line()

    def _dropped(self) -> bool:
        """Drop the rest of a frame that was too long; whether all of it has come."""
        if self._drop_line:
            end = self._end()
            del self._buffer[: end + 1 if end >= 0 else len(self._buffer)]
            self._drop_line = end < 0
        dropped = min(self._drop, len(self._buffer))
        del self._buffer[:dropped]
        self._drop -= dropped
        return not self._drop and not self._drop_line

    def _counted(self, start: int, count: int) -> bytes | None:
        kept = min(count, FRAME_LIMIT + 1)
        if len(self._buffer) < start + kept:
            return None
        frame = bytes(self._buffer[start : start + kept])
        del self._buffer[: start + kept]
        self._drop = count - kept
        return frame

    def _end(self, limit: int | None = None) -> int:
        """Return where the first line end is, within so many octets; -1 where none is."""
        found = _LINE_END.search(self._buffer, 0, len(self._buffer) if limit is None else limit)
        return found.start() if found else -1

    def _line(self) -> bytes | None:
        end = self._end(FRAME_LIMIT + 2)
        if end < 0 and len(self._buffer) < FRAME_LIMIT + 2:
            return None
        frame = bytes(self._buffer[: FRAME_LIMIT + 1 if end < 0 else end])
        del self._buffer[: FRAME_LIMIT + 1 if end < 0 else end + 1]
        self._drop_line = end < 0
        return frame.rstrip(b"\r")
