"""What a start script of a careless build opens before the firewall is up: Telnet, for a moment."""

import contextlib
import time

from virtual_lab.reference.firmware.ports import Ports

TELNET = "tcp/23"
WINDOW_SECONDS = 0.7


def telnet_before_the_firewall(ports: Ports) -> None:
    """Show a Telnet login to whoever connects in this moment, and close the port again."""
    deadline = time.monotonic() + WINDOW_SECONDS
    with ports.listen(TELNET) as listener:
        while (left := deadline - time.monotonic()) > 0:
            listener.settimeout(left)
            try:
                client, _ = listener.accept()
            except OSError:
                continue  # nobody came, or went away again
            with client, contextlib.suppress(OSError):
                client.sendall(b"\xff\xfd\x18\r\nhalcyon login: ")
