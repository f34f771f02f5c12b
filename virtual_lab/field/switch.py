"""The power switch of the field lab, as a program of the bench: `python switch.py SOCKET on|off`."""

import socket
import sys


def main() -> int:
    """Switch, and return 0 once it is done."""
    path, wanted = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as lab:
        lab.settimeout(20)
        lab.connect(path)
        lab.sendall(b"1" if wanted == "on" else b"0")
        return 0 if lab.recv(1) == b"d" else 1


if __name__ == "__main__":
    sys.exit(main())
