"""A board on the desk for the tests: a pty in place of /dev/ttyUSB0, services on loopback, a relay for its power."""

import socket
import ssl
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.drivers.network.loopback_servers import require_client, tcp_server, udp_server
from tests.drivers.serial.pty_device import Line, PtyDevice, playing
from tests.free_ports import free_port

PASSWORD = "correct horse battery"
BAUD = termios.B115200
BOOT = """\
U-Boot 2023.01+dfsg-2+deb12u1 (Jan 11 2025)

DRAM:  512 MiB
## Loading kernel from FIT Image at 41000000 ...
   Verifying Hash Integrity ... sha256,rsa2048:boot+ OK
Starting kernel ...

"""
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CONNACK = b"\x20\x02\x00\x05"
SNMP_REPORT = b"\x30\x0a\x02\x01\x03\x30\x00\xa8\x00"
MDNS_ANSWER = bytes.fromhex("0000 8400 0000 0001 0000 0000")


@dataclass(frozen=True)
class HubConsole:
    """The serial console of a hub: U-Boot, and a login program. What it prints at another rate nobody can read."""

    rate: Callable[[], int] = lambda: BAUD
    mute: bool = False

    def boot(self, line: Line) -> None:
        self._write(line, BOOT.replace("\n", "\r\n"))
        self.wait_for_login(line)

    def wait_for_login(self, line: Line) -> None:
        while True:
            self._write(line, "\r\nhub login: ")
            user = self._line(line)
            if not user or user in "\x03\x04":
                continue
            self._write(line, "Password: ")
            if (user, self._line(line, echo=False)) == ("service", PASSWORD):
                self._shell(line)
            else:
                self._write(line, "\r\nLogin incorrect\r\n")

    def _shell(self, line: Line) -> None:
        while True:
            self._write(line, "service@hub:~$ ")
            if self._line(line) in ("exit", "\x04"):
                return

    def _line(self, line: Line, echo: bool = True) -> str:
        return line.line(echo=echo and not self.mute and self.rate() == BAUD)

    def _write(self, line: Line, text: str) -> None:
        data = text.encode()
        line.write(data if self.rate() == BAUD else bytes(byte ^ 0xE5 for byte in data))


@dataclass
class Canary:
    """A TCP service that goes away with the power: its port is closed and opened again.

    The system gives the port to nobody while it is closed.
    """

    handle: Callable[[socket.socket], None]
    port: int = field(default_factory=free_port)
    _served: ExitStack = field(default_factory=ExitStack)

    def on(self) -> None:
        self.off()
        self._served.enter_context(tcp_server(self.handle, ("127.0.0.1", self.port)))

    def off(self) -> None:
        self._served.close()


@dataclass(frozen=True)
class Board:
    """What a test plugs in."""

    tty: PtyDevice
    ports: dict[str, int]
    relay: int
    canary: Canary
    authority: Path

    def switch(self, on: bool) -> None:
        if not on:
            self.canary.off()
            return
        self.canary.on()
        self.tty.restart()


@contextmanager
def board(folder: Path, mute: bool = False) -> Iterator[Board]:
    """A hub that has started, with the services that lab_config/products/firmware_gateway.yaml declares."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "maker_ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hub.local", "127.0.0.1").configure_cert(context)
    rates: list[Callable[[], int]] = []
    console = HubConsole(lambda: rates[0]() if rates else BAUD, mute)
    with ExitStack() as opened:
        tty = opened.enter_context(playing(console.wait_for_login, console.boot))
        rates.append(lambda: termios.tcgetattr(tty.slave)[4])
        canary = Canary(lambda connection: _in_tls(context, connection, HTTP))
        canary.on()
        opened.callback(canary.off)
        ports = {
            "tcp/443": canary.port,
            "tcp/22": opened.enter_context(tcp_server(lambda one: one.sendall(b"SSH-2.0-dropbear\r\n"))),
            "tcp/8883": opened.enter_context(tcp_server(lambda one: _in_tls(context, one, CONNACK))),
            "udp/161": opened.enter_context(udp_server(lambda _, reply: reply(SNMP_REPORT))),
            "udp/5353": opened.enter_context(udp_server(lambda _, reply: reply(MDNS_ANSWER))),
        }
        relay = opened.enter_context(tcp_server(lambda one: _switched(one, lambda on: hub.switch(on))))
        hub = Board(tty, ports, relay, canary, folder / "maker_ca.pem")
        yield hub


def _in_tls(context: ssl.SSLContext, connection: socket.socket, answer: bytes) -> None:
    connection.settimeout(30)
    require_client(connection)
    with context.wrap_socket(connection, server_side=True) as session:
        if session.recv(4096):
            session.sendall(answer)


def _switched(connection: socket.socket, switch: Callable[[bool], None]) -> None:
    switch(b"turn=on" in connection.recv(4096))
    connection.sendall(HTTP)
