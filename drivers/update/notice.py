"""Whether the device checks for newer versions automatically, and notifies its customer of one.

The server that it asks announces a version made for this run, newer than the one that runs; the customer's page is read
before and after. Nothing is installed.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from drivers.network.servers.tls import Announcement, ContactOutcome, Request, TlsClientServer
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.administrator import Administrator
from drivers.network.web.administration.settings import Shown
from drivers.network.web.transport.client import WebAnswer
from drivers.update.running import restarted
from lab_config.component import Identity, UpdateNoticeDeclaration
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_CHECK = Asked(door="the update server", shape="a connection of the device")
_PAGE = Asked(door="the web administration", shape="the page that announces versions")

PACE_SECONDS = 0.1
"""Between two looks at the page; a page gives no event to wait for."""
ASKED, QUIET, TOLD = "asked", "quiet before", "told"
_VERSION = re.compile(r"[\w.+~ -]{1,64}", re.ASCII)
_LEAST, _SPAN = 10, 240


def newer_than(version: str) -> str | None:
    """Return a version that nobody has released: the last number but one is raised, the last is random.

    Numbers stay below 256 where they were. None for text in which there is no number to raise.
    """
    parts = re.split(r"(\d+)", version) if _VERSION.fullmatch(version) else []
    numbers = range(1, len(parts), 2)
    chance = _LEAST + secrets.randbelow(_SPAN)
    if not numbers:
        return None
    if len(numbers) == 1:
        parts[1] = str(int(parts[1]) + chance)
    else:
        raised, last = numbers[-2:]
        parts[raised], parts[last] = str(int(parts[raised]) + 1), str(chance)
    return "".join(parts)


@dataclass(frozen=True)
class _Look:
    """The page, as it was read once; None where no answer came."""

    answer: WebAnswer | None
    pattern: str

    @property
    def read(self) -> bool:
        return self.answer is not None and self.answer.complete

    @property
    def shows(self) -> bool:
        """Whether the page holds the notice."""
        text = self.answer.body.decode("utf-8", "replace") if self.answer and self.answer.status == 200 else ""
        return re.search(self.pattern, text) is not None


@dataclass(frozen=True)
class AnnounceUpdate:
    """Announce a version to the device's own request, and read where it tells its customer.

    A device that asks after each connection is made to connect twice, and nobody opens its administration in between:
    a question that only a person's visit causes does not come the second time. One that asks after each start is
    restarted once, by `restart`, which returns what shows that the restart happened. Facts: the device asked, the page
    did not show the version before, and shows it now. Witness: it sent data over the same connection, and the page was
    read, with a login, before and after. Premise: the restart.
    """

    server: TlsClientServer
    web: Administration
    identity: Identity
    notice: UpdateNoticeDeclaration
    restart: Callable[[], Witness] | None = None

    @property
    def name(self) -> str:
        """One observation."""
        return "update_notice"

    def run(self, record: Recorder) -> Observation:
        """Read, announce, wait for the question, and read again."""
        with Administrator(self.web, record) as customer:
            shown = customer.identity(self.identity)
            version = newer_than(shown.version) if shown and shown.version else None
            if shown is None or version is None:
                return _unread(shown.version if shown else None)
            record.note(f"version {shown.version} runs, version {version} is announced")
            before = self._look(customer, version)
            try:
                request, spoke, sign = self._asked(version, record)
                after = self._told(customer, version, request is not None)
                premise = self._premise(sign, shown, customer)
            finally:
                self.server.announce(None)
        for name, look in (("page_before", before), ("page_after", after)):
            if look.answer is not None:
                record.keep(f"{name}.body", look.answer.body)
        return Observation(
            question="Does the device check for newer versions automatically, and notify its customer of one?",
            facts=(self._asked_fact(request), _quiet(before, version), self._told_fact(request, after, version)),
            witness=all_of([_spoke(spoke), _read("before", before), _read("after", after)]),
            premise=premise,
        )

    def _premise(self, sign: Witness | None, before: Shown, customer: Administrator) -> Witness | None:
        """Return whether the restart happened: what was seen while the power was off, or else a new boot id."""
        if sign is None or sign.holds:
            return sign
        now = customer.identity(self.identity)
        if now is None or not restarted(now, before):
            return sign
        return condition("the device restarted: it shows a new boot id", holds=True)

    def _look(self, customer: Administrator, version: str) -> _Look:
        pattern = self.notice.notice.replace("{version}", re.escape(version))
        return _Look(customer.ask("GET", self.notice.path), pattern)

    def _asked(self, version: str, record: Recorder) -> tuple[Request | None, bool, Witness | None]:
        """Return the request that was answered with the announcement, whether the device came at all, and the restart.

        The restart is None if the device asks without one.
        """
        rounds = 1 if self.restart else 2
        request, mark, sign = None, 0, None
        for number in range(1, rounds + 1):
            if number == rounds:
                body = self.notice.announcement.replace("{version}", version).encode()
                self.server.announce(Announcement(self.notice.request, self.notice.content_type, body))
            mark = self.server.present(self.server.good)
            if self.restart:
                sign = self.restart()
                record.note(sign.what)
            record.progress(number, rounds, "waiting for the device to check for a newer version")
            request = self.server.wait_for_request(self.notice.request, self.notice.seconds_to_ask, mark)
            record.note(f"check {number} of {rounds}: {request.line if request else 'none'}")
            if request is None:
                break
        return request, any(one.outcome is ContactOutcome.SPOKE for one in self.server.contacts(mark)), sign

    def _told(self, customer: Administrator, version: str, asked: bool) -> _Look:
        """Read the page until it shows the version; once alone where the device has not asked."""
        until = time.monotonic() + (self.notice.seconds_to_tell if asked else 0)
        while True:
            look = self._look(customer, version)
            if look.shows or time.monotonic() >= until:
                return look
            Event().wait(PACE_SECONDS)

    def _asked_fact(self, request: Request | None) -> Fact:
        if request is None:
            words = f"the device sent no request for a newer version within {self.notice.seconds_to_ask:g} s"
            return Fact(about=ASKED, answer=Answer.SILENT, detail=words, asked=_CHECK)
        return Fact(about=ASKED, answer=Answer.SEEN, detail=request.line)

    def _told_fact(self, request: Request | None, after: _Look, version: str) -> Fact:
        if after.shows:
            return Fact(about=TOLD, answer=Answer.SEEN, detail=f"{self.notice.path} shows version {version}")
        within = f" within {self.notice.seconds_to_tell:g} s of the request" if request else ""
        words = f"{self.notice.path} does not show version {version}{within}"
        return Fact(about=TOLD, answer=Answer.SILENT, detail=words, asked=_PAGE)


def _unread(version: str | None) -> Observation:
    words = (
        "the running version could not be read"
        if version is None
        else f"the version {version!r} has no number to raise"
    )
    return Observation(
        question="Does the device check for newer versions automatically, and notify its customer of one?",
        facts=(Fact(about=ASKED, answer=Answer.SILENT, detail=f"nothing was announced: {words}"),),
        witness=condition(words, holds=False),
    )


def _quiet(before: _Look, version: str) -> Fact:
    quiet = before.read and not before.shows
    words = f"the page {'does not show' if quiet else 'shows'} {version} before it is announced"
    return Fact(
        about=QUIET,
        answer=Answer.SEEN if quiet else Answer.SILENT,
        detail=words if before.read else "the page could not be read before the announcement",
        asked=_PAGE,
    )


def _read(moment: str, look: _Look) -> Witness:
    return Witness(
        what=f"the page was {'' if look.read else 'not '}read {moment} the announcement", holds=look.read, asked=_PAGE
    )


def _spoke(spoke: bool) -> Witness:
    words = "sent" if spoke else "did not send"
    return Witness(
        what=f"the device {words} data over its new connection with the good certificate", holds=spoke, asked=_CHECK
    )
