from collections.abc import Callable

import pytest

from drivers.network.iot import safe_xml, upnp, upnp_access
from drivers.network.iot.upnp import UpnpLocation, locations, search
from drivers.network.iot.upnp_access import MAPPING, READING, AskUpnp
from drivers.network.iot.upnp_writing import WRITING
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.interfaces import UpnpDeclaration
from tests.drivers.network.iot.upnp_device import SCPD, WAN, Gateway
from tests.drivers.network.loopback_servers import closed_port, tcp_server, udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation


@pytest.fixture(autouse=True)
def first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway answers once, and the search ends with that; it may take its time."""
    monkeypatch.setattr(upnp, "SEARCH_SECONDS", 10.0)
    monkeypatch.setattr(upnp, "ANSWERS", 1)


def ask(gateway: Gateway, *public: str, may_map: bool = True) -> Observation:
    with tcp_server(gateway) as port, udp_server(gateway.search) as ssdp:
        gateway.port = port
        target = Target(NetworkBench(address="127.0.0.1", port_map={"udp/1900": ssdp, f"tcp/{port}": port}))
        return AskUpnp(target, UpnpDeclaration(public=public), may_map).run(MemoryRecorder())


def test_actions_that_answer_whoever_comes_are_seen_and_a_mapping_is_taken_back() -> None:
    gateway = Gateway()
    seen = ask(gateway)
    assert seen.seen == {READING, MAPPING}
    assert "WANIPConnection#GetStatusInfo (NewStatus Connected)" in seen.detail(READING)
    assert "removed again" in seen.detail(MAPPING)
    assert not gateway.mapped
    assert seen.conclusive


def test_nothing_is_called_that_does_not_read_but_the_mapping_and_its_end() -> None:
    gateway = Gateway()
    ask(gateway)
    assert "SetEnable" not in gateway.calls
    assert [name for name in gateway.calls if not name.startswith("Get")] == ["AddPortMapping", "DeletePortMapping"]


def test_a_mapping_that_is_not_taken_back_is_told_with_the_end_of_its_lease() -> None:
    assert "Its lease ends after 60 s" in ask(Gateway(habits={"keeps"})).detail(MAPPING)


@pytest.mark.parametrize("asks", ["606", "401", "403"])
def test_a_device_that_asks_for_authority_refuses(asks: str) -> None:
    seen = ask(Gateway(asks=asks))
    assert seen.refused == {READING, MAPPING}
    assert seen.conclusive


def test_another_error_is_no_refusal_and_leaves_the_question_open() -> None:
    seen = ask(Gateway(asks="501"))
    assert seen.silent == {READING, MAPPING, WRITING}
    assert not seen.about(READING).conclusive and not seen.about(MAPPING).conclusive


def test_what_is_declared_public_is_not_called() -> None:
    gateway = Gateway()
    seen = ask(gateway, "WANIPConnection#GetStatusInfo", "WANIPConnection#GetSpecificPortMappingEntry")
    assert READING in seen.silent and seen.about(READING).conclusive
    assert "GetStatusInfo" not in gateway.calls


def test_no_port_is_mapped_where_the_bench_does_not_allow_it() -> None:
    gateway = Gateway()
    seen = ask(gateway, may_map=False)
    assert "AddPortMapping" not in gateway.calls
    assert not seen.about(MAPPING).conclusive
    assert READING in seen.seen


@pytest.mark.parametrize("habit", ["elsewhere", "entities", "deep"])
def test_descriptions_elsewhere_and_documents_that_are_traps_prove_nothing(habit: str) -> None:
    gateway = Gateway(habits={habit})
    seen = ask(gateway)
    assert not gateway.calls
    assert not seen.seen and not seen.conclusive


def test_a_description_is_found_on_a_usual_place_where_nothing_answers_a_search() -> None:
    with tcp_server(gateway := Gateway()) as port:
        target = Target(NetworkBench(address="127.0.0.1"))
        usual = (
            UpnpLocation(closed_port(), "/root.xml"),
            UpnpLocation(port, "/scpd.xml"),
            UpnpLocation(port, "/root.xml"),
        )
        seen = AskUpnp(target, UpnpDeclaration(), False, heard=False, usual=usual).run(MemoryRecorder())
    assert seen.descriptions == (f"tcp/{port} /root.xml",)
    assert READING in seen.seen
    assert gateway.calls


def test_a_control_address_on_another_host_is_not_called() -> None:
    gateway = Gateway(habits={"control_elsewhere"})
    assert not ask(gateway).seen
    assert not gateway.calls


def test_a_flood_of_answers_names_one_description(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upnp, "ANSWERS", 8)
    gateway = Gateway(habits={"floods"}, port=5000)
    with udp_server(gateway.search) as ssdp:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"udp/1900": ssdp}))
        answers = search(target)
    assert len(answers) == 8
    assert len(locations(target, answers)) == 1


@pytest.mark.parametrize(
    "location",
    [
        b"",
        b"LOCATION: ",
        b"LOCATION: ftp://127.0.0.1/a",
        b"LOCATION: http://127.0.0.1:99999/",
        b"LOCATION: http://[::/",
    ],
)
def test_a_location_that_is_none_is_passed_over(location: bytes) -> None:
    target = Target(NetworkBench(address="127.0.0.1"))
    assert not locations(target, [b"HTTP/1.1 200 OK\r\n" + location + b"\r\n\r\n"])


DRESSED: dict[str, Callable[[bytes], bytes]] = {
    "a NUL after it": lambda xml: xml + b"\0",
    "text after it": lambda xml: xml + b"\r\n<!-- --> 0\r\n\r\nOK",
    "white space before it": lambda xml: b"\r\n  " + xml,
    "a byte order mark": lambda xml: b"\xef\xbb\xbf" + xml,
    "UTF-16": lambda xml: b"\xff\xfe" + xml.decode().encode("utf-16-le"),
    "another character set": lambda xml: xml.replace(b"<device>", b"<device><friendlyName>K\xfcche</friendlyName>"),
    "an unknown character set": lambda xml: b'<?xml version="1.0" encoding="no-such-thing"?>' + xml,
    "a bare ampersand": lambda xml: xml.replace(b"<device>", b"<device><manufacturer>A & B &nbsp;</manufacturer>"),
    "a control character": lambda xml: xml.replace(b"<device>", b"<device><modelName>\x01</modelName>"),
    "an address elsewhere": lambda xml: xml.replace(b"<device>", b"<URLBase>http://192.0.2.1/</URLBase><device>"),
    "an address that is relative": lambda xml: xml.replace(b"<device>", b"<URLBase>/</URLBase><device>"),
    "an address that is empty": lambda xml: xml.replace(b"<device>", b"<URLBase></URLBase><device>"),
    "a device in a device": lambda xml: xml.replace(b"<device>", b"<device><deviceList><device/></deviceList>"),
}


@pytest.mark.parametrize("habit", DRESSED)
def test_a_description_that_control_points_understand_is_read(habit: str) -> None:
    gateway = Gateway(dress=DRESSED[habit])
    seen = ask(gateway)
    assert seen.seen == {READING, MAPPING}
    assert seen.conclusive


def test_a_control_address_on_another_port_is_called() -> None:
    with tcp_server(Gateway()) as other:
        url = f"<controlURL>http://box.local:{other}/control".encode()
        gateway = Gateway(dress=lambda xml: xml.replace(b"<controlURL>/control", url))
        with tcp_server(gateway) as port:
            usual = (UpnpLocation(port, "/root.xml"),)
            target = Target(NetworkBench(address="127.0.0.1"))
            seen = AskUpnp(target, UpnpDeclaration(), True, heard=False, usual=usual).run(MemoryRecorder())
    assert seen.seen == {READING, MAPPING}
    assert not gateway.calls


@pytest.mark.parametrize("broken", [b"<root><device>", b"<root><device></root>", b"\x00\x01", b"<a b=></a>"])
def test_xml_that_cannot_be_parsed_is_said_to_be_so_and_proves_nothing(broken: bytes) -> None:
    seen = ask(Gateway(dress=lambda _: broken))
    assert seen.silent == {READING, MAPPING, WRITING}
    assert not seen.conclusive
    assert "its XML was not parsed" in seen.unproven


OK = b"HTTP/1.0 200 OK\r\n\r\n"
UNREAD = {
    "500": b"HTTP/1.0 500 No\r\n\r\n",
    "document type": OK + b"<!DOCTYPE scpd>" + SCPD.partition(b"?>")[2],
    "too long": OK + SCPD.replace(b"<actionList>", b"<actionList>" + b" " * safe_xml.OCTETS),
    "no answer": b"",
    "not the description of a service": OK + b"<html><body>Log in</body></html>",
}


@pytest.mark.parametrize("why", UNREAD)
def test_a_service_whose_description_was_not_read_is_not_without_actions(why: str) -> None:
    seen = ask(Gateway(scpd=UNREAD[why]))
    assert seen.silent == {READING, MAPPING, WRITING}
    assert not any(seen.about(row).conclusive for row in (READING, MAPPING, WRITING))
    assert f"the actions of {WAN} were not read: " in seen.unproven


@pytest.mark.parametrize("url", [b"https://127.0.0.1/scpd.xml", b"http://192.0.2.9/scpd.xml", b"http://127.0.0.1:9/"])
def test_a_service_description_at_an_address_that_is_not_probed_leaves_every_question_open(url: bytes) -> None:
    gateway = Gateway(dress=lambda xml: xml.replace(b">scpd.xml<", b">" + url + b"<"))
    seen = ask(gateway)
    assert not any(seen.about(row).conclusive for row in (READING, MAPPING, WRITING))
    assert "were not read: " in seen.unproven


def test_a_control_address_on_another_host_leaves_every_question_open() -> None:
    seen = ask(Gateway(habits={"control_elsewhere"}))
    assert not any(seen.about(row).conclusive for row in (READING, MAPPING, WRITING))
    assert "controlURL is not an HTTP address of the device: http://192.0.2.9/control" in seen.unproven


def test_an_open_action_of_one_service_is_seen_where_another_service_was_not_read() -> None:
    unread = b"<service><serviceType>x</serviceType><SCPDURL>ftp://x/</SCPDURL></service></serviceList>"
    seen = ask(Gateway(dress=lambda xml: xml.replace(b"</serviceList>", unread)))
    assert seen.seen == {READING, MAPPING}
    assert not seen.conclusive


def test_a_service_that_describes_no_action_offers_none() -> None:
    seen = ask(Gateway(scpd=OK + b"<scpd><serviceStateTable/></scpd>"))
    assert seen.silent == {READING, MAPPING, WRITING}
    assert seen.conclusive


@pytest.mark.parametrize(
    ("where", "limit", "why"),
    [
        (upnp, "SERVICES", "only 0 of 1 services were read"),
        (upnp, "ACTIONS", "only 0 of 6 actions were tested"),
        (upnp_access, "CALLS", "only 0 of 2 actions that read were tested"),
    ],
)
def test_what_lies_beyond_a_limit_is_left_open(
    where: object, limit: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, limit, 0)
    seen = ask(Gateway(asks="606")).about(READING)
    assert not seen.seen and not seen.conclusive
    assert why in seen.unproven
