"""TFTP on the device: what everybody may read and write, because the protocol has no login (RFC 1350).

Of a file only the first block is read. A write request is ended with an error after the server has accepted it, before
any data is sent, because TFTP cannot remove a file.
"""

import secrets
import select
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drivers.data import table
from drivers.guessing.limit import WORDS
from drivers.network.datagram import DatagramDoor
from drivers.network.target import Target
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, printable

PORT = 69
FOLDERS = ("", "incoming/", "/tftpboot/", "/srv/tftp/", "/var/lib/tftpboot/", "/tmp/")
"""Where a new file is to be written: in the server's root folder, and, without one, where servers usually write."""
SECONDS = 1.0
"""How long an answer may take; the request is then sent once more."""
READING, WRITING = "reading", "writing"
NOT_ALLOWED = "not tested: the bench does not allow configure. Add `configure` to `allow`"
_SENDS, _AT_ONCE = 2, 8
_READ, _WRITE, _DATA, _ACK, _ERROR = 1, 2, 3, 4, 5
_REFUSALS = frozenset((0, 1, 2, 4, 7))
"""Undefined, not found, access violation, illegal operation, no such user. A full disk refuses nobody."""
_GOODBYE = _ERROR.to_bytes(2, "big") + b"\0\0trustprobe needs no more\0"
_SHOWN = 120


def about(port: int, act: str) -> str:
    """Return the name of a question in observations: `udp/69 reading`."""
    return f"udp/{port} {act}"


@dataclass(frozen=True)
class TftpReply:
    """The answer to one request: SEEN is a block or an acknowledgement, REFUSED an error of TFTP or of ICMP."""

    answer: Answer
    words: str
    data: bytes = b""


@dataclass(frozen=True)
class AskTftp:
    """Read well-known files of each TFTP port, and ask it to write a new one: `udp/N reading` and `udp/N writing`.

    SEEN is a file with content, and a write request that was accepted. REFUSED is an error that answers each request.
    Witness of reading: a file that does not exist was refused before and after.
    """

    target: Target
    ports: tuple[int, ...]
    may_write: bool

    @property
    def name(self) -> str:
        """One observation a target."""
        return "tftp6" if ":" in self.target.address else "tftp"

    def run(self, record: Recorder) -> Observation:
        """Ask each port; BenchError when this machine cannot send."""
        facts: list[Fact] = []
        witnesses: list[Witness] = []
        left_open: dict[str, str] = {}
        for port in self.ports:
            visit = _TftpPort(self.target, port, record)
            try:
                found, held = visit.reading()
                facts += [found, visit.writing() if self.may_write else visit.fact(WRITING, Answer.SILENT, NOT_ALLOWED)]
                witnesses.append(held)
            except NotForwardedError as error:
                facts += [visit.fact(act, Answer.SILENT, error.words) for act in (READING, WRITING)]
                left_open |= {about(port, act): error.words for act in (READING, WRITING)}
            if not self.may_write:
                left_open[about(port, WRITING)] = NOT_ALLOWED
        for fact in facts:
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
        question = f"What may everybody read and write on {len(self.ports)} TFTP ports?"
        return Observation(
            question=question, facts=tuple(facts), witness=all_of(witnesses) if witnesses else None, left_open=left_open
        )


