"""Registrars as doors, and registrars that register everybody, over UDP, TCP and TLS."""

import socket
from collections.abc import Callable

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.logins import sip
from drivers.network.logins.sip import SipDoor, SipEndpoint
from drivers.network.logins.sip_access import AskRegistrars
from lab_config.component import Transport
from tests.drivers.network.logins.login_servers import threaded
from tests.drivers.network.logins.sip_registrar import Registrar, registering
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tcp_servers import LOOPBACK, endless, garbage, silent
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Observation

UDP, TCP = Transport.UDP, Transport.TCP
KINDS = {UDP: socket.SOCK_DGRAM, TCP: socket.SOCK_STREAM}
BOTH = pytest.mark.parametrize("transport", [UDP, TCP])
Reply = Callable[[bytes], bytes]


def door(port: int, transport: Transport, *, tls: bool = False) -> SipDoor:
    return SipDoor(LOOPBACK, SipEndpoint(port, transport, tls), "calls")


def attempt(
    answer: Reply, password: str = "right", transport: Transport = UDP, user: str = "phone", *, tls: bool = False
) -> LoginAttempt:
    with registering(answer, transport, tls=tls) as port:
        return door(port, transport, tls=tls).attempt(user, password)


@BOTH
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_register_that_is_challenged_without_the_credential_is_a_login(
    transport: Transport, algorithm: str, status: int
) -> None:
    registrar = Registrar(algorithm=algorithm, status=status)
    found = attempt(registrar.answer, transport=transport)
    assert found.answer is Answer.SEEN and not found.without_login
    assert found.detail == f"REGISTER of phone is answered 200 to a login and {status} without it"
    assert registrar.bindings == {} and {contact for _, contact in registrar.asked} == {""}


@BOTH
def test_a_wrong_password_is_refused_by_a_challenge(transport: Transport) -> None:
    assert attempt(Registrar().answer, "wrong", transport) == LoginAttempt(Answer.REFUSED, "401 to Digest MD5")


def test_a_registrar_inside_tls_is_a_door() -> None:
    assert attempt(Registrar().answer, transport=TCP, tls=True).answer is Answer.SEEN


@BOTH
@pytest.mark.parametrize("registrar", [Registrar(trying=True), Registrar(compact=True), Registrar(stale=1)])
def test_answers_of_many_forms_are_parsed(transport: Transport, registrar: Registrar) -> None:
    assert attempt(registrar.answer, transport=transport).answer is Answer.SEEN


def test_a_registrar_that_requires_no_login_says_so() -> None:
    found = attempt(Registrar(everybody=True).answer, "wrong")
    assert found.answer is Answer.SEEN and found.without_login


def test_a_user_whom_the_registrar_does_not_know_is_refused_once_it_required_a_login_of_another() -> None:
    with registering(Registrar(unknown="404 Not Found").answer, UDP) as port, door(port, UDP).way() as way:
        found = [way.attempt(user, "x") for user in ("admin", "phone", "admin")]
    detail = "REGISTER of admin is answered 404 Not Found"
    may_be = LoginAttempt(Answer.SILENT, f"{detail}; it may serve another domain than the address of the device")
    assert (found[0], found[1].answer, found[2]) == (may_be, Answer.REFUSED, LoginAttempt(Answer.REFUSED, detail))


def test_a_registrar_that_forbids_a_user_to_register_refuses() -> None:
    found = attempt(Registrar(unknown="403 Forbidden").answer, user="admin")
    assert found == LoginAttempt(Answer.REFUSED, "REGISTER of admin is answered 403 Forbidden")


def test_one_open_user_among_others_whom_the_registrar_does_not_know_is_found() -> None:
    registrar = Registrar(users={}, open_=("1000",), unknown="404 Not Found")
    with registering(registrar.answer, UDP) as port, door(port, UDP).way() as way:
        found = [way.attempt(user, "x") for user in ("100", "1000")]
    assert [one.answer for one in found] == [Answer.SILENT, Answer.SEEN]


def test_a_user_name_with_other_characters_stays_one_name() -> None:
    registrar = Registrar(unknown="404 Not Found")
    attempt(registrar.answer, user="a b@c>\r\nX: y")
    assert set(registrar.asked) == {("a%20b%40c%3E%0D%0AX%3A%20y", "")}, "a late answer is asked for again"


@pytest.mark.parametrize(
    "status",
    ["500 Server Error", "503 Service Unavailable\r\nRetry-After: 30", "302 Moved", "480 Busy", "429 Too Many"],
)
def test_another_answer_says_nothing_of_the_password(status: str) -> None:
    found = attempt(Registrar(users={}, unknown=status).answer)
    assert found.answer is Answer.SILENT
    assert found.limited is status.startswith(("503", "429"))


@pytest.mark.parametrize("handler", [silent, garbage, endless])
def test_what_is_no_answer_says_nothing_of_the_password(
    handler: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip, "SECONDS", 0.3)
    with threaded(handler) as port:
        found = door(port, TCP).attempt("phone", "right")
        assert (found.answer, found.unanswered) == (Answer.SILENT, True)
        assert door(port, TCP).knock().answer is not Answer.SEEN


def test_an_answer_to_another_call_is_not_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip, "SECONDS", 0.3)
    found = attempt(lambda data: Registrar(everybody=True).answer(data).replace(b"Call-ID: ", b"Call-ID: x"))
    assert (found.answer, found.detail) == (Answer.SILENT, "no answer")


