"""Ports that nobody listens on, and that the system gives to nobody in the meantime.

A port that was asked of the system (0) and closed again may be given to the next who asks: another test, or a client.
"""

import itertools
import os
import socket

_FIRST, _COUNT = 10_000, 22_000
"""Below the ports that the system gives away: Linux begins at 32,768 (ip_local_port_range)."""
_SPREAD = 7919
"""Processes with neighbouring numbers begin far from each other."""
_numbers = itertools.count(os.getpid() * _SPREAD)


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of this address that nothing is bound to; never the same one soon again."""
    for number in itertools.islice(_numbers, _COUNT):
        port = _FIRST + number % _COUNT
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind((address, port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port of {address} is free")
