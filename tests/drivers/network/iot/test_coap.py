import socket
from collections.abc import Callable

import pytest

from drivers.network.iot import coap
from drivers.network.iot.coap import BODY_LIMIT, CoapAnswer, CoapClient, Datagrams
from drivers.network.iot.coap_message import OBSERVE, CoapMessage, Type, links, parse, path_options
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.iot.coap_server import BRIEF, Service
from tests.drivers.network.loopback_servers import closed_port, udp_server

TARGET = Target(NetworkBench(address="127.0.0.1"))


@pytest.fixture(autouse=True)
def long_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends with the answer; a service of the tests that gets no processor answers late."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", 5.0)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch, long_rounds: None) -> None:
    """For services that are not to answer."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", BRIEF)


def get(service: Service, path: str = "/temperature") -> CoapAnswer:
    with udp_server(service) as port, Datagrams(TARGET, port) as channel:
        return CoapClient(channel).request("GET", path)


def test_a_request_and_its_answer_are_those_of_the_standard() -> None:
    """RFC 7252 appendix A, figure 16."""
    request = CoapMessage(Type.CON, 1, 0x7D34, options=path_options("/temperature"))
    assert request.octets().hex() == "40017d34bb" + b"temperature".hex()
    answer = parse(bytes.fromhex("60457d34ff") + b"22.3 C")
    assert answer == CoapMessage(Type.ACK, 0x45, 0x7D34, payload=b"22.3 C")
    assert answer is not None and answer.words == "2.05 Content"


def test_a_path_and_its_query_become_options_however_long() -> None:
    path = "/a/" + "b" * 300 + "?c=d"
    came = parse(CoapMessage(Type.CON, 1, 1, b"tk", path_options(path)).octets())
    assert came is not None and came.options == ((11, b"a"), (11, b"b" * 300), (15, b"c=d"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x40\x01",
        b"\x80\x01\0\0",
        b"\x4f\x01\0\0",
        b"\x40\x01\0\0\xf0",
        b"\x40\x01\0\0\xb5ab",
        b"\x40\x45\0\0" + b"\0" * 99,
    ],
)
def test_what_is_no_message_is_none(data: bytes) -> None:
    assert parse(data) is None


def test_links_are_read_with_commas_in_their_attributes_and_never_lead_elsewhere() -> None:
    document = b'</a>;rt="x,y";if="<z>",</b>;obs,<coap://192.0.2.1/c>,</d\x1b>,<//[>'
    assert list(links(document)) == ["/a", "/b", "/d\x1b", "//["]


@pytest.mark.parametrize("service", [Service(), Service(separate=True), Service(lost=2)])
def test_an_answer_comes_whole_late_or_after_losses(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    if service.lost:
        monkeypatch.setattr(coap, "ROUND_SECONDS", 1.0)  # two rounds are waited out
    service.resources["/temperature"] = b"22.3 C"
    answer = get(service)
    assert answer.ok and answer.body == b"22.3 C"


@pytest.mark.parametrize("block", [0, 2, 6])
def test_blocks_are_put_together(block: int) -> None:
    body = bytes(range(256)) * 6
    assert get(Service({"/temperature": body}, block=block)).body == body


def test_blocks_without_end_are_cut() -> None:
    answer = get(Service({"/temperature": b"x" * 1_024}, block=6, endless=True))
    assert len(answer.body) == BODY_LIMIT


def test_an_announced_answer_that_never_comes_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coap, "SEPARATE_SECONDS", 0.1)
    asked = []

    def announce(data: bytes, say: Callable[[bytes], object]) -> None:
        asked.append(data)
        say(CoapMessage(Type.ACK, 0, int.from_bytes(data[2:4], "big")).octets())

    with udp_server(announce) as port, Datagrams(TARGET, port) as channel:
        assert CoapClient(channel).request("GET", "/").words == "no answer"
    assert len(asked) == 1


def test_silence_a_reset_and_a_closed_port_are_three_things(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get(Service(resets=True)).refused == "Reset"
    with Datagrams(TARGET, closed_port(socket.SOCK_DGRAM)) as channel:
        assert "ICMP" in CoapClient(channel).request("GET", "/").refused
    monkeypatch.setattr(coap, "ROUND_SECONDS", BRIEF)
    assert get(Service(mute=True)).words == "no answer"


@pytest.mark.usefixtures("short_rounds")
def test_answers_to_others_are_not_heard() -> None:
    def strange(data: bytes, say: object) -> None:
        assert callable(say)
        for code, token in ((0x45, b"other"), (0x45, b""), (0x01, data[4:8])):
            say(CoapMessage(Type.NON, code, 1, token, payload=b"no").octets())
        say(b"\xff" * 50)

    with udp_server(strange) as port, Datagrams(TARGET, port) as channel:
        assert CoapClient(channel).request("GET", "/").message is None


def test_observing_is_asked_for_and_ended() -> None:
    service = Service({"/temperature": b"1"})
    with udp_server(service) as port, Datagrams(TARGET, port) as channel:
        client = CoapClient(channel)
        client.request("GET", "/temperature", observe=0)
        assert service.observers == 1
        client.request("GET", "/temperature", observe=1)
    assert service.observers == 0
    assert OBSERVE == 6
