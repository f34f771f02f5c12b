"""A second device of the same make in the lab, on a cable of its own, so that two samples can be compared.

It comes from the same production line, and talks to nobody but the lab. It has the first one's flaws only where they
are flaws of production: what should be each unit's own and is not.
"""

import json
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trustprobe.errors import BenchError
from virtual_lab.lab import require_free
from virtual_lab.reference import namespace, pki, syscalls
from virtual_lab.reference.board import CABLE_JOINED, NAMESPACE_MADE
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import ADMINISTRATOR, HTTP, Account
from virtual_lab.reference.firmware.storage.flash import CONFIG, key_store, write_json
from virtual_lab.reference.lab import ReferenceLab, _end

SECOND_ADDRESS: Final = "192.0.2.11"
SECOND_INTERFACE: Final = "lab1"
LOOPBACK_SECOND: Final = "127.0.8.11"
NOBODY: Final = "127.0.0.1"
"""Where the second device sends its log and looks for its cloud: nothing of it disturbs what the first one sends."""


class SecondDevice(ReferenceLab):
    """A running second device beside `first`. Entering waits for its power alone. `firmware` is there for tests."""

    board = "the second board"

    def __init__(
        self, folder: Path, first: ReferenceLab, *, wait: bool = True, firmware: Sequence[str] | None = None
    ) -> None:
        super().__init__(folder, (), first.loopback, wait=wait, firmware=firmware)
        self.address = LOOPBACK_SECOND if first.loopback else SECOND_ADDRESS
        self.address6 = ""
        self.collector = NOBODY
        self._first = first

    def _start(self) -> None:
        if self.loopback:
            require_free(self.address, self.port_map)
        else:
            _require_free_cable()
            self._opened.callback(_part)
        label = self._provision()
        password = _share(self._first, self.folder, label.serial, self.address) or label.admin_password
        self._control, board_end = socket.socketpair()
        self._opened.enter_context(self._control)
        with board_end, socket.create_server((NOBODY, 0)) as relay, socket.create_server((NOBODY, 0)) as jtag:
            board = self._start_board(board_end, relay, jtag)
            self._opened.callback(_end, board)
        if not self.loopback:
            self._expect(NAMESPACE_MADE, "the second board made no network namespace")
            _join(board.pid, json.loads((self.folder / "flash" / CONFIG).read_text())["mac"])
            self._control.sendall(CABLE_JOINED)
        self.environment = second_environment(self.address, self.folder, label.serial, password)
        if self._wait:
            self.await_power()


def second_environment(address: str, folder: Path, serial: str, password: str) -> dict[str, str]:
    """Return what the bench file of the reference device names of the second one."""
    return {
        "REFERENCE_SECOND_ADDRESS": address,
        "REFERENCE_SECOND_FOLDER": str(folder),
        "REFERENCE_SECOND_SERIAL": serial,
        "REFERENCE_SECOND_ADMIN_PASSWORD": password,
    }


def _share(first: ReferenceLab, folder: Path, serial: str, address: str) -> str | None:
    """Give the second device what a planted flaw shares; return the administrator's password if that is shared."""
    mine, theirs = first.folder / "flash", folder / "flash"
    defects = Defects(first.defects)
    if defects("shared_ssh_host_key"):
        shutil.copy(key_store(mine) / "ssh_host_key", key_store(theirs) / "ssh_host_key")
    if defects("shared_tls_key"):
        shutil.copy(key_store(mine) / "tls_key.pem", key_store(theirs) / "tls_key.pem")
        key = serialization.load_pem_private_key((key_store(mine) / "tls_key.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)  # production makes no other kind
        product_ca = pki.authority("Halcyon Product CA")
        credential = pki.device_credential_of(product_ca, key, serial, address)
        (theirs / "tls_cert.pem").write_bytes(credential.certificate_pem)
        (folder / "lab" / "product_ca.pem").write_bytes(product_ca.certificate_pem)
    if not defects("shared_default_password"):
        return None
    password = first.environment["REFERENCE_ADMIN_PASSWORD"]
    config = json.loads((theirs / CONFIG).read_text())
    people = [account for account in config["accounts"] if account["user"] != "admin"]
    config["accounts"] = [Account.create("admin", ADMINISTRATOR, (HTTP,), password).stored(), *people]
    write_json(theirs / CONFIG, config)
    (theirs / CONFIG).chmod(0o600)
    return password


def _require_free_cable() -> None:
    if SECOND_INTERFACE in (name for _, name in socket.if_nameindex()):
        raise BenchError(f"{SECOND_INTERFACE} is there already.", "Hold one second device at a time.")


def _join(pid: int, mac: str) -> None:
    """Make the second cable: `lab1` here, with a route to the second device alone, and `eth0` in its namespace."""
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as routes:
            peer = {"ifname": namespace.DEVICE_INTERFACE, "address": mac, "net_ns_pid": pid}
            routes.link("add", ifname=SECOND_INTERFACE, kind="veth", peer=peer)
            syscalls.set_address(SECOND_INTERFACE, namespace.LAB_ADDRESS, "255.255.255.255")
            syscalls.set_link(SECOND_INTERFACE, up=True)
            index = routes.link_lookup(ifname=SECOND_INTERFACE)[0]
            routes.route("add", dst=f"{SECOND_ADDRESS}/32", oif=index, scope=253)  # on the link
    except (OSError, NetlinkError) as error:
        raise BenchError(f"the kernel made no second pair of interfaces: {error}.") from error


def _part() -> None:
    from pyroute2 import IPRoute, NetlinkError

    with suppress(NetlinkError), IPRoute() as routes:
        for index in routes.link_lookup(ifname=SECOND_INTERFACE):
            routes.link("del", index=index)
