"""The lab that holds one reference device: provisions it, gives it a cable and power, and clears everything away.

In a namespace the device has its own network stack behind a cable; with `loopback` it is a process of this machine on
127.0.8.10 with high ports. What the device does is in `board.py` and `firmware/`.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.place import python
from trustprobe.probe import printable
from virtual_lab.defects import file_name
from virtual_lab.lab import VirtualLab, require_free
from virtual_lab.reference import namespace
from virtual_lab.reference.board import CABLE_JOINED, CONSOLE, FIRMWARE_LOG, NAMESPACE_MADE, POWERED, PROCESSOR_DEAD
from virtual_lab.reference.defects import UnknownDefectError
from virtual_lab.reference.firmware.sensors import COMPANION, DOOR, WINDOW
from virtual_lab.reference.firmware.storage.flash import CONFIG
from virtual_lab.reference.provision import TIME_PORT, Provisioned, provision

LOOPBACK_DEVICE: Final = "127.0.8.10"
LOOPBACK_LAB: Final = "127.0.8.1"
LOOPBACK_OTHER: Final = "127.0.8.2"
LOOPBACK_PORTS: Final = MappingProxyType(
    {
        "tcp/21": 20021,
        "tcp/22": 20022,
        "tcp/23": 20023,
        "tcp/322": 20322,
        "tcp/443": 20443,
        "tcp/1883": 21883,
        "tcp/2345": 22345,
        "tcp/8088": 28088,
        "tcp/8899": 28899,
        "udp/161": 20161,
        "udp/3702": 23702,
        "udp/5353": 25353,
        "udp/5684": 25684,
    }
)
LOOPBACK_TIME_PORT: Final = 20123
"""An ordinary user cannot take udp/123 on this machine."""
CANARY: Final = "tcp/443"
_BOOT_SECONDS = 20.0
_BOARD_SECONDS = 10.0
_STOP_SECONDS = 5.0
_CONNECT_SECONDS = 0.5
_RETRY_SECONDS = 0.05
_LOG_TAIL = 2000
_BOARD_LOG = "lab/board.log"


class ReferenceLab(VirtualLab):
    """A running reference device: `with ReferenceLab(folder) as lab: ...`, from a thread that outlives the block.

    `folder` must not hold a device yet. Without `loopback`, `namespace.enter_lab()` was called before. Without `wait`
    the device is still starting when the block begins, and `await_boot` waits for it. `firmware` and
    `provisioner` are there for tests of the lab itself: another program than the device's own, and another factory.
    Raises BenchError when the device does not come up.
    """

    board = "the board"
    """What messages call it."""

    def __init__(
        self,
        folder: Path,
        defects: Sequence[str] = (),
        loopback: bool = False,
        *,
        wait: bool = True,
        firmware: Sequence[str] | None = None,
        provisioner: Callable[..., Provisioned] = provision,
    ) -> None:
        super().__init__(folder, defects, loopback)
        self.address = LOOPBACK_DEVICE if loopback else namespace.DEVICE_ADDRESS
        self.collector = LOOPBACK_LAB if loopback else namespace.LAB_ADDRESS
        self.address6 = "" if loopback or not namespace.has_ipv6() else namespace.DEVICE_ADDRESS6
        self.time_port = LOOPBACK_TIME_PORT if loopback else TIME_PORT
        self.port_map = dict(LOOPBACK_PORTS) if loopback else {}
        self._wait = wait
        self._powered = False
        self._firmware = firmware
        self._provisioner = provisioner

    def _start(self) -> None:
        if self.loopback:
            require_free(self.address, self.port_map)
        else:
            namespace.require_fresh_lab()
            self._opened.callback(namespace.part_device)
        label = self._provision()
        self._control, board_end = socket.socketpair()
        self._opened.enter_context(self._control)
        # A socket stays in the namespace that it was made in: the board serves these on the lab's side of the device.
        with board_end, _listener() as relay, _listener() as jtag:
            board = self._start_board(board_end, relay, jtag)
            self._opened.callback(_end, board)
            self.environment = self._environment(label, relay, jtag)
        if not self.loopback:
            self._join_cable(board)
        if self._wait:
            self.await_boot()

    def _provision(self) -> Provisioned:
        try:
            return self._provisioner(
                self.folder,
                defects=self.defects,
                address=self.address,
                **({"address6": self.address6} if self.address6 else {}),
                collector=self.collector,
                time_port=self.time_port,
            )
        except UnknownDefectError as error:
            raise ConfigurationError(f"{error}.", f"Name defects of {file_name()}.") from error
        except FileExistsError as error:
            raise ConfigurationError(f"{self.folder} already holds a device.", "Name a new folder.") from error

    def _start_board(
        self, control: socket.socket, relay: socket.socket, jtag: socket.socket
    ) -> subprocess.Popen[bytes]:
        options = {
            "--folder": str(self.folder),
            "--address": self.address,
            "--address6": self.address6,
            "--collector": self.collector,
            "--port-map": json.dumps(self.port_map),
            "--parent": str(os.getpid()),
        }
        inherited = {"--control": control.fileno(), "--relay": relay.fileno(), "--jtag": jtag.fileno()}
        words = [word for option in options.items() for word in option]
        words += [word for option, descriptor in inherited.items() for word in (option, str(descriptor))]
        words += ["--firmware", json.dumps(self._firmware)] if self._firmware else []
        words += ["--loopback"] if self.loopback else []
        with (self.folder / _BOARD_LOG).open("ab") as log:
            return subprocess.Popen(
                [*python("virtual_lab.reference.board"), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=tuple(inherited.values()),
                start_new_session=True,  # Ctrl-C is for the lab, which then ends the board
            )

    def _join_cable(self, board: subprocess.Popen[bytes]) -> None:
        self._expect(NAMESPACE_MADE, "the board made no network namespace")
        mac = json.loads((self.folder / "flash" / CONFIG).read_text())["mac"]
        namespace.join_device(board.pid, mac)
        self._control.sendall(CABLE_JOINED)

    def _expect(self, message: bytes, failure: str) -> None:
        """Wait for the board's next message; another one, its end, or none in time is a failure."""
        self._control.settimeout(_BOARD_SECONDS)
        try:
            received = self._control.recv(1)
        except OSError:
            received = b""
        if received != message:
            raise self._failure(failure)

    def await_power(self) -> None:
        """Wait until the board has power; BenchError when it ends before."""
        if not self._powered:
            self._expect(POWERED, f"{self.board} ended before it had power")
            self._powered = True

    def await_boot(self) -> None:
        """Wait until the canary port takes a connection, the board reports a dead processor, or time is up."""
        self.await_power()
        port = self.port_map.get(CANARY, int(CANARY.partition("/")[2]))
        deadline = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection((self.address, port), _CONNECT_SECONDS).close()
                return
            except OSError:
                pass  # not yet
            if select.select([self._control], [], [], _RETRY_SECONDS)[0]:
                dead = self._control.recv(1) == PROCESSOR_DEAD
                raise self._failure("the firmware crashed again and again" if dead else "the board ended")
        raise self._failure(f"{CANARY} of {self.address} did not open within {_BOOT_SECONDS:.0f} s")

    def _failure(self, what: str) -> BenchError:
        """Return the error for a device that did not come up, with the end of what it wrote."""
        lines = b""
        for name in (_BOARD_LOG, FIRMWARE_LOG):
            path = self.folder / name
            lines += path.read_bytes()[-_LOG_TAIL:] if path.exists() else b""
        log = "\n".join(printable(line) for line in lines.splitlines())
        return BenchError(
            f"the reference device did not start: {what}.",
            f"See {FIRMWARE_LOG} in {self.folder}; it ends with:\n{log}",
        )

    def _environment(self, label: Provisioned, relay: socket.socket, jtag: socket.socket) -> dict[str, str]:
        return {
            "REFERENCE_FOLDER": str(self.folder),
            "REFERENCE_PYTHON": sys.executable,
            "REFERENCE_DUMP": str(Path(__file__).with_name("dump.py")),
            "REFERENCE_SERIAL": label.serial,
            "REFERENCE_MAC": str(json.loads((self.folder / "flash" / CONFIG).read_text())["mac"]),
            "REFERENCE_ADDRESS": self.address,
            "REFERENCE_ADDRESS6": self.address6,
            "REFERENCE_COLLECTOR": self.collector,
            "REFERENCE_OTHER_SOURCE": LOOPBACK_OTHER if self.loopback else namespace.LAB_OTHER_ADDRESS,
            "REFERENCE_TIME_PORT": str(self.time_port),
            "REFERENCE_CONSOLE": str(self.folder / CONSOLE),
            "REFERENCE_JTAG": f"127.0.0.1:{jtag.getsockname()[1]}",
            "REFERENCE_RELAY": f"http://127.0.0.1:{relay.getsockname()[1]}/relay/0",
            "REFERENCE_ADMIN_PASSWORD": label.admin_password,
            "REFERENCE_VIEWER_PASSWORD": label.viewer_password,
            "REFERENCE_SERVICE_PASSWORD": label.service_password,
            "REFERENCE_DOOR_PASSWORD": label.sensors[DOOR],
            "REFERENCE_WINDOW_PASSWORD": label.sensors[WINDOW],
            "REFERENCE_COMPANION_PASSWORD": label.sensors[COMPANION],
        }


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
