"""Malformed frames over a veth pair: `unshare -Urn python -m tests.drivers.network.malformed.sending.frames_lab`.

The device is a Linux kernel in a namespace of its own, with a program that tells what each connection brought it.
"""

import ctypes
import json
import selectors
import socket

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


def device(child: Child) -> None:
    """Keep what connections to one port bring, and tell it on the other."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    child.ready()
    child.wait_for_parent()
    configure("eth0", DEVICE)
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
    service = {"id": "any", "transport": "tcp", "port": SERVICE, "protocol": "other", "tls": False, "purpose": "x"}
    with Child(device) as child:
        make_link({"ifname": "eth0", "net_ns_pid": child.pid})
        child.go_on()
        child.wait_until_ready()
        target = Target(bench)
        link = raw_link(target)
        assert not isinstance(link, str), link
        record = MemoryRecorder()
        probe = SendMalformedFrames(
            target, link, "tcp", Service.model_validate(service), SEGMENTS, 1, Revival(comes_back=1.0)
        )
        seen = probe.run(record)
        with socket.create_connection((DEVICE, TELLING)) as telling:
            told = b"".join(iter(lambda: telling.recv(65_536), b""))
    print(json.dumps({"observation": seen.model_dump(mode="json"), "lines": record.notes, "heard": json.loads(told)}))


if __name__ == "__main__":
    main()
