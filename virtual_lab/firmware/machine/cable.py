"""The cable between the lab and the machine: a tap in the lab's network namespace, or forwarded ports without one.

The tap lives as long as its descriptor is open, so that nothing stays behind however the lab ends.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from virtual_lab.reference import namespace, syscalls

TUN: Final = Path("/dev/net/tun")
GUEST_HOST: Final = "10.0.2.2"
"""Where the machine finds this one's loopback interface behind forwarded ports (QEMU's user-mode network)."""
GUEST_ADDRESS: Final = "10.0.2.15"
_TUNSETIFF = 0x4004_54CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_ALONE, _ON_THE_LINK = "255.255.255.255", 253


@dataclass(frozen=True)
class Place:
    """Where a device is plugged in: the tap and the address behind it, or the address that its ports are led from."""

    interface: str
    address: str
    address6: str
    loopback: str
    alone: bool = False
    """Whether nothing but this one address is behind the tap, as beside another one of the same network."""


FIRST: Final = Place(namespace.LAB_INTERFACE, namespace.DEVICE_ADDRESS, namespace.DEVICE_ADDRESS6, "127.0.8.20")
SECOND: Final = Place("lab1", "192.0.2.11", "", "127.0.8.21", alone=True)


def open_tap(place: Place) -> int:
    """Make a tap in this network namespace, up and with the lab's address; return the descriptor that QEMU is given.

    Raises OSError where the kernel refuses: no /dev/net/tun, or no right to it.
    """
    name = place.interface
    descriptor = os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
        syscalls.set_address(name, namespace.LAB_ADDRESS, _ALONE if place.alone else namespace.NETMASK)
        syscalls.set_link(name, up=True)
        if place.alone:
            _route_to(place)
        elif namespace.has_ipv6():
            syscalls.set_address6(name, namespace.LAB_ADDRESS6, namespace.PREFIX6)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def why_no_tap(error: OSError) -> str:
    """Say in a sentence, without its full stop, what happens without a tap and how to get one."""
    ways = {
        errno.EACCES: f"sudo chmod 666 {TUN}",
        errno.ENOENT: f"sudo modprobe tun, or start the container with --device {TUN}",
        errno.EPERM: f"start the container with --device {TUN} --cap-add NET_ADMIN",
    }
    way = ways.get(error.errno or 0, "run where the kernel gives taps")
    return (
        f"no tap for the device ({TUN}: {error.strerror}); its ports are forwarded, and others not seen; "
        f"for all of it: {way}"
    )


def _route_to(place: Place) -> None:
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as routes:
            index = routes.link_lookup(ifname=place.interface)[0]
            routes.route("add", dst=f"{place.address}/32", oif=index, scope=_ON_THE_LINK)
    except NetlinkError as error:
        raise OSError(error.code, f"no route to {place.address}: {os.strerror(error.code)}") from error


def forwarding(address: str, ports: Mapping[str, int]) -> str:
    """Return QEMU's -netdev for the user-mode network, with ports of `address` here led to the machine."""
    rules = ([*name.split("/"), str(port)] for name, port in ports.items())
    return "user," + ",".join(f"hostfwd={kind}:{address}:{here}-:{there}" for kind, there, here in rules)


def close_tap(descriptor: int) -> None:
    """Unplug the cable; the tap is gone once QEMU has ended as well."""
    os.close(descriptor)
