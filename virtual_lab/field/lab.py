"""The lab that holds one field device: gives it its software, a cable and power, and clears everything away."""

import contextlib
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import yaml

from lab_config.reading.yaml_file import read_text
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.place import python
from trustprobe.probe import printable
from virtual_lab.field.device import CONFIGURATIONS, FieldDevice
from virtual_lab.field.machine import CABLE_JOINED, DONE, LOG, NAMESPACE_MADE, STARTED
from virtual_lab.lab import VirtualLab
from virtual_lab.reference import namespace

_MAC: Final = "02:46:49:45:4c:44"
_PREPARE_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.1
_LOG_TAIL: Final = 3000
_MOST_OCTETS: Final = 1 << 16
_NO_PIN: Final = "0" * 64
"""The value of a pin until the device has made its certificate."""

_MAKE_CERTIFICATE: Final = """\
#!/bin/sh -e
# The factory's: make-certificate NAME writes /etc/device.key and the self-signed /etc/device.crt
cat > /etc/device.conf <<END
[req]
prompt = no
distinguished_name = name
x509_extensions = server
[name]
CN = $1
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:$1, IP:192.0.2.10
subjectKeyIdentifier = hash
END
umask 077
openssl req -quiet -x509 -config /etc/device.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
    -sha256 -days 700 -keyout /etc/device.key -out /etc/device.crt 2> /dev/null
chmod 644 /etc/device.crt
"""


