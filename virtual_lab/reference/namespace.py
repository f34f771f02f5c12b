"""The lab's network namespace, and the cable from it to the device's: for root and for ordinary users alike.

The process that enters the lab becomes root of a user namespace when it is not root already; the device's namespace
is made by the board. Addresses are of TEST-NET-1 (RFC 5737), which nothing else uses.
"""

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.reference import syscalls

LAB_INTERFACE: Final = "lab0"
DEVICE_INTERFACE: Final = "eth0"
LAB_ADDRESS: Final = "192.0.2.1"
LAB_OTHER_ADDRESS: Final = "192.0.2.3"
"""A second address of the lab's: what is locked for one address is not for the other."""
DEVICE_ADDRESS: Final = "192.0.2.10"
NETMASK: Final = "255.255.255.0"
LAB_ADDRESS6: Final = "fd00:0:0:2::1"
DEVICE_ADDRESS6: Final = "fd00:0:0:2::10"
PREFIX6: Final = 64
_NEXT_STEP = "Run with --loopback, or allow user namespaces to this user (user.max_user_namespaces, AppArmor)."


def available() -> str | None:
    """Say why this user cannot have network namespaces here, or None: a child process tries it all."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    import pyroute2  # noqa: F401  imported before the fork, so that the child need not

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, _attempt().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        reason = answer.read(4096).decode()
    _, status = os.waitpid(child, 0)
    if status:
        return f"the attempt ended with status {os.waitstatus_to_exitcode(status)}"
    return reason or None


def _attempt() -> str:
    """Enter a lab and join two interfaces; return the reason if that is refused."""
    try:
        enter_lab()
        join_device(os.getpid(), "02:00:00:00:00:01")
    except BenchError as error:
        return error.what
    return ""


def enter_lab() -> None:
    """Move this process into a new network namespace whose loopback interface is up.

    Called once, before the process starts threads. An ordinary user becomes uid 0 of a new user namespace, which means
    root in the lab and nothing outside it. Raises BenchError where that is forbidden; `available` tells beforehand.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNET)
        except PermissionError:
            syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNET)
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
                Path("/proc/self", name).write_text(text)
        syscalls.set_link("lo", up=True)
    except OSError as error:
        hint = " in a process with threads" if error.errno == errno.EINVAL else ""
        raise BenchError(f"no network namespace for uid {uid}{hint}: {error.strerror or error}.", _NEXT_STEP) from error


def has_ipv6() -> bool:
    """Whether the kernel speaks IPv6 in this namespace; asked where its loopback interface is up."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def require_fresh_lab() -> None:
    """Raise BenchError where more than lo is up: this is the machine's own network, or a lab that holds a device."""
    if others := [name for _, name in socket.if_nameindex() if name != "lo" and syscalls.is_up(name)]:
        raise BenchError(
            f"this is no fresh lab namespace: {', '.join(others)} is up in it.",
            "Call enter_lab() first, and hold one device at a time.",
        )


def join_device(pid: int, mac: str) -> None:
    """Make the cable: `lab0` here, up and with the lab's address, and `eth0`, still down, in the namespace of `pid`.

    Raises BenchError when the kernel refuses.
    """
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as routes:
            peer = {"ifname": DEVICE_INTERFACE, "address": mac, "net_ns_pid": pid}
            routes.link("add", ifname=LAB_INTERFACE, kind="veth", peer=peer)
        syscalls.set_address(LAB_INTERFACE, LAB_ADDRESS, NETMASK)
        syscalls.set_address(f"{LAB_INTERFACE}:1", LAB_OTHER_ADDRESS, NETMASK)
        syscalls.set_link(LAB_INTERFACE, up=True)
        if has_ipv6():
            syscalls.set_address6(LAB_INTERFACE, LAB_ADDRESS6, PREFIX6)
    except (OSError, NetlinkError) as error:
        raise BenchError(f"the kernel made no pair of interfaces: {error}.", _NEXT_STEP) from error


def part_device() -> None:
    """Remove the cable, if it is still there: both ends are gone when this returns."""
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as routes:
            for index in routes.link_lookup(ifname=LAB_INTERFACE):
                routes.link("del", index=index)
    except NetlinkError as error:
        if error.code != errno.ENODEV:
            raise BenchError(f"{LAB_INTERFACE} could not be removed: {error}.") from error
