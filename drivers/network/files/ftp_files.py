"""Files of an FTP server after a login: they are stored, removed and listed over passive data connections (RFC 2428).

Inside TLS, data connections are as well, with the session of the control connection (RFC 4217).
"""

import contextlib
import re
import socket

from drivers.network.logins.ftp import FtpReply, FtpSession
from drivers.network.target import Target, answer_of

REFUSALS = frozenset((430, 500, 502, 530, 532, 550, 553))
"""Replies that refuse to write. A server that is full (452, 552), or fails at the data connection, refuses nothing."""
_DATA_SECONDS = 3.0
_LIST_OCTETS = 16_384
_EPSV = re.compile(r"\(([!-~])\1\1(\d{1,5})\1\)")
_PASV = re.compile(r"(?:\d{1,3},[ ]?){4}(\d{1,3}),[ ]?(\d{1,3})")
_FOLDER = re.compile(r"(?m)^(?:d(?:\S+[ ]+){8}|[\d/-]+[ ]+[\d:APM]+[ ]+<DIR>[ ]+)([\w][\w .+@-]{0,99}?)\r?$", re.ASCII)
"""A line of a listing about a folder, as Unix and as Windows write it."""


class FtpFiles:
    """The files that a session reaches. EndedError where a reply is missing; NotForwardedError at a data port."""

    def __init__(self, target: Target, session: FtpSession) -> None:
        self._target, self._session = target, session
        session.ask("TYPE I")
        if session.dialogue.encrypted:
            session.ask("PBSZ 0")
            session.ask("PROT P")

    def store(self, where: str, data: bytes) -> FtpReply:
        """Store a file, and return the last reply. Reply 425 is ours where no data connection came about."""
        connection = self._connection()
        if isinstance(connection, FtpReply):
            return connection
        with connection:
            reply = self._session.ask(f"STOR {where}")
            if not 100 <= reply.code < 200:
                return reply
            with contextlib.suppress(OSError), self._session.dialogue.protect(connection) as inside:
                inside.sendall(data)
                _end(inside)
        return self._session.reply()

    def remove(self, where: str) -> FtpReply:
        """Remove a file."""
        return self._session.ask(f"DELE {where}")

    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders that LIST shows. Empty if it shows none, or in a form that is not known."""
        connection = self._connection()
        if isinstance(connection, FtpReply):
            return ()
        listed = b""
        with connection:
            if not 100 <= self._session.ask("LIST").code < 200:
                return ()
            with contextlib.suppress(OSError), self._session.dialogue.protect(connection) as inside:
                while len(listed) < _LIST_OCTETS and (more := inside.recv(4_096)):
                    listed += more
        self._session.reply()
        return tuple(_FOLDER.findall(listed.decode("utf-8", "replace")))

    def _connection(self) -> socket.socket | FtpReply:
        """Open a data connection to the device, whatever address it names. Return the reply if it offers none."""
        reply = self._session.ask("EPSV")
        found = _EPSV.search(reply.text) if reply.code == 229 else None
        port = int(found[2]) if found else 0
        if found is None:
            reply = self._session.ask("PASV")
            found = _PASV.search(reply.text) if reply.code == 227 else None
            port = int(found[1]) * 256 + int(found[2]) if found else 0
        if not 0 < port < 65_536:
            return FtpReply(425, f"no data connection: {reply}")
        try:
            return self._target.connect(port, _DATA_SECONDS)
        except OSError as error:
            answer_of(error)  # BenchError where this machine cannot send
            return FtpReply(425, f"no data connection to port {port}")


def _end(connection: socket.socket) -> None:
    """Say that nothing more comes: a server that is strict takes data without the goodbye of TLS for cut."""
    unwrap = getattr(connection, "unwrap", None)
    if unwrap is not None:
        unwrap()
