"""Small servers on loopback for the tests: one handler a connection or datagram, ended with the context."""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.free_ports import free_port


@contextmanager
def tcp_server(handle: Callable[[socket.socket], None], address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[int]:
    """Serve connections one after another in a thread; yields the port. What a handler cannot send is dropped."""
    with socket.create_server(address) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@contextmanager
def udp_server(
    handle: Callable[[bytes, Callable[[bytes], object]], object], address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """Hand each datagram to `handle` with a function that replies; yields the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        port: int = sock.getsockname()[1]
        stop = b"stop the test server"

        def serve() -> None:
            while True:
                data, peer = sock.recvfrom(65_535)
                if data == stop:
                    return
                with contextlib.suppress(OSError):
                    handle(data, lambda reply: sock.sendto(reply, peer))  # noqa: B023

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(stop, (address[0], port))
        thread.join(10)


@contextmanager
def group_server(
    handle: Callable[[bytes, Callable[[bytes], object]], object], address: str, group: str, port: int
) -> Iterator[None]:
    """Hand each datagram to a multicast group of the loopback interface to `handle`. The reply comes from `address`.

    The port of the address itself is closed: a datagram to it is answered by ICMP.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering,
    ):
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind((group, port))
        membership = struct.pack("@4s4si", socket.inet_aton(group), b"", socket.if_nametoindex("lo"))
        heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        answering.bind((address, 0))
        stop = os.urandom(16)

        def serve() -> None:
            while True:
                data, peer = heard.recvfrom(65_535)
                if data == stop:
                    return
                with contextlib.suppress(OSError):
                    handle(data, lambda reply: answering.sendto(reply, peer))  # noqa: B023

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            to_loopback = struct.pack("@4s4si", b"", b"", socket.if_nametoindex("lo"))
            stopper.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, to_loopback)
            stopper.sendto(stop, (group, port))
        thread.join(10)


def require_client(connection: socket.socket) -> None:
    """Raise OSError if the client has reset the connection: SSLContext.wrap_socket would leave a socket open."""
    connection.getpeername()


def closed_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    return free_port(kind=kind)


@contextmanager
def mute_port() -> Iterator[int]:
    """A TCP port whose SYNs are dropped, as by a firewall: its queue is full and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
