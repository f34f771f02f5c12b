"""A small QMP server, one client at a time as QEMU's: a machine that runs or does not, and what it was told."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}}, "capabilities": []}}


class Machine:
    """What the server knows: `told` are the commands, `refused` the ones that it answers with an error.

    `early` is sent before the greeting.
    """

    def __init__(self, refused: tuple[str, ...] = (), *, deaf: bool = False, early: bytes = b"") -> None:
        self.running = True
        self.told: list[str] = []
        self._refused = refused
        self._deaf = deaf
        self._early = early

    def answers(self, line: bytes) -> list[object]:
        """What is sent for one line: events of an earlier command may come before the answer to a later one."""
        command = json.loads(line)["execute"]
        self.told.append(command)
        if command in self._refused:
            return [{"error": {"class": "GenericError", "desc": f"no {command} today\x1b[2J"}}]
        match command:
            case "query-status":
                return [{"return": {"status": "running" if self.running else "prelaunch", "running": self.running}}]
            case "stop" | "cont" if not self._deaf:
                self.running = command == "cont"
                return [{"event": "RESUME" if self.running else "STOP"}, {"return": {}}]
            case "system_reset":
                return [{"return": {}}, {"event": "RESET", "data": {"guest": False}}]
        return [{"return": {}}]

    def serve(self, client: socket.socket) -> None:
        client.sendall(self._early + json.dumps(GREETING).encode() + b"\r\n")
        for line in client.makefile("rb"):
            for answer in self.answers(line):
                client.sendall(json.dumps(answer).encode() + b"\r\n")


@contextmanager
def serving(path: Path, machine: Machine) -> Iterator[str]:
    """Serve a machine at a Unix socket, and yield its address."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_accept, args=(listener, machine), daemon=True)
        thread.start()
        try:
            yield f"unix:{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _accept(listener: socket.socket, machine: Machine) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client, suppress(ConnectionError):  # who waited may be gone
            machine.serve(client)
