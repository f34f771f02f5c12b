import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from drivers.data import table
from drivers.network.logins.ber import INTEGER, NULL, OCTETS, element, integer
from drivers.network.logins.snmp import DISCOVERY_ROUNDS, NO_CREDENTIAL, GuessCommunities, SnmpGuesses, nameless, names
from drivers.network.logins.snmp_message import Engine, Version, discovery, parse, request
from drivers.network.sweep.udp import READ_LIMIT
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.logins.snmp_agent import ENGINE, Agent
from tests.drivers.network.loopback_servers import closed_port, udp_server
from tests.drivers.recorder import MemoryRecorder

NAMES = names(["public", "private"], ["initial", "admin"])

VERSION_3 = integer(3)
"""How the version of a message is written; it stands at its beginning."""


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback what does not come at once does not come."""
    monkeypatch.setattr("drivers.network.logins.snmp.ROUND_SECONDS", 0.1)
    monkeypatch.setattr("drivers.network.logins.snmp.START_SECONDS", 0.3)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, short_rounds: None) -> None:
    """For agents that tell their engine: they are asked for it until it comes, and all that came before counts."""
    monkeypatch.setattr("drivers.network.logins.snmp.START_SECONDS", 10.0)


def guess(port: int, *, declared: bool = True, valid: tuple[str, ...] = ()) -> SnmpGuesses:
    target = Target(NetworkBench(address="127.0.0.1"))
    return GuessCommunities(target, NAMES, port, declared, valid).run(MemoryRecorder())


@pytest.mark.usefixtures("told")
def test_a_known_community_reads_with_both_versions() -> None:
    with udp_server(Agent(communities=("public",), users=())) as port:
        guesses = guess(port)
    assert guesses.seen == {"v1:public", "v2c:public"}
    assert guesses.detail("v1:public") == "reads Acme 1"
    assert guesses.engine == ENGINE.hex()


@pytest.mark.usefixtures("told")
def test_a_name_that_nobody_gave_out_is_told_apart_from_the_well_known_ones() -> None:
    with udp_server(Agent(communities=("public", *NO_CREDENTIAL), users=("",))) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        guesses = GuessCommunities(target, (*NAMES, *nameless()), port, True).run(MemoryRecorder())
    assert guesses.of_version("v2c").seen == {"v2c:public"}
    assert guesses.without_credential("v2c").seen == {f"v2c:{name}" for name in NO_CREDENTIAL}
    assert guesses.without_credential("v3").seen == {"v3:"}


@pytest.mark.usefixtures("told")
def test_a_user_of_version_3_without_a_password_reads() -> None:
    with udp_server(Agent(users=("admin",))) as port:
        guesses = guess(port)
    assert guesses.of_version("v3").seen == {"v3:admin"}
    assert guesses.of_version("v3").refused == {"v3:initial"}
    assert "usmStatsUnknownUserNames" in guesses.detail("v3:initial")


@pytest.mark.usefixtures("told")
def test_silence_counts_where_the_engine_was_told_before_and_after() -> None:
    with udp_server(Agent(users=())) as port:
        guesses = guess(port)
    assert guesses.silent == {"v1:public", "v1:private", "v2c:public", "v2c:private"}
    assert guesses.conclusive


def test_silence_of_an_agent_that_stops_telling_its_engine_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.logins.snmp.START_SECONDS", 10.0)

    class Told(MemoryRecorder):
        """The engine is told once: from then on, it is waited for in vain."""

        def keep(self, name: str, data: bytes) -> None:
            monkeypatch.setattr("drivers.network.logins.snmp.START_SECONDS", 0.3)

    with udp_server(Agent(users=(), discoveries=1)) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        guesses = GuessCommunities(target, NAMES, port, True).run(Told())
    assert not guesses.conclusive
    assert guesses.witness and "before but not after" in guesses.witness.what


@pytest.mark.parametrize(("declared", "conclusive"), [(True, True), (False, False)])
def test_a_declared_agent_may_take_a_while_to_tell_its_engine(
    declared: bool, conclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.network.logins.snmp.START_SECONDS", 30.0)
    agent, asked = Agent(users=()), itertools.count()

    def busy(data: bytes, reply: Callable[[bytes], object]) -> None:
        if next(asked) >= DISCOVERY_ROUNDS:
            agent(data, reply)

    with udp_server(busy) as port:
        guesses = guess(port, declared=declared)
    assert guesses.conclusive is conclusive


@pytest.mark.usefixtures("told")
def test_an_answer_to_an_earlier_question_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.logins.snmp.ROUND_SECONDS", 0.6)
    agent, kept = Agent(users=()), list[bytes]()

    def late(data: bytes, reply: Callable[[bytes], object]) -> None:
        kept.append(data)
        if len(kept) != 1:
            agent(kept[-2], reply)

    with udp_server(late) as port:
        guesses = guess(port, declared=False)
    assert guesses.engine == ENGINE.hex()


@pytest.mark.usefixtures("told")
def test_an_answer_that_comes_after_the_round_counts() -> None:
    agent, kept = Agent(communities=("public",), users=()), list[bytes]()

    def slow(data: bytes, reply: Callable[[bytes], object]) -> None:
        kept.append(data)
        if VERSION_3 in data[:8]:
            for request in kept:
                agent(request, reply)
            kept.clear()

    with udp_server(slow) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        guesses = GuessCommunities(target, names(["public", "private"], []), port, True).run(MemoryRecorder())
    assert guesses.seen == {"v1:public", "v2c:public"}


@pytest.mark.usefixtures("told")
def test_silence_of_an_agent_that_may_not_have_read_the_requests_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, behind, over = Agent(users=()), threading.Event(), threading.Event()
    ask_all = GuessCommunities._ask_all

    def asked(probe: GuessCommunities, asking: Any, engine: Engine | None) -> None:
        with monkeypatch.context() as brief:  # nothing comes
            brief.setattr("drivers.network.logins.snmp.START_SECONDS", 0.3)
            ask_all(probe, asking, engine)
        over.set()

    def busy(data: bytes, reply: Callable[[bytes], object]) -> None:
        """Show the engine, but for as long as the names are tried."""
        if VERSION_3 not in data[:8]:
            behind.set()
        elif over.is_set() or not behind.is_set():
            agent(data, reply)

    monkeypatch.setattr(GuessCommunities, "_ask_all", asked)
    with udp_server(busy) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        guesses = GuessCommunities(target, names(["public"], []), port, True).run(MemoryRecorder())
    assert not guesses.conclusive
    assert guesses.witness and "after some requests" in guesses.witness.what


def test_silence_of_a_declared_agent_without_version_3_proves_nothing() -> None:
    with udp_server(Agent(communities=("secret",))) as port:
        guesses = guess(port)
    assert not guesses.seen
    assert not guesses.conclusive
    assert "the agent showed no v3 engine" in guesses.detail("v3:initial")


def test_silence_without_an_agent_proves_nothing_whatever_else_answers() -> None:
    with udp_server(lambda data, reply: None) as silent:
        guesses = guess(silent, declared=False)
    assert guesses.silent == {one.about for one in NAMES}
    assert not guesses.conclusive


@pytest.mark.parametrize("where", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.usefixtures("told")
def test_an_answer_counts_from_whatever_port_and_address_it_leaves(where: str) -> None:
    agent = Agent(communities=("public",), users=())  # the engine is told, and what came before counts
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((where, 0))
        own = other.getsockname()[1]

        def elsewhere(data: bytes, reply: Callable[[bytes], object]) -> None:
            agent(data, lambda answer: other.sendto(answer, peers[-1]))

        peers: list[tuple[str, int]] = []
        with _heard_by(elsewhere, peers) as port:
            guesses = guess(port)
    assert guesses.seen == {"v1:public", "v2c:public"}
    assert f"came from {where} port {own}" in guesses.detail("v2c:public")


@contextmanager
def _heard_by(
    answer: Callable[[bytes, Callable[[bytes], object]], None], peers: list[tuple[str, int]]
) -> Iterator[int]:
    """Serve datagrams, and note who sent them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)

        def serve() -> None:
            while True:
                data, peer = sock.recvfrom(READ_LIMIT)
                if not data:
                    return
                peers.append(peer)
                answer(data, lambda _: None)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", sock.getsockname())
        thread.join(5)


