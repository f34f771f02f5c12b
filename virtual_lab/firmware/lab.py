"""The lab that holds one firmware device: provisions it, plugs it in, switches it on, and clears everything away.

In a namespace the device is on a tap; where there is no tap, or with `loopback`, it is behind forwarded ports of
127.0.8.20. What the device is made of is in `build.py` and `provision.py`.
"""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.firmware import planted
from virtual_lab.firmware.build import Firmware, build, cache_folder
from virtual_lab.firmware.machine import board, cable
from virtual_lab.firmware.machine.debug import GDB_PORT_OPEN, closed_port, jtag_adapter
from virtual_lab.firmware.machine.qemu import LOG, PROGRAM, Qemu, require_qemu
from virtual_lab.firmware.provision import TIME_PORT, Provisioned, provision
from virtual_lab.lab import VirtualLab, require_free
from virtual_lab.reference import namespace

LOOPBACK_LAB: Final = "127.0.0.1"
"""Where QEMU's user-mode network takes what the device sends to its host."""
LOOPBACK_PORTS: Final = MappingProxyType(
    {
        "tcp/22": 30022,
        "tcp/23": 30023,
        "tcp/80": 30080,
        "tcp/443": 30443,
        "tcp/1883": 31883,
        "tcp/8883": 38883,
        "tcp/8080": 38080,
        "udp/161": 30161,
        "udp/5353": 35353,
    }
)
LOOPBACK_TIME_PORT: Final = 30123
"""An ordinary user cannot serve udp/123."""
CANARY: Final = "tcp/443"
_BOOT_SECONDS = 120.0
"""Many times what it takes on an idle machine; one that tests other devices at the same time is slow."""
_CONNECT_SECONDS = 1.0
_RETRY_SECONDS = 0.1


