"""A reference device under test: its process, its serial line and clients for its interfaces.

Everything waits for what the device shows, with a deadline that only a failing test meets.
"""

import json
import os
import re
import select
import socket
import subprocess
import sys
import time
import tty
from pathlib import Path

import paramiko
import requests

from tests.free_ports import free_port
from virtual_lab.reference.provision import provision

ADDRESS, COLLECTOR = f"127.8.{os.getpid() // 254 % 254}.{os.getpid() % 254 + 1}", "127.0.8.1"
"""Each process of tests has an address of its own: a port that nobody listens on may be another process's port."""
SECONDS = 60.0
_SERVICES = (
    "tcp/322",
    "tcp/443",
    "tcp/22",
    "tcp/23",
    "tcp/21",
    "tcp/1883",
    "tcp/2345",
    "tcp/6380",
    "tcp/8023",
    "tcp/8899",
    "udp/3702",
    "udp/5353",
    "udp/5684",
    "udp/161",
)


class Uart:
    """The bench's end of the serial line."""

    def __init__(self) -> None:
        self.bench, self.device = os.openpty()
        tty.setraw(self.device)
        self._seen = b""

    def type(self, text: str) -> None:
        os.write(self.bench, text.encode())

    def expect(self, pattern: str) -> str:
        """Read until a pattern and return everything up to its end; what follows stays for the next call."""
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(pattern.encode(), self._seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.bench], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} on the console, but {self._seen!r}")
            self._seen += os.read(self.bench, 4096)
        text, self._seen = self._seen[: found.end()], self._seen[found.end() :]
        return text.decode()

    def close(self) -> None:
        os.close(self.bench)
        os.close(self.device)


class Camera:
    """One provisioned device. `start` boots it up to its console prompt."""

    def __init__(
        self, folder: Path, *defects: str, collector_port: int = 9, cloud_port: int = 9, prompt: str = r"login: "
    ) -> None:
        self.folder = folder
        self.label = provision(
            folder,
            defects=defects,
            address=ADDRESS,
            collector=COLLECTOR,
            collector_port=collector_port,
            cloud_port=cloud_port,
        )
        self.ports = {service: _free_port(service) for service in _SERVICES}
        self.uart = Uart()
        self._prompt = prompt
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = folder / "stderr"

    def power_on(self, reset: str = "power-on") -> None:
        """Start the firmware and do not wait for anything."""
        command = [sys.executable, "-m", "virtual_lab.reference.firmware"]
        command += ["--flash", str(self.folder / "flash"), "--uart-fd", str(self.uart.device), "--reset", reset]
        command += ["--address", ADDRESS, "--collector", COLLECTOR, "--port-map", json.dumps(self.ports)]
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                command, pass_fds=[self.uart.device], stdout=subprocess.DEVNULL, stderr=errors
            )

    def start(self, reset: str = "power-on") -> str:
        """Boot up to the console prompt; return the boot log."""
        self.power_on(reset)
        try:
            return self.uart.expect(self._prompt)
        except AssertionError as error:
            error.add_note(f"the firmware reported: {self.errors or 'nothing'}")
            raise

    def wait(self) -> int:
        """Wait until the firmware ends by itself; return its exit status."""
        assert self._process is not None
        return self._process.wait(SECONDS)

    def terminate(self) -> int:
        """Ask the firmware to end, as the board does; return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    @property
    def errors(self) -> str:
        """What the firmware wrote to its standard error."""
        return self._errors.read_text() if self._errors.exists() else ""

    def close(self) -> None:
        """End the firmware; fails when it has reported a crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(SECONDS)
        self.uart.close()
        assert self.errors == ""

    def url(self, path: str) -> str:
        return f"https://{ADDRESS}:{self.ports['tcp/443']}{path}"

    def web(self) -> requests.Session:
        """Return a browser without a login that trusts the product CA."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.folder / "lab" / "product_ca.pem")
        return session

    def login(self, user: str) -> requests.Session:
        """Return a browser that is logged in."""
        session = self.web()
        passwords = {"admin": self.label.admin_password, "viewer": self.label.viewer_password}
        fields = {"username": user, "password": passwords[user]}
        assert session.post(self.url("/login"), fields, allow_redirects=False, timeout=SECONDS).status_code == 303
        return session

    def image(self, name: str) -> bytes:
        return (self.folder / "lab" / "images" / f"{name}.tar").read_bytes()

    def connect(self, service: str) -> socket.socket:
        return socket.create_connection((ADDRESS, self.ports[service]), SECONDS)

    def ask(self, service: str, datagram: bytes, seconds: float = SECONDS) -> bytes:
        """Send a datagram and return the answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds)
            sock.connect((ADDRESS, self.ports[service]))
            sock.send(datagram)
            return sock.recv(65536)

    def ssh(self, user: str, password: str) -> paramiko.SSHClient:
        """Log in over SSH."""
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            ADDRESS, self.ports["tcp/22"], user, password, look_for_keys=False, allow_agent=False, timeout=SECONDS
        )
        return client


def _free_port(service: str) -> int:
    return free_port(ADDRESS, socket.SOCK_STREAM if service.startswith("tcp") else socket.SOCK_DGRAM)


def read_until(sock: socket.socket | paramiko.Channel, end: bytes) -> bytes:
    """Read from a socket until an ending; a closed connection ends it too."""
    seen = b""
    while not seen.endswith(end) and (more := sock.recv(4096)):
        seen += more
    return seen
