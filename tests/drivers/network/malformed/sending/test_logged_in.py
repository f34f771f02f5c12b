"""Malformed messages behind a login: carried where the login got in, in a session that is opened anew when it ended."""

import pytest

from drivers.network.logins.mqtt_packets import V5
from drivers.network.logins.ssh import SshDoor
from drivers.network.malformed.messages.message import Message
from drivers.network.malformed.messages.sessions import (
    mqtt_session,
    mqtt_session_changes,
    ssh_session,
    ssh_session_changes,
)
from drivers.network.malformed.sending.answers import Generator, answers_of
from drivers.network.malformed.sending.logged_in import LoggedInMqtt, LoggedInSsh
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.logins.mqtt_broker import Broker
from tests.drivers.network.logins.ssh_servers import Rules, ssh_server
from tests.drivers.network.loopback_servers import tcp_server
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
def test_a_message_of_mqtt_is_carried_behind_an_accepted_login_of_either_version(level: int) -> None:
    accounts = Broker(accounts={"tp": "right"}, level=level)
    with tcp_server(accounts) as port:
        assert LoggedInMqtt(LOOPBACK, broker(port), "tp", "right").deliver(PUBLISH).carried
    assert set(accounts.logins) == {"tp"}


def test_a_message_of_mqtt_without_a_login_was_not_carried() -> None:
    with tcp_server(Broker(accounts={"tp": "right"})) as port:
        reaction = LoggedInMqtt(LOOPBACK, broker(port), "tp", "wrong").deliver(PUBLISH)
    assert not reaction.carried
    assert "was not accepted" in reaction.words


def test_a_session_of_ssh_that_a_message_ended_is_opened_anew() -> None:
    with ssh_server(Rules()) as port:
        session = LoggedInSsh(SshDoor(LOOPBACK, port, "ssh"), "admin", "right")
        for message in answers_of("x", ssh_session, ssh_session_changes, 1, 14):
            assert session.deliver(message).carried, message.name
        reaction = session.deliver(Message("end", b"\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00", "a test"))
        assert reaction.words == "the session was ended"
        assert session.deliver(Message("ignored", b"\x02\x00\x00\x00\x01x", "a test")).carried
        session.close()


def test_an_account_that_does_not_get_in_is_the_benchs_error() -> None:
    with ssh_server(Rules()) as port, pytest.raises(BenchError, match="cannot log in"):
        LoggedInSsh(SshDoor(LOOPBACK, port, "ssh"), "admin", "wrong").deliver(PUBLISH)