class FirmwareLab(VirtualLab):
    """A running firmware device: `with FirmwareLab(folder) as lab: ...`, from a thread that outlives the block.

    `folder` must not hold a device yet. Without `loopback`, `namespace.enter_lab()` was called before; the images are
    best built before that, since a namespace has no way to any package. `program`, `builder` and `provisioner` are
    there for tests of the lab itself. Raises BenchError when the device does not come up.
    """

    def __init__(
        self,
        folder: Path,
        defects: Sequence[str] = (),
        loopback: bool = False,
        *,
        program: str = PROGRAM,
        builder: Callable[[Sequence[str]], Firmware] = build,
        provisioner: Callable[..., Provisioned] = provision,
    ) -> None:
        super().__init__(folder, defects, loopback)
        self.place = cable.FIRST
        self.before: tuple[str, ...] = ()
        """A command that runs QEMU: `nice`."""
        self.pid = 0
        """The process id of the machine, once it runs."""
        self.note = ""
        """Why there is no tap, in a sentence, where there is none."""
        self.time_port = TIME_PORT
        self.program = program
        self.builder = builder
        self.provisioner = provisioner

    def _start(self) -> None:
        require_qemu(self.program)
        firmware = self.builder(self.defects)
        tap = None if self.loopback else self._tap()
        self._plug_in(tap)
        label = self._provision(firmware)
        cord = f"tap,fd={tap}" if tap is not None else cable.forwarding(self.address, self.port_map)
        _, *words = board.words(firmware, label)
        words = [*self.before, self.program, *words, *board.network(label, cord)]
        debug = GDB_PORT_OPEN in planted.labels(self.defects)
        qemu = Qemu(self.folder, words, descriptors=[] if tap is None else [tap], debug=debug)
        self._opened.enter_context(qemu)
        self.pid = qemu.pid
        self.environment = self._environment(label, firmware, qemu)
        self._await_boot(qemu)

    def _tap(self) -> int | None:
        """Return the descriptor of a tap in the lab's namespace; None, and a note, where the kernel gives none."""
        self._require_room()
        try:
            descriptor = cable.open_tap(self.place)
        except OSError as error:
            self.note = cable.why_no_tap(error)
            return None
        self._opened.callback(cable.close_tap, descriptor)
        return descriptor

    def _require_room(self) -> None:
        namespace.require_fresh_lab()

    def _plug_in(self, tap: int | None) -> None:
        """Settle who has which address."""
        if tap is None:
            self.port_map = self.port_map or dict(LOOPBACK_PORTS)
            require_free(self.place.loopback, self.port_map)
            self.address, self.address6, self.collector = self.place.loopback, "", LOOPBACK_LAB
            self._inside, self._outside = cable.GUEST_ADDRESS, cable.GUEST_HOST
            self.time_port = LOOPBACK_TIME_PORT
        else:
            self.address, self.collector = self.place.address, namespace.LAB_ADDRESS
            self.address6 = self.place.address6 if namespace.has_ipv6() else ""
            self._inside, self._outside = self.address, self.collector

    def _provision(self, firmware: Firmware) -> Provisioned:
        try:
            return self.provisioner(
                self.folder,
                firmware,
                address=self._inside,
                address6=self.address6,
                certificate_address=self.address,
                collector=self._outside,
                cloud=self._outside,
                time_port=self.time_port,
            )
        except OSError as error:
            raise BenchError(
                f"the device could not be provisioned in {self.folder}: {error}.",
                f"Free space, or clear the cache: {cache_folder()}.",
            ) from error

    def _await_boot(self, qemu: Qemu) -> None:
        """Wait until the canary speaks, QEMU ends, or time is up."""
        port = self.port_map.get(CANARY, int(CANARY.partition("/")[2]))
        deadline = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            if _speaks_tls(self.address, port):
                return
            if qemu.ended is not None:
                raise self._failure(qemu, f"QEMU ended with {qemu.ended}")
            time.sleep(max(0.0, began + _RETRY_SECONDS - time.monotonic()))  # a board that boots gives no event
        raise self._failure(qemu, f"{CANARY} of {self.address} did not answer within {_BOOT_SECONDS:.0f} s")

    def _failure(self, qemu: Qemu, what: str) -> BenchError:
        """Return the error for a device that did not come up, with the end of what it printed."""
        return BenchError(
            f"the firmware device did not start: {what}.",
            f"Try again on an idle machine; {LOG} and the console end with:\n{qemu.last_words()}",
        )

    def _environment(self, label: Provisioned, firmware: Firmware, qemu: Qemu) -> dict[str, str]:
        jtag = self._opened.enter_context(jtag_adapter(qemu.qmp, planted.labels(self.defects)))
        gdb = qemu.debug_port or self._opened.enter_context(closed_port()).getsockname()[1]
        return {
            "FIRMWARE_FOLDER": str(self.folder),
            "FIRMWARE_IMAGES": str(firmware.images),
            "FIRMWARE_SERIAL": label.serial,
            "FIRMWARE_MAC": label.mac,
            "FIRMWARE_ADDRESS": self.address,
            "FIRMWARE_ADDRESS6": self.address6,
            "FIRMWARE_COLLECTOR": self.collector,
            "FIRMWARE_SENDS_FROM": self.collector if self.port_map else "",
            "FIRMWARE_TIME_PORT": str(self.time_port),
            "FIRMWARE_CONSOLE": f"socket://127.0.0.1:{qemu.console_port}",
            "FIRMWARE_JTAG": f"127.0.0.1:{jtag.port}",
            "FIRMWARE_GDB": f"127.0.0.1:{gdb}",
            "FIRMWARE_QMP": qemu.qmp,
            "FIRMWARE_ADMIN_PASSWORD": label.admin_password,
            "FIRMWARE_VIEWER_PASSWORD": label.viewer_password,
            "FIRMWARE_SERVICE_PASSWORD": label.service_password,
            "FIRMWARE_MONITOR_PASSWORD": label.monitor_password,
        }


def _speaks_tls(address: str, port: int) -> bool:
    """Whether a TLS server answers: a forwarded port takes connections before the device has started."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address, port), _CONNECT_SECONDS) as plain:
            context.wrap_socket(plain).close()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return False
    except ssl.SSLError:
        return True  # it said no, in its own bytes
    except OSError:
        return False
    return True
