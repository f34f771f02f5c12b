"""The device's security log: RFC 5424 records, and the thread that hands them to the collector.

Records wait in memory while the collector is away. They leave over TLS (RFC 5425); see `collector` for the wire.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logs.store import LogStore

ENTERPRISE = 32473
"""The enterprise number of RFC 5612, for examples."""
QUEUE_RECORDS = 1_000
_VALUE_CHARACTERS = 256
_BURST_RECORDS, _PAUSE_SECONDS = 100, 1.0
_FIRST_DELAY = 0.05
"""Seconds before the next attempt to connect; each one that fails doubles them."""
_AUTH, _LOCAL0 = 10, 16
_WARNING, _NOTICE, _INFORMATIONAL = 4, 5, 6


class Event(Enum):
    """What is logged: MSGID, structured-data name, facility and severity (RFC 5424, 6.2.1)."""

    LOGIN_FAILURE = ("LOGINFAIL", "auth", _AUTH, _WARNING)
    LOGIN_SUCCESS = ("LOGINOK", "auth", _AUTH, _INFORMATIONAL)
    CONFIG_CHANGE = ("CONFIG", "config", _LOCAL0, _NOTICE)
    UPDATE_REJECTED = ("UPDREJECT", "update", _LOCAL0, _WARNING)
    UPDATE_INSTALLED = ("UPDOK", "update", _LOCAL0, _NOTICE)
    LOCKOUT = ("LOCKOUT", "auth", _AUTH, _WARNING)
    START = ("START", "boot", _LOCAL0, _NOTICE)
    FACTORY_RESET = ("FACTRESET", "reset", _LOCAL0, _NOTICE)
    LOG_CLEARED = ("LOGCLEAR", "log", _AUTH, _WARNING)
    TIME_CHANGE = ("TIMECHG", "time", _LOCAL0, _NOTICE)
    SERVICE_START = ("SVCSTART", "service", _LOCAL0, _INFORMATIONAL)

    def __init__(self, message_id: str, name: str, facility: int, severity: int) -> None:
        self.message_id = message_id
        self.structured_data = f"{name}@{ENTERPRISE}"
        self.priority = facility * 8 + severity


class Wire(Protocol):
    """A connection to the collector."""

    def send(self, record: bytes) -> None:
        """Send one record; OSError when the collector is gone, also where it went away while nothing was sent."""

    def wait(self, wake: int) -> bool:
        """Wait until the file descriptor `wake` is readable (True) or the collector has closed (False)."""

    def close(self) -> None:
        """Close the connection."""


def escape(value: str) -> str:
    """Return a PARAM-VALUE (RFC 5424, 6.3.3): `"`, `\\` and `]` escaped; control characters become `?`."""
    safe = "".join(character if character.isprintable() else "?" for character in value[:_VALUE_CHARACTERS])
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


class Burst:
    """Counts records that come without a pause: what a log with a careless rate limit goes by."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0.0
        self._count = 0

    def swallows(self) -> bool:
        """Count one more record; whether so many have come without a pause that the careless limit drops it."""
        with self._lock:
            now = time.monotonic()
            self._count = self._count + 1 if now - self._last < _PAUSE_SECONDS else 1
            self._last = now
            return self._count > _BURST_RECORDS


class Log:
    """The log of one device. `send` never blocks; `start` hands the records to the collector, oldest first."""

    def __init__(
        self,
        hostname: str,
        defects: Defects,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        store: LogStore | None = None,
    ) -> None:
        self.store = store or LogStore(None)
        self._burst = Burst()
        self._hostname = hostname
        self._defects = defects
        self._clock = clock
        self._queue: deque[bytes] = deque(maxlen=QUEUE_RECORDS)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def send(self, event: Event, message: str, **parameters: str) -> None:
        """Log an event, with the parameters of its structured data in this order."""
        if self._burst.swallows() and self._defects("log_flood_loses_events"):
            return
        data = "".join(f' {name}="{escape(value)}"' for name, value in parameters.items())
        stamp = self._timestamp()
        line = (
            f"<{event.priority}>1 {stamp} {self._hostname} camera {os.getpid()} {event.message_id} "
            f"[{event.structured_data}{data}] {message}"
        )
        self.store.append({"time": stamp, "event": event.message_id, **parameters, "message": message})
        with self._changed:
            self._queue.append(line.encode("utf-8", "replace"))
        self._wake()

    def start(self, connect: Callable[[], Wire]) -> None:
        """Start to hand records over; `connect` gives a connection or raises OSError."""
        threading.Thread(target=self._run, args=(connect,), name="log", daemon=True).start()

    def flush(self, seconds: float) -> bool:
        """Wait until every record was handed over; False if that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue, seconds)

    def stop(self) -> None:
        """End the thread; what is still queued is lost."""
        self._stop.set()
        self._wake()

    def _timestamp(self) -> str:
        if self._defects("log_no_time"):
            return "-"
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"!")
        except BlockingIOError:
            return  # the pipe is full: the thread is already being woken

    def _run(self, connect: Callable[[], Wire]) -> None:
        delay = _FIRST_DELAY
        while not self._stop.is_set():
            try:
                wire = connect()
            except OSError:
                self._stop.wait(delay)
                delay = min(2 * delay, 2.0)
                continue
            delay = _FIRST_DELAY
            try:
                self._hand_over(wire)
            except OSError:
                self._stop.wait(delay)
            finally:
                wire.close()

    def _hand_over(self, wire: Wire) -> None:
        """Send what is queued and what comes, until the collector goes away or the log is stopped."""
        while not self._stop.is_set():
            while record := self._oldest():
                wire.send(record)
                self._drop(record)
            if not wire.wait(self._wake_read):
                return
            os.read(self._wake_read, 4096)

    def _oldest(self) -> bytes | None:
        with self._changed:
            return self._queue[0] if self._queue else None

    def _drop(self, record: bytes) -> None:
        with self._changed:
            # A full queue may have dropped it already, from the same end.
            if self._queue and self._queue[0] is record:
                self._queue.popleft()
            self._changed.notify_all()