def test_an_answer_with_a_number_that_nobody_asked_with_is_no_answer() -> None:
    agent = Agent(communities=("public", "private"))

    def wrong(data: bytes, reply: Callable[[bytes], object]) -> None:
        agent(request(Version.V2C, 7, "public"), reply)

    with udp_server(wrong) as port:
        assert not guess(port, declared=False).seen


@pytest.mark.parametrize(("valid", "conclusive"), [(("s3cret",), True), (("other",), False), ((), False)])
def test_the_community_of_the_bench_proves_the_silence(
    valid: tuple[str, ...], conclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if conclusive:
        monkeypatch.setattr("drivers.network.logins.snmp.ROUND_SECONDS", 0.6)
    with udp_server(Agent(communities=("s3cret",))) as port:
        guesses = guess(port, valid=valid)
    assert not guesses.seen
    assert guesses.of_version("v2c").conclusive is conclusive


def test_an_agent_that_stops_answering_proves_no_silence() -> None:
    agent, left = Agent(communities=("s3cret",)), itertools.count()

    def dying(data: bytes, reply: Callable[[bytes], object]) -> None:
        if next(left) < 12:
            agent(data, reply)

    with udp_server(dying) as port:
        assert not guess(port, valid=("s3cret",)).conclusive


def test_a_closed_port_refuses_every_name_by_itself() -> None:
    guesses = guess(closed_port(socket.SOCK_DGRAM))
    assert guesses.refused == {one.about for one in NAMES}
    assert guesses.conclusive


def test_a_port_that_closes_in_between_proves_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        port = agent.getsockname()[1]
        served = Agent(users=())
        target = Target(NetworkBench(address="127.0.0.1"))

        class Closing(MemoryRecorder):
            """The agent dies as soon as its first answer is kept."""

            def keep(self, name: str, data: bytes) -> None:
                agent.close()

        def serve() -> None:
            data, peer = agent.recvfrom(READ_LIMIT)
            served(data, lambda reply: agent.sendto(reply, peer))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        guesses = GuessCommunities(target, NAMES, port, True).run(Closing())
        thread.join(5)
    assert not guesses.conclusive


@pytest.mark.usefixtures("told")
def test_a_view_without_the_description_is_read_on() -> None:
    agent = Agent(communities=("private",), users=(), hides_description=True, value=element(INTEGER, b"\x2a"))
    with udp_server(agent) as port:
        guesses = guess(port)
    assert guesses.seen == {"v1:private", "v2c:private"}
    assert guesses.detail("v2c:private") == "reads 42"


@pytest.mark.usefixtures("told")
def test_a_known_community_that_shows_nothing_is_refused_in_the_agents_words() -> None:
    with udp_server(Agent(communities=("private",), users=(), value=None)) as port:
        guesses = guess(port)
    assert "v2c:private" in guesses.refused
    assert "noSuchName" in guesses.detail("v2c:private")


def test_a_port_that_sends_requests_back_answers_nothing() -> None:
    with udp_server(lambda data, reply: reply(data)) as port:
        guesses = guess(port)
    assert guesses.silent == {one.about for one in NAMES}
    assert not guesses.conclusive


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x02\x01\x07",
        b"\xff" * 500,
        element(0x30, integer(0), element(OCTETS, b"x"), element(0xA2, integer(1))),
        element(0x30, integer(3), element(0x30, integer(1)), element(OCTETS, b""), element(0x30)),
        element(0x30, element(INTEGER, b"\0" * 9)),
        element(0x30, integer(1), element(OCTETS), element(0xA2, *3 * [integer(1)], element(0x30, element(0x30)))),
    ],
)
def test_what_is_no_answer_is_passed_over(junk: bytes) -> None:
    assert parse(junk) is None


