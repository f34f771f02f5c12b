"""One QEMU process: its command line, its sockets, its start and its end, and what it printed.

The sockets are made here and handed over, so that nobody else can take them in between. What boots on the machine, and
what it is for, is not known here.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from drivers.errors import BenchError, ConfigurationError
from drivers.probe import printable

PROGRAM: Final = "qemu-system-aarch64"
INSTALL: Final = "Install it: apt-get install qemu-system-arm."
OLDEST: Final = (5, 2)
"""The first version that knows all the options below."""
QMP_SOCKET: Final = "qmp"
LOG: Final = "qemu.log"
CONSOLE_LOG: Final = "console.log"
_LONGEST_PATH = 100
_VERSION_SECONDS = 10.0
_STOP_SECONDS = 5.0
_TAIL = 1500
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Machine:
    """What QEMU shall be: boot loader and its flash, device tree, disks in their order, and the cable."""

    bios: Path
    flash: Path
    """The second flash bank, 64 MiB: what the boot loader keeps."""
    dtb: Path
    disks: tuple[Path, ...]
    mac: str
    cable: str
    """The value of -netdev but for its id: `tap,fd=5`, or `user,hostfwd=...`."""
    descriptors: tuple[int, ...] = ()
    """Descriptors that `cable` names."""
    debug: bool = False
    """Whether the debug port (QEMU's gdb stub) is connected."""


def require_qemu(program: str = PROGRAM) -> None:
    """Raise ConfigurationError, which says what to install, where QEMU is missing or too old."""
    if shutil.which(program) is None:
        raise ConfigurationError(f"{program} is not on this machine.", INSTALL)
    try:
        done = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_SECONDS, check=False
        )
        said = done.stdout[:4096].decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{program} does not run: {error}.", INSTALL) from error
    version = re.search(r"version (\d+)\.(\d+)", said)
    if version is None:
        raise ConfigurationError(f"{program} names no version: {printable(said, 200)!r}.", INSTALL)
    if (found := (int(version[1]), int(version[2]))) < OLDEST:
        raise ConfigurationError(
            f"{program} is {found[0]}.{found[1]}, which is too old.", f"Install {OLDEST[0]}.{OLDEST[1]} or newer."
        )


class Qemu:
    """A running machine: `with Qemu(folder, machine) as qemu: ...`, from a thread that outlives the block.

    `folder` gets the QMP socket and the logs. `program` takes QEMU's place in tests. Raises BenchError where it does
    not start.
    """

    def __init__(self, folder: Path, machine: Machine, *, program: str = PROGRAM) -> None:
        self.folder = folder
        self.machine = machine
        self.program = program
        self.console_port = 0
        """The TCP port of 127.0.0.1 that the UART is at."""
        self.debug_port = 0
        """The TCP port of 127.0.0.1 that the gdb stub is at, where it was asked for."""
        self._opened = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def qmp(self) -> str:
        """Where the machine protocol is, as a bench file names it."""
        return f"unix:{self.folder / QMP_SOCKET}"

    def __enter__(self) -> Self:
        """Start QEMU with sockets that are open already. Whether it goes on running is told by `ended`."""
        try:
            with ExitStack() as listeners:
                qmp = listeners.enter_context(self._qmp_listener())
                console = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))
                debug = listeners.enter_context(socket.create_server(("127.0.0.1", 0))) if self.machine.debug else None
                self.console_port = console.getsockname()[1]
                self.debug_port = debug.getsockname()[1] if debug else 0
                words = self.arguments(qmp.fileno(), console.fileno(), debug.fileno() if debug else None)
                inherited = [one.fileno() for one in (qmp, console, debug) if one]
                self._process = self._start(words, [*inherited, *self.machine.descriptors])
                self._opened.callback(_end, self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End QEMU."""
        self.stop()

    def stop(self) -> None:
        """End QEMU and remove its socket; again does nothing."""
        self._opened.close()

    @property
    def ended(self) -> int | None:
        """The status that QEMU ended with, or None while it runs."""
        return self._process.poll() if self._process else 0

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self._process.pid if self._process else 0

    def arguments(self, qmp: int, console: int, debug: int | None) -> list[str]:
        """Return QEMU's options, given the descriptors of the listening sockets."""
        machine = self.machine
        words = ["-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", "512M", "-accel", "tcg,tb-size=64"]
        words += ["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-shutdown"]
        words += ["-bios", str(machine.bios), "-dtb", str(machine.dtb)]
        words += ["-drive", f"if=pflash,unit=1,format=raw,file={_escaped(machine.flash)}"]
        for number, disk in enumerate(machine.disks):
            words += ["-drive", f"if=none,id=disk{number},format=raw,file={_escaped(disk)}"]
            words += ["-device", f"virtio-blk-device,drive=disk{number},serial={disk.stem[:20]}"]
        words += ["-netdev", f"{machine.cable},id=cable"]
        words += ["-device", f"virtio-net-device,netdev=cable,mac={machine.mac}"]
        words += ["-device", "virtio-rng-device"]
        words += ["-chardev", f"socket,id=qmp,fd={qmp},server=on,wait=off", "-mon", "chardev=qmp,mode=control"]
        log = _escaped(self.folder / CONSOLE_LOG)
        words += ["-chardev", f"socket,id=uart,fd={console},server=on,wait=off,logfile={log},logappend=on"]
        words += ["-serial", "chardev:uart"]
        if debug is not None:
            words += ["-chardev", f"socket,id=debug,fd={debug},server=on,wait=off", "-gdb", "chardev:debug"]
        return words

    def last_words(self) -> str:
        """Return the end of what QEMU and then what the device printed, printable."""
        said = b""
        for name in (LOG, CONSOLE_LOG):
            path = self.folder / name
            if path.exists():
                with path.open("rb") as log:
                    log.seek(max(0, path.stat().st_size - _TAIL))
                    said += log.read(_TAIL)
        return "\n".join(printable(line) for line in said.splitlines() if line.strip())

    def _qmp_listener(self) -> socket.socket:
        path = self.folder / QMP_SOCKET
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise ConfigurationError(f"the path {path} is too long for a socket.", "Name a shorter folder (TMPDIR).")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(path))
            self._opened.callback(path.unlink, missing_ok=True)
            path.chmod(0o600)
            listener.listen()
        except OSError as error:
            listener.close()
            raise BenchError(f"no socket can be made at {path}: {error.strerror}.", "Name a new folder.") from error
        return listener

    def _start(self, words: Sequence[str], descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        with (self.folder / LOG).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "virtual_lab.firmware.tether", str(os.getpid()), self.program, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C is for the lab, which then ends QEMU
            )


def _escaped(path: Path) -> str:
    """Return a path for QEMU's option lists, where a comma stands twice."""
    return str(path).replace(",", ",,")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
