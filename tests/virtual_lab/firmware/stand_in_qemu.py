"""A stand-in for QEMU, for tests of the lab: it takes QEMU's options, speaks QMP, has a UART, and answers on a port.

The machine answers every connection to its tcp/443 with a TLS alert while it runs, and says `boot N` on its UART at
each start. `STAND_IN=die` ends at once, `STAND_IN=mute` never boots.
"""

import contextlib
import json
import os
import re
import socket
import sys
import threading

MEMORY = 0xD503201F
"""A word of memory reads as its address with these bits flipped."""
ALERT = bytes.fromhex("15030300020228")


class Board:
    def __init__(self, uart: socket.socket) -> None:
        self.running = threading.Event()
        self.running.set()
        self.boots = 0
        self._uart = uart
        self._clients: list[socket.socket] = []

    def boot(self) -> None:
        self.boots += 1
        self.running.set()
        print(f"boot {self.boots}", flush=True)

    def serve_uart(self) -> None:
        self._uart.setblocking(True)  # handed over non-blocking for the real one, whose threads accept; here is one
        while True:
            client, _ = self._uart.accept()
            client.sendall(f"boot {self.boots}\r\n".encode())
            self._clients.append(client)

    def serve_tls(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            with client, contextlib.suppress(ConnectionError):
                if client.recv(4096) and self.running.is_set():
                    client.sendall(ALERT)

    def command(self, word: str, arguments: dict[str, str]) -> list[object]:
        match word:
            case "human-monitor-command":
                address = int(arguments["command-line"].split()[-1], 16)
                return [{"return": f"{address:016x}: {address ^ MEMORY:#010x}\r\n"}]
            case "stop":
                self.running.clear()
            case "cont" if not self.running.is_set():
                self.boot()
            case "query-status":
                return [{"return": {"running": self.running.is_set()}}]
            case "system_reset":
                return [{"return": {}}, {"event": "RESET"}]
        return [{"return": {}}]

    def serve_qmp(self, listener: socket.socket) -> None:
        listener.setblocking(True)  # this one accepts in one thread alone
        while True:
            client, _ = listener.accept()
            with client:
                client.sendall(b'{"QMP": {"version": {}, "capabilities": []}}\r\n')
                for line in client.makefile("rb"):
                    asked = json.loads(line)
                    for answer in self.command(asked["execute"], asked.get("arguments", {})):
                        client.sendall(json.dumps(answer).encode() + b"\r\n")


def main() -> None:
    if "--version" in sys.argv:
        print("QEMU emulator version 7.2.0 (a stand-in)")
        return
    mode = os.environ.get("STAND_IN", "")
    if mode == "die":
        sys.exit("qemu: the stand-in found no firmware")
    options = " ".join(sys.argv[1:])
    sockets = {name: socket.socket(fileno=int(fd)) for name, fd in re.findall(r"socket,id=(\w+),fd=(\d+)", options)}
    board = Board(sockets["uart"])
    board.boot()
    for serve, listener in ((board.serve_qmp, sockets["qmp"]), *((board.serve_tls, one) for one in forwarded(options))):
        if mode != "mute" or serve == board.serve_qmp:
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
    board.serve_uart()


def forwarded(options: str) -> list[socket.socket]:
    """The ports of this machine that lead to tcp/443 of the stand-in."""
    rules = re.findall(r"hostfwd=tcp:([0-9.]+):(\d+)-:443\b", options)
    return [socket.create_server((address, int(port))) for address, port in rules]


if __name__ == "__main__":
    main()
