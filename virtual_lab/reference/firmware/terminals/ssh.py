"""The SSH server: password login of the maintenance account, a few commands and a small shell.

paramiko does the protocol. Which algorithms are offered is decided here; what the commands do is in `shell`.
"""

import functools
import hashlib
import logging
import socket
import threading
from contextlib import suppress
from typing import Any, ClassVar

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_REQUEST,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.kex_group14 import KexGroup14SHA256
from paramiko.kex_mlkem import KexMLKEM768X25519

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import SSH, Account
from virtual_lab.reference.firmware.terminals.shell import Shell

PORT = "tcp/22"
HOST_KEY = "ssh_host_key"
IDENTIFICATION = "SSH-2.0-HalcyonSSH"
_CONNECTIONS = 32
_TRIES = 3
_PARAMIKO_TRIES = 10
_HANDSHAKE_SECONDS = 10.0
_LOGIN_SECONDS = 30.0
_IDLE_SECONDS = 300.0
_LINE_OCTETS = 512
_PACKET_OCTETS = 35_000
"""The largest packet that a planted defect does not trip over (RFC 4253, 6.1)."""
_FIRST_SECONDS = 0.1

_KEX = (
    *(("mlkem768x25519-sha256",) if KexMLKEM768X25519.is_available() else ()),
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "diffie-hellman-group16-sha512",
)
_HOST_KEYS = ("ssh-ed25519",)
_CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr")
_MACS = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512", "hmac-sha2-256")


class _KexGroup14Sha1(KexGroup14SHA256):
    name = "diffie-hellman-group14-sha1"
    hash_algo = hashlib.sha1


class _KexGroup1Sha1(_KexGroup14Sha1):
    """RFC 4253, 8.1: the second Oakley group, 1024 bits."""

    P = int(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
        16,
    )
    name = "diffie-hellman-group1-sha1"


_WEAK_KEX = {kex.name: kex for kex in (_KexGroup1Sha1, _KexGroup14Sha1)}
_CELLS = 1 << 20
"""Characters of the terminal that a planted defect has a buffer for."""
_WEAK_HOST_KEYS = ("ssh-rsa", "ssh-dss")
_WEAK_CIPHERS = ("3des-cbc", "aes128-cbc")
_WEAK_MACS = ("hmac-md5", "hmac-sha1", "hmac-sha1-96")


@functools.cache
def _small_key() -> paramiko.PKey:
    """Return the host key of a planted defect; it is made once."""
    return paramiko.RSAKey.generate(1024)


