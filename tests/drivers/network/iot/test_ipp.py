"""Administration over IPP, on a server of the tests with CUPS's policies: which operations ask for a login."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from drivers.network.iot import ipp
from drivers.network.iot.ipp import AskIpp
from drivers.network.iot.ipp_message import (
    CUPS_ADD_MODIFY_PRINTER,
    CUPS_DELETE_PRINTER,
    CUPS_GET_DEFAULT,
    CUPS_GET_DEVICES,
    GET_PRINTER_ATTRIBUTES,
    SET_PRINTER_ATTRIBUTES,
    TEXT,
    TEXT_WITH_LANGUAGE,
    URI,
    Attribute,
    parsed,
    request,
)
from drivers.network.target import Target
from drivers.network.web.transport.server import WebServer, undeclared_service
from lab_config.bench import NetworkBench
from tests.drivers.network.logins.login_servers import server_context, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.pages import Asked, Pages, Said, serving
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact

PRINTER = (
    (URI, "printer-uri-supported", b"ipp://printer.local/printers/Hall"),
    (TEXT, "printer-location", b"in the hall"),
)
EVERYTHING = frozenset((CUPS_GET_DEVICES, CUPS_ADD_MODIFY_PRINTER, CUPS_DELETE_PRINTER, SET_PRINTER_ATTRIBUTES))
FLUR = (TEXT_WITH_LANGUAGE, "printer-location", b"\0\x05de-de\0\x09im Flur 3")
"""Text with its language (RFC 8011 clause 5.1.2.2)."""
NO_VALUES = ((0x13, "printer-location", b""), (0x12, "printer-info", b""))
READING = frozenset((GET_PRINTER_ATTRIBUTES, CUPS_GET_DEFAULT))

UNAUTHORIZED = Said("Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="CUPS"'})


@dataclass
class PrintServer:
    """A server of printers: operations that are open, the answer to the others, and the requests that were done."""

    open_: frozenset[int] = READING
    refusal: Said = UNAUTHORIZED
    statuses: Mapping[int, int] = field(default_factory=dict)
    done: list[tuple[int, bytes]] = field(default_factory=list)
    printer: tuple[Attribute, ...] = PRINTER

    def __call__(self, asked: Asked) -> Said:
        if asked.method != "POST" or asked.headers.get("content-type") != "application/ipp":
            return Said("<html>CUPS", 200, {"Content-Type": "text/html"})
        operation = int.from_bytes(asked.body[2:4], "big")
        status = self.statuses.get(operation)
        if status is None and operation not in self.open_:
            return self.refusal
        if not status:
            self.done.append((operation, asked.body))
        return answer(status or 0, self.printer if operation in READING else ())


def answer(status: int, printer: tuple[Attribute, ...] = ()) -> Said:
    """Return an answer of IPP. Its groups are those of a request."""
    message = request(0, printer=printer)
    return Said(message[:2] + status.to_bytes(2, "big") + message[4:], 200, {"Content-Type": "application/ipp"})


PATHS = ("/", "/admin/", "/ipp/print", "/ipp/printer")


def ask(server: PrintServer, *, may_write: bool = True, port: int = 631) -> Fact | None:
    with serving(dict.fromkeys(PATHS, server)) as pages:
        return asked_at(pages, port, may_write=may_write)


def asked_at(pages: Pages, port: int = 631, *, may_write: bool = True) -> Fact | None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={f"tcp/{port}": pages.port}))
    servers = (WebServer(target, undeclared_service(port, tls=False)),)
    observation = AskIpp(servers, may_write).run(MemoryRecorder())
    for fact in observation.facts:
        assert (fact.about in observation.left_open) is (fact.answer is Answer.SILENT)
    return observation.facts[0] if observation.facts else None


def test_an_administration_that_is_open_is_named_and_nothing_of_it_remains() -> None:
    server = PrintServer(READING | EVERYTHING)
    fact = ask(server)
    assert fact is not None and fact.answer is Answer.SEEN
    assert fact.detail.startswith(
        "over IPP, everybody administers the server: CUPS-Get-Devices is done; CUPS-Add-Modify"
    )
    assert "which was deleted again" in fact.detail
    (added,) = [body for operation, body in server.done if operation == CUPS_ADD_MODIFY_PRINTER]
    (deleted,) = [body for operation, body in server.done if operation == CUPS_DELETE_PRINTER]
    assert added[8:] == deleted[8:] and b"/printers/trustprobe_" in added
    (kept,) = [body for operation, body in server.done if operation == SET_PRINTER_ATTRIBUTES]
    assert b"printer-location\0\x0bin the hall" in kept and b"ipp://printer.local/printers/Hall" in kept


@pytest.mark.parametrize("operation", sorted(EVERYTHING - {CUPS_DELETE_PRINTER}))
def test_one_operation_that_is_open_is_enough(operation: int) -> None:
    fact = ask(PrintServer(READING | {operation}))
    assert fact is not None and fact.answer is Answer.SEEN


def test_a_printer_that_cannot_be_deleted_is_named() -> None:
    fact = ask(PrintServer(READING | {CUPS_ADD_MODIFY_PRINTER}))
    assert fact is not None and ": delete the printer trustprobe_" in fact.detail


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_requires_a_login_for_administration_refuses(status: int) -> None:
    fact = ask(PrintServer(refusal=Said("no", status)))
    assert fact is not None and fact.answer is Answer.REFUSED
    assert f"CUPS-Add-Modify-Printer answers {status}" in fact.detail


@pytest.mark.parametrize("may_write", [False, True])
def test_a_server_that_requires_a_login_for_everything_refuses(may_write: bool) -> None:
    fact = ask(PrintServer(frozenset()), may_write=may_write)
    assert fact is not None and fact.answer is Answer.REFUSED


@pytest.mark.parametrize("status", [0x0401, 0x0402, 0x0403, 0x0501])
def test_a_status_of_ipp_that_forbids_an_operation_is_a_refusal(status: int) -> None:
    fact = ask(PrintServer(statuses=dict.fromkeys(EVERYTHING, status)))
    assert fact is not None and fact.answer is Answer.REFUSED


@pytest.mark.parametrize(
    "server",
    [
        PrintServer(statuses=dict.fromkeys(EVERYTHING, 0x0400)),
        PrintServer(statuses=dict.fromkeys(EVERYTHING, 0x0506)),
        PrintServer(refusal=Said("busy", 503)),
        PrintServer(refusal=Said("bad", 400)),
        PrintServer(refusal=Said(b"\1\1\0", 200, {"Content-Type": "application/ipp"})),
    ],
)
def test_an_answer_that_is_no_refusal_leaves_it_open(server: PrintServer) -> None:
    fact = ask(server)
    assert fact is not None and fact.answer is Answer.SILENT


def test_without_permission_nothing_is_changed_and_the_rest_is_open() -> None:
    server = PrintServer(READING | EVERYTHING, statuses={CUPS_GET_DEVICES: 0x0501})
    fact = ask(server, may_write=False)
    assert fact is not None and fact.answer is Answer.SILENT and ipp.NOT_ALLOWED in fact.detail
    assert {operation for operation, _ in server.done} <= READING


def test_a_server_that_shows_pages_only_does_not_speak_ipp() -> None:
    with serving({"/": lambda _: Said("<html>hello")}) as pages:
        assert asked_at(pages, 80) is None
        fact = asked_at(pages, 631)
    assert fact is not None and fact.answer is Answer.SILENT


def test_any_port_that_speaks_ipp_is_probed() -> None:
    fact = ask(PrintServer(READING | EVERYTHING), port=8080)
    assert fact is not None and (fact.about, fact.answer) == ("tcp/8080", Answer.SEEN)


def test_a_server_that_requires_tls_on_the_same_port_is_asked_inside_tls() -> None:
    operations: list[int] = []

    def serve(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) != b"\x16":
            received(connection)
            connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n")
            return
        with server_context().wrap_socket(connection, server_side=True) as inside:
            operations.append(int.from_bytes(received(inside)[2:4], "big"))
            inside.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with threaded(serve) as port:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/631": port}))
        (fact,) = AskIpp((WebServer(target, undeclared_service(631, tls=False)),), True).run(MemoryRecorder()).facts
    assert fact.answer is Answer.REFUSED and CUPS_ADD_MODIFY_PRINTER in operations


def received(connection: socket.socket) -> bytes:
    """Read a request, and return its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4_096)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(4_096)
    return body


