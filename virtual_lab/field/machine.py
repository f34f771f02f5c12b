"""The machine of a field device: a process in namespaces of its own, with the device's file system and its services.

`python -m virtual_lab.field.machine PLAN` is started by the lab, which hands it a control socket. It needs no root: it
becomes root of a user namespace, so the software runs as root of its own network, processes and files, and of nothing
else. Changes to files stay in the folder of the run.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from virtual_lab.reference import syscalls
from virtual_lab.reference.namespace import DEVICE_INTERFACE, NETMASK, PREFIX6

NAMESPACE_MADE: Final = b"n"
CABLE_JOINED: Final = b"c"
STARTED: Final = b"s"
OFF: Final = b"0"
ON: Final = b"1"
DONE: Final = b"d"
"""Messages on the control socket, one octet each. End of file there means that the lab is gone."""
LOG: Final = "device.log"
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_FRESH: Final = ("run", "tmp")
_AGAIN_SECONDS: Final = 1.0
_PREPARE_SECONDS: Final = 120.0
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": "/opt/pypi",
}


def main() -> None:
    """Run one machine until the lab closes the control socket."""
    plan: dict[str, Any] = json.loads(sys.argv[1])
    syscalls.die_with_parent(plan["parent"])
    control = socket.socket(fileno=plan["control"])
    _enter()
    control.sendall(NAMESPACE_MADE)
    if control.recv(1) != CABLE_JOINED:
        sys.exit("machine: the lab joined no cable")
    child = os.fork()  # the first process of the new process namespace; all others end with it
    if child:
        control.close()
        os.waitpid(child, 0)
        return
    syscalls.die_with_parent(os.getppid())
    _connect(plan["address"], plan["address6"])
    _attach(Path(plan["root"]), Path(plan["folder"]))
    _Machine(control, plan).run()


def _enter() -> None:
    uid, gid = os.getuid(), os.getgid()
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", name).write_text(text)


def _connect(address: str, address6: str) -> None:
    """Configure the network as the device does at its start. Closed UDP ports are reported at once, as on a LAN."""
    syscalls.set_link("lo", up=True)
    for limit in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
        with contextlib.suppress(OSError):  # where /proc/sys is read-only, a run only takes longer
            Path("/proc/sys/net", limit).write_text("0")
    syscalls.set_address(DEVICE_INTERFACE, address, NETMASK)
    syscalls.set_link(DEVICE_INTERFACE, up=True)
    if address6:
        syscalls.set_address6(DEVICE_INTERFACE, address6, PREFIX6)


def _attach(root: Path, folder: Path) -> None:
    """Make the file system: the software below, the changes of this run above; and make it the root."""
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    tree, work = folder / "tree", folder / "work"
    for path in (tree, work):
        path.mkdir()
    layers = f"lowerdir={root},upperdir={folder / 'changes'},workdir={work},userxattr"
    syscalls.mount("overlay", str(tree), "overlay", options=layers)
    syscalls.mount("proc", str(tree / "proc"), "proc")
    syscalls.mount("tmpfs", str(tree / "dev"), "tmpfs", options="mode=755")
    for name in _DEVICES:
        (tree / "dev" / name).touch()
        syscalls.mount(f"/dev/{name}", str(tree / "dev" / name), flags=syscalls.MS_BIND)
    for name in ("pts", "shm"):
        (tree / "dev" / name).mkdir()
    syscalls.mount("devpts", str(tree / "dev/pts"), "devpts", options="newinstance,ptmxmode=0666")
    syscalls.mount("tmpfs", str(tree / "dev/shm"), "tmpfs")
    (tree / "dev/ptmx").symlink_to("pts/ptmx")
    (tree / "dev/fd").symlink_to("/proc/self/fd")
    os.chdir(tree)
    syscalls.mount(str(tree), "/", flags=syscalls.MS_MOVE)  # a process in a chroot could make no further user namespace
    os.chroot(".")


class _Machine:
    """Runs the services, starts those again that end, and switches all of them off and on."""

    def __init__(self, control: socket.socket, plan: dict[str, Any]) -> None:
        self._control = control
        self._plan = plan
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}

    def run(self) -> None:
        """Prepare, start, and serve the lab."""
        for command in self._plan["prepare"]:
            self._prepare(command)
        self._power_on()
        self._control.sendall(STARTED)
        while True:
            if select.select([self._control], [], [], 0.1)[0]:
                message = self._control.recv(1)
                if message not in {OFF, ON}:
                    return
                self._power_off() if message == OFF else self._power_on()
                self._control.sendall(DONE)
            self._look_after()

    def _prepare(self, command: list[str] | str) -> None:
        words = ["/bin/sh", "-ec", command] if isinstance(command, str) else command
        done = subprocess.run(
            words,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            timeout=_PREPARE_SECONDS,
            check=False,
        )
        if done.returncode:
            _note(f"{command} ended with {done.returncode}")
            sys.exit(1)

    def _power_on(self) -> None:
        syscalls.set_link(DEVICE_INTERFACE, up=True)
        if self._plan["address6"]:  # the kernel forgets it when the link goes down
            syscalls.set_address6(DEVICE_INTERFACE, self._plan["address6"], PREFIX6)
        for name in _FRESH:
            syscalls.mount("tmpfs", f"/{name}", "tmpfs", options="mode=1777")
        self._due = dict.fromkeys(self._plan["start"], 0.0)

    def _power_off(self) -> None:
        """Cut the power: the link goes first, and no process says goodbye."""
        syscalls.set_link(DEVICE_INTERFACE, up=False)
        self._due = {}
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        self._running = {}

    def _look_after(self) -> None:
        for name, at in list(self._due.items()):
            if time.monotonic() >= at:
                del self._due[name]
                self._start(name)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                for name, process in list(self._running.items()):
                    if process.pid == ended[0]:
                        del self._running[name]
                        _note(f"{name} ended with {os.waitstatus_to_exitcode(ended[1])}")
                        self._due[name] = time.monotonic() + _AGAIN_SECONDS

    def _start(self, name: str) -> None:
        command = self._plan["start"][name]
        words = ["/bin/sh", "-ec", command] if isinstance(command, str) else command
        self._running[name] = subprocess.Popen(
            words,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _note(text: str) -> None:
    """Write a line to the log of the device, which is standard output."""
    os.write(1, f"machine: {text}\n".encode())


if __name__ == "__main__":
    main()
