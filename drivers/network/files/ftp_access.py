"""Whether anonymous clients may write over FTP (RFC 959, RFC 1635): a marker is stored, and removed again.

Where the bench does not allow it, nothing is written, and only the login is tried.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.guessing.limit import WORDS
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.files.ftp_files import REFUSALS, FtpFiles
from drivers.network.logins.ftp import WANTS_TLS, FtpDoor, FtpReply, FtpSession
from drivers.network.sweep.canary import asked_at
from drivers.network.target import Target
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, printable

USERS = ("anonymous", "ftp")
"""The names of anonymous FTP: RFC 1635 clause 2, and by custom."""
PASSWORD = "trustprobe@"
FOLDERS = ("", "incoming", "upload", "uploads", "pub", "pub/incoming", "public", "tmp", "share", "data")
"""Folders in which a marker is stored: first where the login leads. Those that the server lists follow."""
MOST_FOLDERS = 24
SECONDS = 10.0
_CONTENT = b"written by trustprobe, which tests whether anonymous clients may write\r\n"
_NO_LOGIN = (332, 430, 530, 532)


@dataclass(frozen=True)
class AskFtpWriting:
    """Log in anonymously at each FTP port, and store a marker of this run; facts are about `tcp/N` or `tcp6/N`.

    SEEN is a marker that was stored. REFUSED is a login that was refused, or a STOR that was refused in each folder. No
    folder is made, and no file of the device is read or changed.
    """

    target: Target
    doors: tuple[FtpDoor, ...]
    may_write: bool

    @property
    def name(self) -> str:
        """One observation a target."""
        return "ftp_writing"

    def run(self, record: Recorder) -> Observation:
        """Try each port; BenchError when this machine cannot send."""
        facts, left_open = [], dict[str, str]()
        for door in self.doors:
            outcome = _Visit(door, self.may_write, record).outcome()
            about, detail = door.interface.replace("-", "/"), printable(outcome.detail, 1_500)
            record.note(f"{about} -> {outcome.answer}: {detail}")
            asked = asked_at(about, "an anonymous login", connected=outcome.connected)
            facts.append(Fact(about=about, answer=outcome.answer, detail=detail, asked=asked))
            if outcome.answer is Answer.SILENT and outcome.connected:
                left_open[about] = detail
        question = f"May anonymous clients write on one of {len(facts)} FTP ports?"
        return Observation(question=question, facts=tuple(facts), left_open=left_open)


@dataclass(frozen=True)
class FtpOutcome:
    """How the visit of a port ended."""

    answer: Answer
    detail: str
    connected: bool = True


class _Visit:
    """The anonymous logins at one port, and what they may write."""

    def __init__(self, door: FtpDoor, may_write: bool, record: Recorder) -> None:
        self._door, self._may_write, self._record = door, may_write, record
        self._upgrades = False
        """Whether the server was seen to require AUTH TLS."""

    def outcome(self) -> FtpOutcome:
        """Try each user until one is let in."""
        refused = []
        for user in USERS:
            try:
                found = self._of(user)
            except EndedError as ended:
                return FtpOutcome(ended.answer, ended.detail, ended.connected)
            except NotForwardedError as error:
                return FtpOutcome(Answer.SILENT, error.words)
            if isinstance(found, FtpOutcome):
                return found
            refused.append(f"{user}: {found}")
        return FtpOutcome(Answer.REFUSED, "; ".join(refused))

    def _of(self, user: str) -> FtpOutcome | FtpReply:
        """Log in as one user and write. Return the reply if it refuses the login."""
        with self._opened() as session:
            reply = session.ask(f"USER {user}")
            if reply.code == 331:
                reply = session.ask(f"PASS {PASSWORD}")
            if reply.positive:
                return self._write(session, user)
        if WANTS_TLS.search(reply.text) and not (self._door.tls or self._upgrades):
            self._upgrades = True
            return self._of(user)
        if reply.code in _NO_LOGIN and not WORDS.search(reply.text):
            return reply
        return FtpOutcome(Answer.SILENT, f"the answer to the login of {user} is {reply}")

    @contextmanager
    def _opened(self) -> Iterator[FtpSession]:
        """Connect, read the greeting, and begin TLS where the server requires it."""
        door = self._door
        with Dialogue(door.target, door.port, tls=door.tls, seconds=SECONDS) as dialogue:
            session = FtpSession(dialogue)
            if (greeting := session.greeting()).code != 220:
                raise EndedError(Answer.SILENT, f"no service: {greeting}")
            if self._upgrades and (problem := session.upgrade()) is not None:
                raise EndedError(Answer.SILENT, problem.detail)
            yield session

    def _write(self, session: FtpSession, user: str) -> FtpOutcome:
        """Store a marker in one folder after the other until one accepts it, and remove it."""
        if not self._may_write:
            words = "writing was not tested: the bench does not allow configure. Add `configure` to `allow`"
            return FtpOutcome(Answer.SILENT, f"{user} logs in, and {words}")
        marker = f"trustprobe-{secrets.token_hex(6)}.txt"
        files = FtpFiles(self._door.target, session)
        folders = list(dict.fromkeys((*FOLDERS, *files.folders())))[:MOST_FOLDERS]
        doubts, refusals = [], dict[int, int]()
        for folder in folders:
            where = f"{folder}/{marker}" if folder else marker
            session.extend()
            reply = files.store(where, _CONTENT)
            self._record.note(f"{user}: STOR {where} -> {reply}")
            if reply.positive:
                return FtpOutcome(Answer.SEEN, f"{user} stores {where} over FTP ({reply}). {_removed(files, where)}")
            if reply.code in REFUSALS:
                refusals[reply.code] = refusals.get(reply.code, 0) + 1
            else:
                doubts.append(f"STOR {where}: {reply}")
                self._record.note(_removed(files, where))
        if doubts:
            return FtpOutcome(Answer.SILENT, f"{user} logs in, and it is open whether it may write: {doubts[0]}")
        words = ", ".join(f"{count} x {code}" for code, count in refusals.items())
        return FtpOutcome(Answer.REFUSED, f"{user} logs in, and STOR is refused in {len(folders)} folders ({words})")


def _removed(files: FtpFiles, where: str) -> str:
    """Remove the marker, and say whether the server did."""
    reply = files.remove(where)
    if reply.positive:
        return "The file was removed again"
    return f"The server does not remove it (DELE: {reply}): remove it before the sample is used"
