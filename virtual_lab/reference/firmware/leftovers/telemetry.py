"""A planted flaw: a collector of usage data that the declaration does not name, where the cloud is, on another port."""

import contextlib
import socket
import threading
import time

from virtual_lab.reference.firmware.device import Device

PORT = 8125
_PERIOD_SECONDS = 5.0
_SECONDS = 1.0


class Telemetry:
    """Sends how long the device runs, every few seconds."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._address = str(device.flash.config["cloud"]["address"])

    def start(self) -> None:
        """Send in the background, for as long as the device runs."""
        threading.Thread(target=self._run, name="telemetry", daemon=True).start()

    def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                self._send()
            time.sleep(_PERIOD_SECONDS)

    def _send(self) -> None:
        own = (self._device.ports.address, 0)
        with socket.create_connection((self._address, PORT), _SECONDS, source_address=own) as sock:
            sock.sendall(f"uptime:{self._device.boot.uptime}|g\n".encode())