class FieldLab(VirtualLab):
    """A running field device: `with FieldLab(folder, device, "badly", root) as lab: ...`.

    `folder` must not hold a device yet, and `root` is the device's file system (see `software.file_system`).
    `namespace.enter_lab()` was called before. Raises BenchError when the device does not come up.
    """

    def __init__(self, folder: Path, device: FieldDevice, configuration: str, root: Path) -> None:
        super().__init__(folder, (), loopback=False)
        self.device = device
        self.configuration = configuration
        self.address6 = namespace.DEVICE_ADDRESS6 if namespace.has_ipv6() else ""
        self._wanted = device.file.merged(configuration)
        self._root = root

    @property
    def bench(self) -> Path:
        """The file of the bench, written when the lab was entered."""
        return self.folder / f"{self.device.name}_{self.configuration}.yaml"

    @property
    def product(self) -> Path:
        """The file of the declaration, written when the lab was entered."""
        return self.folder / "product" / f"{self.device.name}.yaml"

    def _start(self) -> None:
        namespace.require_fresh_lab()
        self.write_files()
        self._opened.callback(namespace.part_device)
        self._control, far = socket.socketpair()
        self._opened.enter_context(self._control)
        with far:
            machine = self._start_machine(far)
            self._opened.callback(_end, machine, self._control)
        self._expect(NAMESPACE_MADE, "it made no namespaces")
        namespace.join_device(machine.pid, _MAC)
        self._control.sendall(CABLE_JOINED)
        self._expect(STARTED, "it could not be prepared")
        self._serve_power()
        self._await_ready()
        self.read_pins()

    def write_files(self) -> None:
        """Write the files of the device, the declaration and the bench, and set the environment."""
        changes = self.folder / "changes"
        changes.mkdir(parents=True)
        for name, text in {**_system_files(), **self._wanted.files}.items():
            path = changes / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        number = CONFIGURATIONS.index(self.configuration)
        identifier = f"{self.device.name}_{self.configuration}"
        product = {**self.device.product(self.configuration), "id": identifier}
        # Another lab with the same device is another bench: each is in a network of its own.
        bench = {**self.device.bench(self.configuration), "id": f"{identifier}_{os.getpid()}", "product": identifier}
        self.product.parent.mkdir()
        for path, document in ((self.product, product), (self.bench, bench)):
            path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")
        self.environment = self._environment(number)

    def _environment(self, number: int) -> dict[str, str]:
        return {
            "FIELD_ADDRESS": namespace.DEVICE_ADDRESS,
            "FIELD_ADDRESS6": self.address6,
            "FIELD_OTHER_SOURCE": namespace.LAB_OTHER_ADDRESS,
            "FIELD_COLLECTOR": namespace.LAB_ADDRESS,
            "FIELD_PYTHON": sys.executable,
            "FIELD_SWITCH": str(Path(__file__).with_name("switch.py")),
            "FIELD_POWER": str(self.folder / "power"),
            "FIELD_FILES": str(self.folder / "changes"),
            "FIELD_SERIAL": f"{self.device.name}-{number:04d}",
            **dict.fromkeys(self._wanted.pins, _NO_PIN),
            **self._wanted.passwords,
        }

    def read_pins(self) -> None:
        """Read the pins of the certificates that the device made, as the owner of a paired peer would."""
        for name, path in self._wanted.pins.items():
            try:
                text = read_text(self.folder / "changes" / path.lstrip("/"), _MOST_OCTETS)
                self.environment[name] = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
            except (ConfigurationError, ValueError) as error:
                raise self._failure(f"{path} holds no certificate ({error})") from None

    def _start_machine(self, control: socket.socket) -> subprocess.Popen[bytes]:
        plan: dict[str, Any] = {
            "parent": os.getpid(),
            "control": control.fileno(),
            "address": namespace.DEVICE_ADDRESS,
            "address6": self.address6,
            "root": str(self._root),
            "folder": str(self.folder),
            "prepare": self._wanted.prepare,
            "start": self._wanted.start,
        }
        with (self.folder / LOG).open("ab") as log:
            return subprocess.Popen(
                [*python("virtual_lab.field.machine"), json.dumps(plan)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(control.fileno(),),
                start_new_session=True,  # Ctrl-C is for the lab, which then ends the machine
            )

    def _expect(self, message: bytes, failure: str) -> None:
        self._control.settimeout(_PREPARE_SECONDS)
        received = b""
        with contextlib.suppress(OSError):
            received = self._control.recv(1)
        if received != message:
            raise self._failure(failure)

    def _failure(self, what: str) -> BenchError:
        lines = (self.folder / LOG).read_bytes()[-_LOG_TAIL:].splitlines()
        said = "\n".join(printable(line) for line in lines)
        return BenchError(
            f"the field device {self.device.name} ({self.configuration}) did not start: {what}.",
            f"{LOG} in {self.folder} ends with:\n{said}",
        )

    def _serve_power(self) -> None:
        """Pass the switch's words on to the machine, one client at a time."""
        server = self._opened.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(self.environment["FIELD_POWER"])
        server.listen()
        threading.Thread(target=self._pass_on, args=(server,), daemon=True).start()

    def _pass_on(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the lab is gone
            while True:
                client = server.accept()[0]
                with client:
                    self._control.sendall(client.recv(1))
                    if self._control.recv(1) == DONE:
                        client.sendall(DONE)

    def _await_ready(self) -> None:
        """Wait until the device answers as its file says."""
        ready = self.device.file.ready
        deadline = time.monotonic() + ready.seconds
        while time.monotonic() < deadline:
            began = time.monotonic()
            if _answers(ready.port, ready.path):
                return
            time.sleep(max(0.0, began + _RETRY_SECONDS - time.monotonic()))  # a device that starts gives no event
        raise self._failure(f"tcp/{ready.port} did not answer within {ready.seconds:.0f} s")


def _answers(port: int, path: str | None) -> bool:
    try:
        if path is None:
            socket.create_connection((namespace.DEVICE_ADDRESS, port), 1).close()
            return True
        client = http.client.HTTPConnection(namespace.DEVICE_ADDRESS, port, timeout=5)
        with contextlib.closing(client):
            client.request("GET", path)
            return client.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False


def _system_files() -> dict[str, str]:
    """The files that an installed system has and no package holds."""
    return {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "/etc/shadow": "root:*:19700:0:99999:7:::\n",
        "/etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{namespace.DEVICE_ADDRESS} device\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
        "/etc/resolv.conf": "",
        "/etc/shells": "/bin/sh\n",
        "/usr/local/sbin/make-certificate": _MAKE_CERTIFICATE,
    }


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    """Close the control socket, which ends the machine and everything in it."""
    control.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
