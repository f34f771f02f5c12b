"""The power of a board that QEMU runs, over QEMU's machine protocol (QMP).

Off is `stop` and then `system_reset`: nothing runs any more, nothing was told beforehand, and the board is as it is
before its first instruction. On is `cont`. Each switching is one connection, since QEMU talks to one program at a time.
"""

import json
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lab_config.bench import QMP_ADDRESS
from trustprobe.errors import BenchError
from trustprobe.probe import printable

SECONDS = 15.0
"""The longest time that one switching takes; `stop` writes out what the disk was given before."""
MESSAGE_LIMIT = 1 << 16
"""Bytes of one message, which is one line."""
TOTAL_LIMIT = 1 << 20
"""Bytes of one connection."""
_CHUNK = 4096
_TAIL = 300
_CORRECT = "Correct `power.qmp` in the bench file."


@dataclass(frozen=True)
class QmpPower:
    """Switches the board at a QMP address, `unix:/path` or `host:port`. BenchError when QEMU does not do it."""

    address: str

    def on(self) -> None:
        """Let the board start from its first instruction; one that runs already goes on running."""
        with Qmp(self.address) as machine:
            machine.execute("cont")
            self._require(machine, running=True)

    def off(self) -> None:
        """Stop the board where it is, and forget what it was doing."""
        with Qmp(self.address) as machine:
            machine.execute("stop")
            machine.execute("system_reset")
            machine.await_event("RESET")
            self._require(machine, running=False)

    def _require(self, machine: "Qmp", *, running: bool) -> None:
        state = machine.execute("query-status")
        if not isinstance(state, dict) or state.get("running") is not running:
            asked = "on" if running else "off"
            raise BenchError(
                f"QEMU at {self.address} reports after power {asked}: {printable(json.dumps(state), _TAIL)}.",
                "Read the output of QEMU, end it and start it again.",
            )


class Qmp:
    """One connection that is ready for commands: `with Qmp(address) as machine: machine.execute("stop")`."""

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        self._address = address
        self._seconds = seconds
        self._held = b""
        self._total = 0
        self._events: list[str] = []

    def __enter__(self) -> Self:
        """Connect, read the greeting, and leave the negotiation of capabilities (QMP specification, 2.2 and 4)."""
        self._deadline = time.monotonic() + self._seconds
        self._socket = self._connect()
        try:
            while "QMP" not in (message := self._receive()):
                if "event" not in message:  # a QEMU that is just starting reports that before it greets
                    raise self._no_qmp()
            self.execute("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._socket.close()

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """Give a command, and return what QEMU returns; BenchError where it refuses."""
        try:
            self._socket.settimeout(self._left(f"did not accept `{command}`"))
            given = {"arguments": arguments} if arguments else {}
            self._socket.sendall(json.dumps({"execute": command, **given}).encode() + b"\n")
        except OSError as error:
            raise self._lost(error) from error
        while True:
            message = self._receive()
            if "return" in message:
                return message["return"]
            if "error" in message:
                refusal = message["error"]
                reason = refusal.get("desc", refusal) if isinstance(refusal, dict) else refusal
                raise BenchError(
                    f"QEMU at {self._address} refused `{command}`: {printable(str(reason), _TAIL)}.",
                    "Read the output of QEMU, end it and start it again.",
                )
            self._remember(message)

    def await_event(self, name: str) -> None:
        """Wait until QEMU reports an event of this name, if it did not since the connection was made."""
        while name not in self._events:
            self._remember(self._receive())

    def _remember(self, message: dict[str, Any]) -> None:
        self._events.append(str(message.get("event")))

    def _connect(self) -> socket.socket:
        matched = re.fullmatch(QMP_ADDRESS, self._address)
        if matched is None:
            raise self._no_qmp()
        try:
            if matched["path"]:
                return _unix_connection(matched["path"], self._seconds)
            return socket.create_connection((matched["host"].strip("[]"), int(matched["port"])), self._seconds)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BenchError(
                f"no QEMU answers at {self._address}: {reason}.",
                f"Start it with `-qmp {self._address},server=on,wait=off`, or correct `power.qmp` in the bench file.",
            ) from error

    def _receive(self) -> dict[str, Any]:
        """Return the next message: a JSON object on a line of its own."""
        while b"\n" not in self._held:
            if len(self._held) > MESSAGE_LIMIT or self._total > TOTAL_LIMIT:
                raise self._no_qmp()
            try:
                self._socket.settimeout(self._left("did not answer"))
                data = self._socket.recv(_CHUNK)
            except TimeoutError:
                continue
            except OSError as error:
                raise self._lost(error) from error
            if not data:
                raise self._lost(None)
            self._held += data
            self._total += len(data)
        line, _, self._held = self._held.partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise self._no_qmp() from None
        if not isinstance(message, dict):
            raise self._no_qmp()
        return message

    def _left(self, failure: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BenchError(
                f"QEMU at {self._address} {failure} within {self._seconds:.0f} s.",
                "Close any other program that is connected there (QEMU serves one at a time), or start QEMU again.",
            )
        return left

    def _lost(self, error: OSError | None) -> BenchError:
        reason = (error.strerror or str(error)) if error else "the connection was closed"
        return BenchError(
            f"QEMU at {self._address} closed the connection: {reason}.", "Read its output, and start it again."
        )

    def _no_qmp(self) -> BenchError:
        return BenchError(f"the server at {self._address} does not use QEMU's machine protocol.", _CORRECT)


def _unix_connection(path: str, seconds: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
