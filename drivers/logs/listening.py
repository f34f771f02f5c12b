"""The sockets of the collector: how a port is taken, and how something is said on a connection.

What a port that cannot be had means for the bench is said here; what arrives is the collector's.
"""

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from trustprobe.errors import BenchError

BACKLOG = 128
_SPEAK_SECONDS = 1.0


def speak(sock: socket.socket, octets: bytes, beside_tls: bool) -> None:
    """Say something on a connection within a second; `beside_tls` between the records of its session."""
    sock.settimeout(_SPEAK_SECONDS)
    with contextlib.suppress(OSError):
        if beside_tls:
            os.write(sock.fileno(), octets)
        else:
            sock.sendall(octets)
    sock.setblocking(False)


_HINTS = {
    errno.EADDRINUSE: "Another program uses it (`ss -lntup` names it). Stop that program, or choose another port.",
    errno.EACCES: "Ports below 1024 require a right. Set net.ipv4.ip_unprivileged_port_start, or choose another port.",
    errno.EPERM: "Ports below 1024 require a right. Set net.ipv4.ip_unprivileged_port_start, or choose another port.",
    errno.EADDRNOTAVAIL: "This machine does not have this address. Correct `collector.address` in the bench file.",
}


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Take a port, and listen where there is something to listen for."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        if kind is socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        name = f"{'tcp' if kind is socket.SOCK_STREAM else 'udp'}/{port} of {address}"
        hint = _HINTS.get(error.errno or 0, "Check `collector` in the bench file.")
        raise BenchError(f"the collector cannot listen on {name}: {error.strerror}.", hint) from error
    return sock


def server_context(
    certificate: Path,
    key: Path,
    hello_came: Callable[[ssl.SSLSocket | ssl.SSLObject, str | None, ssl.SSLContext], None],
) -> ssl.SSLContext:
    """Return a context that accepts whatever TLS a device speaks; `hello_came` is called for each whole ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = hello_came
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TICKET  # a resumed session would not look at the certificate again
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise BenchError(
            f"the collector cannot use the certificate {certificate.name} with the key {key.name}: {error}.",
            "Correct `collector.certificate` and `collector.key` in the bench file. Both are PEM files.",
        ) from error
    return context