class _Transport(paramiko.Transport):
    """A server connection with this device's algorithms.

    A shell or command starts after its request was answered: paramiko's own order leaves that to chance.
    """

    _kex_info: ClassVar[dict[str, Any]] = {**paramiko.Transport._kex_info, **_WEAK_KEX}  # type: ignore[attr-defined]

    def __init__(self, sock: socket.socket, key: paramiko.PKey, defects: Defects) -> None:
        super().__init__(sock, server_sig_algs=False)
        self.local_version = IDENTIFICATION
        self.banner_timeout = self.handshake_timeout = _HANDSHAKE_SECONDS
        self._preferred_kex = _KEX + (tuple(_WEAK_KEX) if defects("ssh_weak_kex") else ())
        self._preferred_ciphers = _CIPHERS + (_WEAK_CIPHERS if defects("ssh_weak_cipher") else ())
        self._preferred_macs = _MACS + (_WEAK_MACS if defects("ssh_weak_mac") else ())
        self._preferred_keys: tuple[str, ...] = _HOST_KEYS
        self.add_server_key(key)
        if defects("ssh_small_host_key"):
            self._preferred_keys += ("rsa-sha2-512",)
            self.add_server_key(_small_key())
        if defects("ssh_weak_host_key"):  # offered in the KEXINIT; nobody gets such a key
            self._preferred_keys += _WEAK_HOST_KEYS
            self.server_key_dict.update(dict.fromkeys(_WEAK_HOST_KEYS, key))
        self._channel_handler_table: dict[int, Any] = {
            **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
            MSG_CHANNEL_REQUEST: self._handle_channel_request,
        }

    def _handle_channel_request(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        paramiko.Channel._handle_request(channel, message)  # type: ignore[attr-defined]
        assert isinstance(self.server_object, _Login)
        self.server_object.start_requested()


class _Login(paramiko.ServerInterface):
    """One connection's login, and what is then asked for."""

    def __init__(self, device: Device, transport: _Transport, source: str) -> None:
        self._device = device
        self._transport = transport
        self._source = source
        self._failures = 0
        self._requested: threading.Thread | None = None
        self._echo = False
        self.account: Account | None = None

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str | bytes) -> int:
        text = password if isinstance(password, str) else password.decode(errors="replace")
        self.account = self._device.accounts.login(SSH, username, text, self._source)
        if self.account is not None:
            return AUTH_SUCCESSFUL
        self._failures += 1
        if self._failures >= _TRIES and self._transport.auth_handler is not None:
            # paramiko disconnects after ten: let it believe that this is the tenth.
            self._transport.auth_handler.auth_fail_count = _PARAMIKO_TRIES - 1
        return AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(
        self, channel: paramiko.Channel, term: bytes, width: int, height: int, *_: Any
    ) -> bool:
        if width * height > _CELLS and self._device.defects("ssh_crash_on_huge_terminal"):
            self._device.crash()
        self._echo = True
        return True

    def check_channel_window_change_request(self, channel: paramiko.Channel, *_: Any) -> bool:
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self._request(self._execute, channel, command.decode(errors="replace"))

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return self._request(self._interact, channel)

    def start_requested(self) -> None:
        """Start what the last channel request asked for."""
        thread, self._requested = self._requested, None
        if thread is not None:
            thread.start()

    def _request(self, target: Any, *arguments: Any) -> bool:
        self._requested = threading.Thread(target=self._guarded, args=(target, *arguments), daemon=True)
        return True

    def _guarded(self, target: Any, channel: paramiko.Channel, *arguments: Any) -> None:
        channel.settimeout(_IDLE_SECONDS)
        try:
            target(channel, *arguments)
        except (OSError, EOFError, paramiko.SSHException):
            return  # the client went away
        finally:
            channel.close()

    def _shell(self) -> Shell:
        assert self.account is not None  # paramiko opens channels after a login only
        return Shell(self._device, self.account.user)

    def _execute(self, channel: paramiko.Channel, command: str) -> None:
        result = self._shell().run(command)
        channel.sendall(result.output.encode())
        channel.send_exit_status(result.status)

    def _interact(self, channel: paramiko.Channel) -> None:
        shell = self._shell()
        typed = bytearray()
        after_return = False
        channel.sendall(shell.prompt.encode())
        while received := channel.recv(_LINE_OCTETS):
            for octet in received:
                if octet in b"\x03\x04":
                    channel.send_exit_status(0)
                    return
                if octet not in b"\r\n":
                    if len(typed) < _LINE_OCTETS:
                        typed.append(octet)
                        channel.sendall(bytes([octet]) if self._echo else b"")
                elif not (octet == 10 and after_return):
                    result = shell.run(typed.decode(errors="replace"))
                    typed.clear()
                    channel.sendall(b"\r\n" + result.output.replace("\n", "\r\n").encode())
                    if result.ends:
                        channel.send_exit_status(0)
                        return
                    channel.sendall(shell.prompt.encode())
                after_return = octet == 13


def _announced(connection: socket.socket) -> int:
    """Return the length of the packet behind the client's identification, where both came at once."""
    connection.settimeout(_FIRST_SECONDS)
    try:
        begun = connection.recv(_PACKET_OCTETS, socket.MSG_PEEK)
    except TimeoutError:
        return 0
    finally:
        connection.settimeout(None)
    return int.from_bytes(begun.partition(b"\n")[2][:4])


class SshServer:
    """Accepts connections on the device's port; each is handled in a thread of its own."""

    def __init__(self, device: Device) -> None:
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        self._device = device
        self._key = paramiko.Ed25519Key.from_private_key_file(str(device.flash.secure / HOST_KEY))
        self._listener = device.ports.listen(PORT)
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self._accept, name="ssh", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except ConnectionError:
                continue  # reset before it was accepted, as by a port scan
            except OSError:
                return  # the listener was closed
            if not self._free.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection, str(peer[0])), daemon=True).start()

    def _crash(self) -> None:
        """End as a process does that runs into a fault: listener and connections close; the supervisor starts it."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener = self._device.ports.listen(PORT)
        self.start()

    def _serve(self, connection: socket.socket, source: str) -> None:
        transport = None
        try:
            if self._device.defects("ssh_crash_on_packet_length"):
                self._open = {known for known in self._open if known.fileno() != -1} | {connection}
                if _announced(connection) > _PACKET_OCTETS:
                    self._crash()
                    return
            transport = _Transport(connection, self._key, self._device.defects)
            transport.start_server(server=_Login(self._device, transport, source))
            self._hold_channels(transport)
        except (OSError, EOFError, paramiko.SSHException):
            return  # the client was no SSH client, or went away
        finally:
            if transport is not None:
                transport.close()
            connection.close()
            self._free.release()

    def _hold_channels(self, transport: _Transport) -> None:
        """Wait for a login, then for the end of the connection; paramiko closes a channel that nobody holds."""
        seconds = _LOGIN_SECONDS
        held: list[paramiko.Channel] = []
        while transport.is_active():
            channel = transport.accept(seconds)
            held = [known for known in held if not known.closed]
            if channel is not None:
                held.append(channel)
            elif not held:
                return  # no login in time, or idle for too long
            seconds = _IDLE_SECONDS