def test_a_closed_port_631_refuses() -> None:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/631": closed_port()}))
    (fact,) = AskIpp((WebServer(target, undeclared_service(631, tls=False)),), True).run(MemoryRecorder()).facts
    assert fact.answer is Answer.REFUSED


@pytest.mark.parametrize(
    "data", [b"", b"\1\1\0\0\0\0\0\1", b"HTTP/1.1 200", b"\3\1\0\0\0\0\0\1\1", b"\1\1\0\0\0\0\0\1\x47"]
)
def test_other_bytes_are_no_answer_of_ipp(data: bytes) -> None:
    assert parsed(data) is None


def set_by(server: PrintServer) -> list[bytes]:
    """Return the attributes of the printer in each request that sets some, as octets."""
    bodies = [body for operation, body in server.done if operation == SET_PRINTER_ATTRIBUTES]
    return [body.rpartition(b"/printers/Hall\x04")[2].removesuffix(b"\3") for body in bodies]


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ((FLUR,), b"\x35\0\x10printer-location\0\x12\0\x05de-de\0\x09im Flur 3"),
        ((NO_VALUES[0], (TEXT, "printer-info", b"Laser")), b"\x41\0\x0cprinter-info\0\x05Laser"),
        (PRINTER[1:], b"\x41\0\x10printer-location\0\x0bin the hall"),
    ],
    ids=["with its language", "after one without a value", "plain"],
)
def test_a_text_is_written_back_byte_for_byte(attributes: tuple[Attribute, ...], kept: bytes) -> None:
    server = PrintServer(READING | {SET_PRINTER_ATTRIBUTES}, printer=(*PRINTER[:1], *attributes))
    fact = ask(server)
    assert fact is not None and fact.answer is Answer.SEEN
    assert set_by(server) == [kept]


@pytest.mark.parametrize("attributes", [NO_VALUES, ()])
def test_a_printer_without_a_text_is_not_set_and_stays_open(attributes: tuple[Attribute, ...]) -> None:
    server = PrintServer(READING | {SET_PRINTER_ATTRIBUTES}, printer=(*PRINTER[:1], *attributes))
    fact = ask(server)
    assert set_by(server) == []
    assert fact is not None and fact.answer is Answer.SILENT
    assert "Set-Printer-Attributes was not tested" in fact.detail


def test_attributes_that_are_cut_are_left_out() -> None:
    message = request(0, printer=PRINTER)
    whole = parsed(message)
    assert whole is not None and whole.attributes["printer-location"] == (TEXT, b"in the hall")
    cut = parsed(message[:-6])
    assert cut is not None and "printer-location" not in cut.attributes
