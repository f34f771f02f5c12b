"""A TFTP server of the production line on udp/69, left in the build as a defect: it gives its settings (RFC 1350)."""

import threading

from virtual_lab.reference.firmware.device import Device

PORT = "udp/69"
_DATAGRAM_OCTETS = 1_024
_READ, _WRITE = b"\0\1", b"\0\2"
_SETTINGS = b"hostname halcyon\nline station-7\nupload enabled\n"
_NOT_FOUND, _ACKNOWLEDGED = b"\0\5\0\1File not found\0", b"\0\4\0\0"


class TftpServer:
    """Answers on the device's own address. What is to be written is accepted, and dropped."""

    def __init__(self, device: Device) -> None:
        self._socket = device.ports.datagrams(PORT)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._serve, name="tftp", daemon=True).start()

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the first packet of the answer to a request, else None."""
        if datagram[:2] == _WRITE:
            return _ACKNOWLEDGED
        if datagram[:2] != _READ:
            return None
        wanted = datagram[2:].split(b"\0")[0]
        return b"\0\3\0\1" + _SETTINGS if wanted == b"config.txt" else _NOT_FOUND

    def _serve(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(_DATAGRAM_OCTETS)
                if (answer := self.answer(datagram)) is not None:
                    self._socket.sendto(answer, peer)
            except OSError:
                continue
