"""pyftpdlib as the server of the tests: a folder, and the rights of its users."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.drivers.network.tls.tls_servers import rsa_certificate

with warnings.catch_warnings():  # Python 3.11 announces that asyncore will be removed
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer  # type: ignore[import-untyped]
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler  # type: ignore[import-untyped]
    from pyftpdlib.ioloop import IOLoop  # type: ignore[import-untyped]
    from pyftpdlib.servers import FTPServer  # type: ignore[import-untyped]

READ, STORE, EVERYTHING = "elr", "elrw", "elradfmwMT"
"""Rights in the letters of pyftpdlib."""


def users(root: Path, rights: str | None, user: str = "anonymous") -> Any:
    """Return the users of a folder: one with these rights, or none."""
    authorizer = DummyAuthorizer()
    if rights is not None and user == "anonymous":
        with warnings.catch_warnings():  # about rights to write
            warnings.simplefilter("ignore", RuntimeWarning)
            authorizer.add_anonymous(str(root), perm=rights)
    elif rights is not None:
        authorizer.add_user(user, "trustprobe@", str(root), perm=rights)
    return authorizer


def users_of_one_folder(root: Path, folder: Path) -> Any:
    """Return an anonymous user that may read everything, and change one folder."""

    class OnlyThere(DummyAuthorizer):  # type: ignore[misc]
        def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
            return perm in READ or (path or "").startswith(str(folder))

    authorizer = OnlyThere()
    authorizer.add_anonymous(str(root), perm=READ)
    return authorizer


@contextmanager
def ftp_server(authorizer: Any, certificate: Path | None = None) -> Iterator[int]:
    """Serve these users on loopback and yield the port. With a path for a certificate, everything is inside TLS."""
    fields: dict[str, Any] = {"authorizer": authorizer, "auth_failed_timeout": 0}
    if certificate is not None:
        certificate.write_bytes(rsa_certificate().private_key_and_cert_chain_pem.bytes())
        fields |= {"certfile": str(certificate), "tls_control_required": True, "tls_data_required": True}
    handler = type("Handler", (FTPHandler if certificate is None else TLS_FTPHandler,), fields)
    loop, stop = IOLoop(), threading.Event()
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=loop)

    def serve() -> None:
        while not stop.is_set():
            loop.poll(0.02)
            loop.sched.poll()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        stop.set()
        thread.join(10)
        server.close_all()
