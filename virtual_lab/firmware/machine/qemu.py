"""One QEMU process: its sockets, its start and its end, and what it printed.

The sockets are made here and handed over, so that nobody else can take them in between. What boots on the machine, and
what it is for, is not known here.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.place import python
from trustprobe.probe import printable

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
    """A running machine: `with Qemu(folder, words) as qemu: ...`, from a thread that outlives the block.

    `words` are the program and the options of the board, `descriptors` those that they name. `folder` gets the QMP
    socket and the logs. With `debug`, the gdb stub is at a port. Raises BenchError where QEMU does not start.
    """

    def __init__(
        self, folder: Path, words: Sequence[str], *, descriptors: Sequence[int] = (), debug: bool = False
    ) -> None:
        self.folder = folder
        self.console_port = 0
        """The TCP port of 127.0.0.1 that the UART is at."""
        self.debug_port = 0
        """The TCP port of 127.0.0.1 that the gdb stub is at, where it was asked for."""
        self._words = tuple(words)
        self._descriptors = tuple(descriptors)
        self._debug = debug
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
                debug = listeners.enter_context(socket.create_server(("127.0.0.1", 0))) if self._debug else None
                self.console_port = console.getsockname()[1]
                self.debug_port = debug.getsockname()[1] if debug else 0
                for early in filter(None, (console, debug)):
                    early.setblocking(False)  # as that of QMP
                words = self.options(qmp.fileno(), console.fileno(), debug.fileno() if debug else None)
                inherited = [one.fileno() for one in (qmp, console, debug) if one]
                self._process = self._start(words, [*inherited, *self._descriptors])
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

    def options(self, qmp: int, console: int, debug: int | None) -> list[str]:
        """Return the options that the lab adds to the board's, given the descriptors of the listening sockets."""
        words = ["-no-user-config", "-no-shutdown", "-monitor", "none"]
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
            listener.setblocking(False)  # two threads of QEMU may accept one client that comes early: one would wait
        except OSError as error:
            listener.close()
            raise BenchError(f"no socket can be made at {path}: {error.strerror}.", "Name a new folder.") from error
        return listener

    def _start(self, words: Sequence[str], descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
        with (self.folder / LOG).open("ab") as log:
            return subprocess.Popen(
                [*python("virtual_lab.firmware.machine.tether"), str(os.getpid()), *self._words, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
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
