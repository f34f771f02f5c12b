"""Malformed frames over a veth pair: `unshare -Urn python -m tests.drivers.network.malformed.sending.frames_lab`.

The device is a Linux kernel in a namespace of its own, with a program that tells what each connection brought it. With
the name of a `Blocking` as argument, the program is a web server that blocks instead.
"""

import contextlib
import ctypes
import json
import select
import selectors
import socket
import sys
from enum import StrEnum
from functools import partial

from drivers.network import conversation
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.send_frames import SendMalformedFrames, raw_link
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.sweep.veth_lab import DEVICE, Child, configure, make_link
from tests.drivers.recorder import MemoryRecorder

SERVICE, TELLING = 7_000, 7_001
SEGMENTS = 70
"""All that are named, and a few that are changed."""
_NEW_NETWORK = 0x40000000
_COMES_BACK = 5.0


class Blocking(StrEnum):
    """When a web server with one thread answers nobody else."""

    OPEN = "open"
    """While a connection is open."""
    HALF_SENT = "half_sent"
    """While a connection has brought a part of a request."""
    URGENT = "urgent"
    """After urgent data, until who asks next has given up."""


def join_network(child: Child) -> None:
    """Take the child into a network namespace of its own, and wait for its end of the link."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    child.ready()
    child.wait_for_parent()
    configure("eth0", DEVICE)


def blocking_device(blocking: Blocking, child: Child) -> None:
    """Answer web requests, one connection at a time, and block."""
    join_network(child)
    hung = False
    with selectors.DefaultSelector() as selector, socket.create_server((DEVICE, SERVICE)) as listener:
        selector.register(listener, selectors.EVENT_READ)
        child.ready()
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
                    selector.register(connection, selectors.EVENT_READ)
                    if blocking is not Blocking.OPEN:
                        continue
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    connection = key.fileobj
                hung |= blocking is Blocking.URGENT and bool(select.select([], [], [connection], 0)[2])
                request = received(connection, whole=blocking is not Blocking.URGENT)
                if request is None:
                    continue
                if hung and request:
                    hung = False
                    await_end(connection)
                elif request:
                    with contextlib.suppress(OSError):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                selector.unregister(connection)
                connection.close()


def received(connection: socket.socket, *, whole: bool) -> bytes | None:
    """Receive a request, and if `whole` wait for all of it. Empty at the end of the connection, None without one."""
    request = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65_536):
            request += piece
            if request.endswith(b"\r\n\r\n"):
                return request
            if not whole:
                return None
    return b""


def await_end(connection: socket.socket) -> None:
    """Wait until the other side has ended the connection."""
    with contextlib.suppress(OSError):
        while connection.recv(65_536):
            pass


def device(child: Child) -> None:
    """Keep what connections to one port bring, and tell it on the other."""
    join_network(child)
    heard: dict[socket.socket, bytes] = {}
    with selectors.DefaultSelector() as selector:
        for port in (SERVICE, TELLING):
            selector.register(socket.create_server((DEVICE, port)), selectors.EVENT_READ, port)
        child.ready()
        while True:
            for key, _ in selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if key.data is None:
                    receive(selector, sock, heard)
                    continue
                connection, _ = sock.accept()
                if key.data == TELLING:
                    connection.sendall(json.dumps([octets.decode() for octets in heard.values()]).encode())
                    connection.close()
                else:
                    heard[connection] = b""
                    selector.register(connection, selectors.EVENT_READ)


def receive(selector: selectors.BaseSelector, sock: socket.socket, heard: dict[socket.socket, bytes]) -> None:
    """Take in what waits on a connection, and forget it once it ends."""
    try:
        octets = sock.recv(65_536)
    except OSError:
        octets = b""
    heard[sock] += octets
    if not octets:
        selector.unregister(sock)
        sock.close()


def main() -> None:
    """Send the named TCP segments, and print the observation and what connections brought."""
    bench = NetworkBench(address=DEVICE, interface="lab0")
    blocking = Blocking(sys.argv[1]) if sys.argv[1:] else None
    conversation.READ_SECONDS = 1.0
    protocol = "other" if blocking is None else "http"
    service = {"id": "any", "transport": "tcp", "port": SERVICE, "protocol": protocol, "tls": False, "purpose": "x"}
    with Child(device if blocking is None else partial(blocking_device, blocking)) as child:
        make_link({"ifname": "eth0", "net_ns_pid": child.pid})
        child.go_on()
        child.wait_until_ready()
        target = Target(bench)
        link = raw_link(target)
        assert not isinstance(link, str), link
        record = MemoryRecorder()
        probe = SendMalformedFrames(
            target, link, "tcp", Service.model_validate(service), SEGMENTS, 1, Revival(_COMES_BACK)
        )
        seen = probe.run(record)
        told = b"[]"
        if blocking is None:
            with socket.create_connection((DEVICE, TELLING)) as telling:
                told = b"".join(iter(lambda: telling.recv(65_536), b""))
    print(json.dumps({"observation": seen.model_dump(mode="json"), "lines": record.notes, "heard": json.loads(told)}))


if __name__ == "__main__":
    main()