@pytest.mark.parametrize(
    ("registrar", "answer"),
    [
        (Registrar(), Answer.SEEN),
        (Registrar(everybody=True), Answer.SEEN),
        (Registrar(unknown="404 Not Found"), Answer.SEEN),
        (Registrar(unknown="405 Method Not Allowed"), Answer.REFUSED),
        (Registrar(unknown="501 Not Implemented"), Answer.REFUSED),
        (Registrar(unknown="408 Request Timeout"), Answer.SILENT),
        (Registrar(unknown="480 Temporarily Unavailable"), Answer.SILENT),
        (Registrar(unknown="486 Busy Here"), Answer.SILENT),
        (Registrar(unknown="500 Server Error"), Answer.SILENT),
    ],
)
def test_a_registrar_is_known_by_its_answer(registrar: Registrar, answer: Answer) -> None:
    with registering(registrar.answer, UDP) as port:
        assert door(port, UDP).knock().answer is answer


@pytest.mark.parametrize("most", [3, 100])
def test_attempts_go_over_one_connection_while_the_registrar_keeps_it(most: int) -> None:
    opened: list[int] = []

    def serve(connection: socket.socket) -> None:
        opened.append(1)
        registrar = Registrar()
        for _ in range(most):
            message = b""
            while not message.endswith(b"\r\n\r\n"):
                if not (received := connection.recv(4_096)):
                    return
                message += received
            connection.sendall(registrar.answer(message))

    with threaded(serve) as port, door(port, TCP).way() as way:
        found = [way.attempt("phone", word).answer for word in ("a", "b", "right")]
    assert found == [Answer.REFUSED, Answer.REFUSED, Answer.SEEN]
    assert len(opened) == (1 if most == 100 else 3)


def test_a_registrar_that_opened_after_it_required_a_login_lets_nobody_in() -> None:
    registrar = Registrar()
    with registering(registrar.answer, UDP) as port:
        calls = door(port, UDP)
        assert calls.attempt("phone", "wrong").answer is Answer.REFUSED
        registrar.everybody = True
        opened = calls.attempt("phone", "right")
    assert (opened.answer, opened.without_login) == (Answer.SILENT, False)


@BOTH
def test_a_closed_port_is_refused(transport: Transport) -> None:
    port = closed_port(KINDS[transport])
    found = door(port, transport).attempt("phone", "right")
    assert (found.answer, found.unanswered, found.connected) == (Answer.REFUSED, True, False)
    assert not door(port, transport).knock().connected


def ask(registrar: Registrar, transport: Transport = UDP, *, may_write: bool = True) -> Observation:
    with registering(registrar.answer, transport) as port, tcp_server(lambda client: None) as canary:
        endpoint = SipEndpoint(port, transport)
        asked = AskRegistrars(LOOPBACK, (endpoint,), ("phone",), canary, may_write).run(MemoryRecorder())
    assert [fact.about for fact in asked.facts] == [endpoint.about]
    return asked


@BOTH
def test_a_registrar_that_registers_everybody_is_seen_and_keeps_no_registration(transport: Transport) -> None:
    registrar = Registrar(everybody=True)
    found = ask(registrar, transport)
    assert found.seen
    assert (
        "registers a made-up user without a login (200 OK); the registration was removed again" in found.facts[0].detail
    )
    assert any(contact for _, contact in registrar.asked) and registrar.bindings == {}


def test_without_permission_nothing_is_registered() -> None:
    registrar = Registrar(everybody=True)
    assert ask(registrar, may_write=False).seen
    assert {contact for _, contact in registrar.asked} == {""}


@pytest.mark.parametrize("user", ["phone", "100"])
def test_a_user_whose_registrations_everybody_reads_is_seen_and_stays_as_it_was(user: str) -> None:
    registrar = Registrar(open_=(user,), bindings={user: ["<sip:phone@192.0.2.7>"]})
    found = ask(registrar)
    assert found.seen and f"shows the registrations of {user}" in found.facts[0].detail
    assert registrar.bindings == {user: ["<sip:phone@192.0.2.7>"]}


@BOTH
@pytest.mark.parametrize(
    "registrar", [Registrar(), Registrar(unknown="404 Not Found"), Registrar(users={}, unknown="403 Forbidden")]
)
def test_a_registrar_that_registers_nobody_without_a_login_refuses(transport: Transport, registrar: Registrar) -> None:
    found = ask(registrar, transport)
    assert found.refused and found.conclusive


@pytest.mark.parametrize("bindings", [{}, {"phone": ["<sip:phone@192.0.2.7>"]}])
def test_where_only_a_binding_is_challenged_the_registrations_that_are_shown_count(
    bindings: dict[str, list[str]],
) -> None:
    found = ask(Registrar(everybody=True, challenges_bindings=True, bindings=bindings))
    assert found.conclusive and bool(found.seen) is bool(bindings)


def test_a_registrar_that_may_serve_another_domain_leaves_it_open() -> None:
    found = ask(Registrar(users={}, unknown="404 Not Found"))
    assert found.silent and not found.conclusive
    assert "another domain" in found.unproven


def test_another_answer_leaves_it_open() -> None:
    found = ask(Registrar(users={}, unknown="500 Server Error"))
    assert found.silent and not found.conclusive
    assert "500 Server Error" in found.unproven


def test_a_closed_port_registers_nobody() -> None:
    with tcp_server(lambda client: None) as canary:
        ports = (SipEndpoint(closed_port(), TCP), SipEndpoint(closed_port(KINDS[UDP]), UDP))
        found = AskRegistrars(LOOPBACK, ports, (), canary, may_write=True).run(MemoryRecorder())
    assert len(found.refused) == 2 and found.conclusive
