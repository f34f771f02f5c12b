"""A lab of a row: two network namespaces joined by a veth, the device's behaviour in the second one.

The device is this machine's kernel with a firewall in front of it where the row needs one. Rootless where user
namespaces are permitted. Nothing here knows what is measured.
"""

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustprobe.errors import BenchError
from virtual_lab.reference import syscalls
from virtual_lab.reference.namespace import (
    DEVICE_ADDRESS,
    DEVICE_ADDRESS6,
    DEVICE_INTERFACE,
    NETMASK,
    PREFIX6,
    enter_lab,
    has_ipv6,
    join_device,
    part_device,
)

DEVICE_MAC = "02:00:00:00:00:10"


UdpService = Callable[[bytes], bytes | None]
"""What a service answers to a datagram, if anything."""


@dataclass(frozen=True)
class Device:
    """What stands at the other end: listening sockets and a ruleset of nftables."""

    tcp: Sequence[int] = ()
    udp: Mapping[int, UdpService] = field(default_factory=dict)
    ruleset: str = ""
    """For `nft -f -`, loaded in the device's namespace."""
    daemons: Callable[[], None] = lambda: None
    """Starts what else serves there; returns when it answers. It has to end with the process that starts it."""


def tool(name: str, package: str) -> str:
    """Return where a tool of this machine is, or raise BenchError that says what to install."""
    if path := shutil.which(name):
        return path
    raise BenchError(f"there is no {name} on this machine.", f"Install it: apt-get install {package}.")


def in_lab(device: Device, work: Callable[[], Any]) -> Any:
    """Run `work` in a process of its own beside this device; returns what it returned, which JSON can hold."""
    return in_labs(device, [work])[0]


def in_labs(device: Device, works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each of these at the same time, in a lab of its own with such a device: for what waits more than it works."""
    begun = [_begin(device, work) for work in works]
    results = [_end(child, reader) for child, reader in begun]
    for result in results:
        if "error" in result:
            raise BenchError(f"the row could not be measured: {result['error']}\n{result.get('trace', '')}")
    return [result["result"] for result in results]


def _begin(device: Device, work: Callable[[], Any]) -> tuple[int, int]:
    """Start the process of a lab; returns its id and the pipe that its result comes from."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    os.close(reader)
    try:
        enter_lab()
        with _plugged_in(device):
            result = {"result": work()}
    except BaseException as error:  # noqa: BLE001  told to the parent, which raises it
        result = {"error": str(error), "trace": traceback.format_exc()}
    with os.fdopen(writer, "w") as answer:
        json.dump(result, answer)
    os._exit(0)


def _end(child: int, reader: int) -> dict[str, Any]:
    try:
        with os.fdopen(reader) as answer:
            result: dict[str, Any] = json.loads(
                answer.read() or '{"error": "the process of the row ended without a word"}'
            )
            return result
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def megabytes() -> float:
    """Return the most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def _plugged_in(device: Device) -> Iterator[None]:
    """Hold the device at the other end of the cable."""
    up_reader, up_writer = os.pipe()
    go_reader, go_writer = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        try:
            syscalls.die_with_parent(parent)
            syscalls.unshare(syscalls.CLONE_NEWNET)
            os.write(up_writer, b"n")
            os.read(go_reader, 1)
            _be(device, up_writer)
        except BaseException:  # noqa: BLE001  the parent sees the pipe end
            traceback.print_exc()
        os._exit(1)
    os.close(up_writer)
    try:
        _await(up_reader, b"n")
        join_device(child, DEVICE_MAC)
        os.write(go_writer, b".")
        _await(up_reader, b"u")
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        part_device()


def _await(reader: int, word: bytes) -> None:
    if os.read(reader, 1) != word:
        raise BenchError("the device of the row did not come up.")


def _be(device: Device, ready: int) -> None:
    """Be the device until killed."""
    syscalls.set_link("lo", up=True)
    syscalls.set_address(DEVICE_INTERFACE, DEVICE_ADDRESS, NETMASK)
    syscalls.set_link(DEVICE_INTERFACE, up=True)
    if has_ipv6():
        syscalls.set_address6(DEVICE_INTERFACE, DEVICE_ADDRESS6, PREFIX6)
    if device.ruleset:
        subprocess.run([tool("nft", "nftables"), "-f", "-"], input=device.ruleset, text=True, check=True)
    dual = has_ipv6()
    address, family = ("::", socket.AF_INET6) if dual else ("", socket.AF_INET)
    listening = [
        socket.create_server((address, port), family=family, dualstack_ipv6=dual, backlog=128) for port in device.tcp
    ]
    answering: dict[int, tuple[socket.socket, UdpService]] = {}
    for port, service in device.udp.items():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", port))
        answering[sock.fileno()] = (sock, service)
    device.daemons()
    os.write(ready, b"u")
    poller = select.poll()
    for number in answering:
        poller.register(number, select.POLLIN)
    accepting = {sock.fileno(): sock for sock in listening}
    for number in accepting:
        poller.register(number, select.POLLIN)
    while True:
        for number, _ in poller.poll():
            if number in accepting:
                accepting[number].accept()[0].close()
                continue
            sock, service = answering[number]
            data, source = sock.recvfrom(4_096)
            if reply := service(data):
                sock.sendto(reply, source)