class _TftpPort:
    """The requests to one port."""

    def __init__(self, target: Target, port: int, record: Recorder) -> None:
        self._target, self._port, self._record = target, port, record
        self._new = f"trustprobe-{secrets.token_hex(6)}.txt"
        """A file that does not exist."""

    def fact(self, act: str, answer: Answer, detail: str) -> Fact:
        """Return a fact about reading or writing at this port."""
        return Fact(
            about=about(self._port, act), answer=answer, detail=printable(detail, 1_500), asked=self._asked(act)
        )

    def _asked(self, act: str) -> Asked:
        return Asked(door=f"udp/{self._port}", shape=f"a TFTP request for {act}")

    def reading(self) -> tuple[Fact, Witness]:
        """Read the first block of each well-known file, and of one that does not exist, before and after."""
        names = [str(row["name"]) for row in table("tftp_names")["names"]]
        before = self.ask(_READ, self._new)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            replies = dict(zip(names, pool.map(lambda name: self.ask(_READ, name), names), strict=True))
        after = self.ask(_READ, self._new)
        for name, reply in replies.items():
            self._record.note(f"udp/{self._port}: read {name} -> {reply.words}")
        held = all(one.answer is Answer.REFUSED for one in (before, after))
        what = f"udp/{self._port} answered the request for a file that does not exist: {before.words}, {after.words}"
        witness = Witness(what=what, holds=held, asked=self._asked(READING))
        given = {name: one for name, one in replies.items() if one.data and one.data not in (before.data, after.data)}
        for name, reply in given.items():
            self._record.keep(f"udp-{self._port}-{len(name)}-{name.replace('/', '_').strip('._')}", reply.data)
        if given:
            words = ", ".join(f"{name} ({reply.words})" for name, reply in given.items())
            return self.fact(READING, Answer.SEEN, f"gives {words}"), witness
        if before.answer is Answer.SEEN:
            return self.fact(READING, Answer.SILENT, f"gives the same for each name: {before.words}"), witness
        return self._none_of(READING, replies), witness

    def writing(self) -> Fact:
        """Ask to write a new file in each folder, until one request is accepted. No data is sent."""
        replies = {}
        for folder in FOLDERS:
            where = folder + self._new
            replies[where] = reply = self.ask(_WRITE, where)
            self._record.note(f"udp/{self._port}: write {where} -> {reply.words}")
            if reply.answer is Answer.SEEN:
                left = self.ask(_READ, where)
                rest = "no file remained" if left.answer is Answer.REFUSED else _remained(where)
                words = f"accepts the request to write {where} ({reply.words}). No data was sent; {rest}"
                return self.fact(WRITING, Answer.SEEN, words)
        return self._none_of(WRITING, replies)

    def _none_of(self, act: str, replies: dict[str, TftpReply]) -> Fact:
        """Say that no request was granted: REFUSED only if each one was refused."""
        said: dict[str, int] = {}
        for reply in replies.values():
            said[reply.words] = said.get(reply.words, 0) + 1
        refused = all(reply.answer is Answer.REFUSED for reply in replies.values())
        words = ", ".join(f"{count} x {one}" for one, count in said.items())
        return self.fact(act, Answer.REFUSED if refused else Answer.SILENT, words)

    def ask(self, kind: int, name: str) -> TftpReply:
        """Send a request for one file, and end the transfer that it begins."""
        with DatagramDoor(self._target, self._port) as door:
            for _ in range(_SENDS):
                door.send(kind.to_bytes(2, "big") + name.encode() + b"\0octet\0")
                if (reply := self._reply(door, kind)) is not None:
                    return reply
        return TftpReply(Answer.SILENT, "no answer")

    def _reply(self, door: DatagramDoor, kind: int) -> TftpReply | None:
        """Wait for the answer, which comes from another port of the device (clause 4)."""
        deadline = time.monotonic() + SECONDS
        while not door.refused and (left := deadline - time.monotonic()) > 0:
            for ready in select.select([door.connected, door.beside], [], [], left)[0]:
                came = door.receive(ready)
                reply = None if came is None else _parsed(came[0], kind)
                if came is None or reply is None:
                    continue
                if reply.answer is Answer.SEEN:
                    door.answer(_GOODBYE, came[1])
                return reply
        return TftpReply(Answer.REFUSED, "ICMP port unreachable") if door.refused else None


def _parsed(packet: bytes, kind: int) -> TftpReply | None:
    """Parse the first packet of an answer (clause 5). None if it is not one."""
    number, code = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
    if len(packet) < 4:
        return None
    if number == _ERROR:
        text = packet[4:].split(b"\0")[0]
        busy = WORDS.search(text.decode("latin-1")) is not None
        answer = Answer.REFUSED if code in _REFUSALS and not busy else Answer.SILENT
        return TftpReply(answer, f"error {code} {printable(text, _SHOWN)}".rstrip())
    if kind == _READ and (number, code) == (_DATA, 1):
        return TftpReply(Answer.SEEN, f"{len(packet) - 4} octets in the first block", packet[4:])
    if kind == _WRITE and (number, code) == (_ACK, 0):
        return TftpReply(Answer.SEEN, "acknowledged")
    return None


def _remained(where: str) -> str:
    return f"the server may keep an empty file {where}, which TFTP cannot remove"
