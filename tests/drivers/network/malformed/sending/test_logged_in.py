"""Malformed messages behind a login: carried where the login got in, in a session that is opened anew when it ended."""

import threading
from dataclasses import dataclass, field

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL

from drivers.network import conversation
from drivers.network.logins.mqtt_packets import V5
from drivers.network.logins.ssh import SshDoor
from drivers.network.malformed.messages.message import Message, MessageSeries
from drivers.network.malformed.messages.sessions import (
    mqtt_session,
    mqtt_session_changes,
    ssh_session,
    ssh_session_changes,
)
from drivers.network.malformed.sending import delivery, logged_in
from drivers.network.malformed.sending.answers import Generator, answers_of
from drivers.network.malformed.sending.logged_in import LoggedInMqtt, LoggedInSsh, SendInSession
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.logins.mqtt_broker import Broker
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError

LOOPBACK = Target(NetworkBench(address="127.0.0.1"))
PUBLISH = Message("publish", b"\x30\x04\xff\xffab", "a test")


def broker(port: int) -> Service:
    return Service.model_validate(
        {"id": "bus", "transport": "tcp", "port": port, "protocol": "mqtt", "purpose": "a test"}
    )


@pytest.mark.parametrize(("named", "more"), [(mqtt_session, mqtt_session_changes), (ssh_session, ssh_session_changes)])
def test_a_seed_gives_the_same_messages_and_none_holds_a_connect(named: Generator, more: Generator) -> None:
    made = answers_of("x", named, more, 3, 80)
    assert made == answers_of("x", named, more, 3, 80)
    assert len({one.name for one in made}) == 80
    assert not any(one.data[:1] == b"\x10" for one in made if one.name not in ("noise",) and "mutation" not in one.name)


@pytest.mark.parametrize("level", [4, V5])
def test_a_message_of_mqtt_is_carried_behind_an_accepted_login_of_either_version(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "QUIET_SECONDS", 10.0)  # the broker closes, and that ends it
    accounts = Broker(accounts={"tp": "right"}, level=level)
    with tcp_server(accounts) as port:
        assert LoggedInMqtt(LOOPBACK, broker(port), "tp", "right").deliver(PUBLISH).carried
    assert set(accounts.logins) == {"tp"}


def test_a_message_of_mqtt_without_a_login_was_not_carried() -> None:
    with tcp_server(Broker(accounts={"tp": "right"})) as port:
        reaction = LoggedInMqtt(LOOPBACK, broker(port), "tp", "wrong").deliver(PUBLISH)
    assert not reaction.carried
    assert "was not accepted" in reaction.words


def test_a_session_of_ssh_that_a_message_ended_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with ssh_server(Rules()) as port:
        session = LoggedInSsh(SshDoor(LOOPBACK, port, "ssh"), "admin", "right")
        for message in answers_of("x", ssh_session, ssh_session_changes, 1, 14):
            assert session.deliver(message).carried, message.name
        session.close()  # what these messages did to their session must not be taken for what the next one does
        with monkeypatch.context() as patient:
            patient.setattr(logged_in, "SETTLE_SECONDS", 10.0)  # the end of the session ends it
            end = Message("end", b"\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00", "a test")
            reaction = session.deliver(end)
        assert reaction.words == "the session was ended"
        assert session.deliver(Message("ignored", b"\x02\x00\x00\x00\x01x", "a test")).carried
        session.close()


def test_an_account_that_does_not_get_in_is_the_benchs_error() -> None:
    with ssh_server(Rules()) as port, pytest.raises(BenchError, match="cannot log in"):
        LoggedInSsh(SshDoor(LOOPBACK, port, "ssh"), "admin", "wrong").deliver(PUBLISH)


@dataclass
class Busy(Rules):
    """A server that keeps new connections waiting: while a session is open, or only after a subsystem was requested."""

    by_sessions: bool = True
    free: threading.Event = field(default_factory=threading.Event)
    busy_with: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.free.set()

    def begins(self) -> None:
        self.free.wait(20)

    def ends(self, transport: paramiko.Transport) -> None:
        if transport is self.busy_with:
            self.free.set()

    def block(self) -> None:
        self.busy_with = threading.current_thread()  # paramiko's transport is the thread that calls its server
        self.free.clear()

    def check_auth_password(self, username: str, password: str) -> int:
        answer = super().check_auth_password(username, password)
        if self.by_sessions and answer == AUTH_SUCCESSFUL:
            self.block()
        return answer

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        self.block()
        return False


def send_in_ssh(rules: Rules, monkeypatch: pytest.MonkeyPatch, *, at_once: bool = True) -> MalformedInput:
    monkeypatch.setattr(conversation, "READ_SECONDS", 1.0)
    named = answers_of("x", ssh_session, ssh_session_changes, 1, 30)
    ignored = Message("ignored", b"\x02\x00\x00\x00\x01x", "a test")
    messages = (ignored, *(one for one in named if one.name == BAD))
    with ssh_server(rules, at_once=at_once) as port:
        service = Service.model_validate(
            {"id": "ssh", "transport": "tcp", "port": port, "protocol": "ssh", "purpose": "a test"}
        )
        session = LoggedInSsh(SshDoor(LOOPBACK, port, "ssh"), "admin", "right")
        probe = SendInSession(LOOPBACK, service, session, MessageSeries("ssh session", 1, messages), Revival(2.0))
        return probe.run(MemoryRecorder())


BAD = "subsystem_format"


def test_a_service_that_any_open_session_blocks_is_not_damaged_by_messages_and_the_question_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = send_in_ssh(Busy(), monkeypatch)
    assert not seen.seen
    assert not seen.conclusive
    assert "the service blocks after any session that is left open" in seen.unproven


def test_a_service_that_only_one_message_blocks_is_damaged_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = send_in_ssh(Busy(by_sessions=False), monkeypatch)
    assert seen.seen == {BAD}
    assert "answered again when the connection of the message was ended" in seen.detail(BAD)


@pytest.mark.parametrize("at_once", [True, False], ids=["many connections", "one connection at a time"])
def test_messages_that_do_no_harm_are_no_damage(at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = send_in_ssh(Rules(), monkeypatch, at_once=at_once)
    assert not seen.seen
    assert seen.conclusive
