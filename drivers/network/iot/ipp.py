"""Administration over IPP for anonymous clients (RFC 8011, and the operations of CUPS).

Reading what a printer can do is no finding, because clients need it before they print. Changes are made only where the
bench allows them: a printer of this run is added and deleted again, and a value that was read is set.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from drivers.network.iot.ipp_message import (
    CUPS_ADD_MODIFY_PRINTER,
    CUPS_DELETE_PRINTER,
    CUPS_GET_DEFAULT,
    CUPS_GET_DEVICES,
    GET_PRINTER_ATTRIBUTES,
    NAME,
    SET_PRINTER_ATTRIBUTES,
    TEXT,
    TEXT_WITH_LANGUAGE,
    URI,
    Attribute,
    IppAnswer,
    integer,
    parsed,
    request,
)
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.server import WebServer
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, printable

PORT = 631
SECONDS = 5.0
_PATHS = ("/", "/admin/")
"""Where CUPS accepts requests about the server: access may be limited for one of them only."""
_PRINTERS = ("/ipp/print", "/ipp/printer", "/")
_SET = ("printer-location", "printer-info")
"""Attributes that are set to the text that was read."""
_UPGRADE = 426
_DENIED, _NOT_THERE = (401, 403, 407), (404, 405, 501)
_UNKNOWN = 0x0400
_SHOWN = 300
NOT_ALLOWED = "changes were not tested: the bench does not allow configure. Add `configure` to `allow`"


@dataclass(frozen=True)
class IppOutcome:
    """How one operation ended."""

    answer: Answer
    words: str
    denied: bool = False
    """The server answered 401, 403 or 407."""
    answered: bool = True
    """False where no HTTP answer came."""


@dataclass(frozen=True)
class AskIpp:
    """Ask each web server for operations of administration without a login; facts are about those that speak IPP.

    SEEN is an operation that was done. REFUSED is 401 or 403 to each one, or a status that forbids it or that says that
    it is not supported. A server on port 631 that says nothing is SILENT.
    """

    servers: tuple[WebServer, ...]
    may_write: bool

    @property
    def name(self) -> str:
        """One observation a target."""
        return "ipp_anonymous"

    def run(self, record: Recorder) -> Observation:
        """Ask each server; BenchError when this machine cannot send."""
        facts, left_open = [], dict[str, str]()
        for server in self.servers:
            visit = _IppServer(server, record)
            try:
                outcome = visit.outcome(self.may_write)
            except NotForwardedError as error:
                outcome = IppOutcome(Answer.SILENT, error.words)
            if outcome is None:
                record.note(f"{server.about} does not speak IPP")
                continue
            detail = printable(outcome.words, 1_500)
            record.note(f"{server.about} -> {outcome.answer}: {detail}")
            facts.append(
                Fact(about=server.about, answer=outcome.answer, detail=detail, asked=server.asked("an IPP request"))
            )
            if outcome.answer is Answer.SILENT:
                left_open[server.about] = detail
        question = f"Does one of {len(self.servers)} web servers serve administration over IPP to anonymous clients?"
        return Observation(question=question, facts=tuple(facts), left_open=left_open)


class _IppServer:
    """The requests to one server, inside TLS from the first answer on that requires it (426)."""

    def __init__(self, server: WebServer, record: Recorder) -> None:
        self._server, self._record = server, record

    def outcome(self, may_write: bool) -> IppOutcome | None:
        """Try each operation. None if the server does not speak IPP."""
        found = self._printer()
        if isinstance(found, IppOutcome):
            return found if self._server.service.port == PORT else None
        outcomes = [self._do(path, "CUPS-Get-Devices", _devices())[0] for path in _PATHS]
        if may_write:
            outcomes.append(self._adding())
            outcomes += self._setting(*found)
        if done := list(dict.fromkeys(one.words for one in outcomes if one.answer is Answer.SEEN)):
            return IppOutcome(Answer.SEEN, f"over IPP, everybody administers the server: {'; '.join(done)}")
        words = "; ".join(dict.fromkeys(one.words for one in outcomes))
        if not may_write and not all(one.denied for one in outcomes):
            return IppOutcome(Answer.SILENT, f"{words}. {NOT_ALLOWED}")
        refused = all(one.answer is Answer.REFUSED for one in outcomes)
        return IppOutcome(Answer.REFUSED if refused else Answer.SILENT, words)

    def _printer(self) -> tuple[str, IppAnswer] | IppOutcome:
        """Find a printer: the path that it answers on, and its attributes. Return how it ended if there is no IPP."""
        own, speaks, last = self._server.client().base.partition("//")[2], "", IppOutcome(Answer.SILENT, "no answer")
        for path in _PRINTERS:
            where = (URI, "printer-uri", f"ipp://{own}{path}".encode())
            last, answer = self._do(path, "Get-Printer-Attributes", request(GET_PRINTER_ATTRIBUTES, where))
            if answer is not None and answer.ok:
                return path, answer
            speaks = path if answer is not None or last.denied else speaks
            if not last.answered:
                return last
        default, answer = self._do("/", "CUPS-Get-Default", request(CUPS_GET_DEFAULT))
        if answer is not None and answer.ok:
            return "/", answer
        return ("/", answer or IppAnswer(_UNKNOWN)) if speaks or answer is not None or default.denied else last

    def _adding(self) -> IppOutcome:
        """Add a printer of this run, and delete it again."""
        name = f"trustprobe_{secrets.token_hex(4)}"
        where = (URI, "printer-uri", f"ipp://localhost/printers/{name}".encode())
        added, answer = self._do("/", "CUPS-Add-Modify-Printer", request(CUPS_ADD_MODIFY_PRINTER, where))
        if answer is None or not answer.ok:
            return added
        deleted, answer = self._do("/", "CUPS-Delete-Printer", request(CUPS_DELETE_PRINTER, where))
        if answer is not None and answer.ok:
            return replace(added, words=f"{added.words} ({name}, which was deleted again)")
        return replace(added, words=f"{added.words}, but {deleted.words}: delete the printer {name}")

    def _setting(self, path: str, printer: IppAnswer) -> Iterator[IppOutcome]:
        """Set an attribute of the printer to the value that was read, if it has one."""
        known = printer.attributes
        where = known.get("printer-uri-supported")
        if where is None:
            return
        texts = ((tag, name, value) for name in _SET for tag, value in [known.get(name, (0, b""))])
        kept: Attribute | None = next((one for one in texts if one[0] in (TEXT, TEXT_WITH_LANGUAGE)), None)
        if kept is None:
            words = f"Set-Printer-Attributes was not tested: the printer has no text in {' or '.join(_SET)}"
            yield IppOutcome(Answer.SILENT, words)
            return
        message = request(SET_PRINTER_ATTRIBUTES, (URI, "printer-uri", where[1]), printer=(kept,))
        yield self._do(path, f"Set-Printer-Attributes ({kept[1]}, as it was read)", message)[0]

    def _do(self, path: str, words: str, message: bytes) -> tuple[IppOutcome, IppAnswer | None]:
        """Send one operation. Also return the answer if it is one of IPP."""
        try:
            came = self._server.client().request(
                "POST", path, data=message, headers={"Content-Type": "application/ipp"}, seconds=SECONDS
            )
        except NoAnswerError as error:
            return IppOutcome(error.answer, f"{words}: {error.detail}", answered=False), None
        if came.status == _UPGRADE and not self._server.service.tls:
            service = self._server.service.model_copy(update={"tls": True})
            self._server = replace(self._server, service=service)
            return self._do(path, words, message)
        self._record.note(f"{self._server.about} POST {path} {words} -> {printable(came.words, _SHOWN)}")
        answer = _message(came)
        if answer is not None:
            kind = Answer.SEEN if answer.ok else Answer.REFUSED if answer.is_denial else Answer.SILENT
            return IppOutcome(kind, f"{words} is done" if answer.ok else f"{words} answers {answer.words}"), answer
        denied = came.status in _DENIED
        kind = Answer.REFUSED if denied or came.status in _NOT_THERE else Answer.SILENT
        return IppOutcome(kind, f"{words} answers {came.status}", denied=denied), None


def _message(came: WebAnswer) -> IppAnswer | None:
    is_ipp = "application/ipp" in came.headers.get("content-type", "").lower()
    return parsed(came.body) if came.ok and is_ipp else None


def _devices() -> bytes:
    """Return the question for devices that can be printers: at most one, of a scheme that none has."""
    schemes = (NAME, "include-schemes", b"trustprobe")
    return request(CUPS_GET_DEVICES, integer("limit", 1), integer("timeout", 1), schemes)