def test_an_answer_cut_anywhere_is_none() -> None:
    whole: list[bytes] = []
    Agent(users=("x",))(discovery(7), whole.append)
    assert parse(whole[0])
    assert all(parse(whole[0][:end]) is None for end in range(len(whole[0])))


def test_a_value_that_is_null_is_none() -> None:
    answers: list[bytes] = []
    Agent(communities=("a",), value=element(NULL))(request(Version.V2C, 5, "a"), answers.append)
    answer = parse(answers[0])
    assert answer and answer.value is None and answer.number == 5


def test_requests_are_those_that_another_implementation_builds() -> None:
    from scapy.asn1.asn1 import ASN1_OID
    from scapy.layers.snmp import SNMP, SNMPget, SNMPnext, SNMPvarbind

    for number in (1, 127, 128, 300, 2**30):
        for version, wire in ((Version.V1, 0), (Version.V2C, 1)):
            for kind, following in ((SNMPget, False), (SNMPnext, True)):
                pdu = kind(id=number, varbindlist=[SNMPvarbind(oid=ASN1_OID("1.3.6.1.4.1.8072.999999"))])
                ours = request(version, number, "public", "1.3.6.1.4.1.8072.999999", following=following)
                assert ours == bytes(SNMP(version=wire, community="public", PDU=pdu))


def test_every_name_of_the_list_says_where_it_is_from() -> None:
    known = table("snmp_communities")
    for kind in ("communities", "users"):
        listed = [entry["name"] for entry in known[kind]]
        assert len(listed) == len(set(listed))
        assert all(entry["origin"] for entry in known[kind])
    assert all(one.about.split(":")[0] in set(Version) for one in NAMES)
