"""A stand-in for the firmware, for tests of the board and the lab: greets on tcp/443, and obeys its console.

Console lines: `restart` ends with the status that asks for a reset, `crash` with another, `where` names its ends.
"""

import argparse
import json
import os
import socket
import sys
import threading


def serve(listener: socket.socket, greeting: bytes) -> None:
    while True:
        client, _ = listener.accept()
        with client:
            client.sendall(greeting)


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--flash", "--uart-fd", "--address", "--collector", "--port-map", "--reset"):
        parser.add_argument(option, required=True)
    parser.add_argument("--crash-at-once", action="store_true")
    arguments = parser.parse_args()
    if arguments.crash_at_once:
        sys.exit("the stand-in cannot boot")
    uart = int(arguments.uart_fd)
    port = json.loads(arguments.port_map).get("tcp/443", 443)
    listener = socket.create_server((arguments.address, port))
    threading.Thread(target=serve, args=(listener, arguments.reset.encode()), daemon=True).start()
    os.write(uart, f"boot {arguments.reset}\r\n".encode())
    line = b""
    while True:
        line += os.read(uart, 1)
        if not line.endswith(b"\n"):
            continue
        match line.split():
            case [b"restart"]:
                os._exit(75)
            case [b"crash"]:
                os._exit(3)
            case words:
                os.write(uart, b"heard " + b" ".join(words) + b"\r\n")
        line = b""


if __name__ == "__main__":
    main()
