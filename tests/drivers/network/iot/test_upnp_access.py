import pytest

from drivers.network.iot import safe_xml, upnp
from drivers.network.iot.safe_xml import UnsafeXmlError, read_xml
from drivers.network.iot.upnp import UpnpLocation, locations, search
from drivers.network.iot.upnp_access import MAPPING, READING, AskUpnp
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.interfaces import UpnpDeclaration
from tests.drivers.network.iot.upnp_device import Gateway
from tests.drivers.network.loopback_servers import closed_port, tcp_server, udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback what does not come at once does not come."""
    monkeypatch.setattr(upnp, "SEARCH_SECONDS", 0.1)


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
    assert seen.silent == {READING, MAPPING}
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


def test_a_flood_of_answers_names_one_description() -> None:
    gateway = Gateway(habits={"floods"}, port=5000)
    with udp_server(gateway.search) as ssdp:
        target = Target(NetworkBench(address="127.0.0.1", port_map={"udp/1900": ssdp}))
        answers = search(target)
    assert len(answers) <= upnp.ANSWERS
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


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<!DOCTYPE a><a/>",
        b"<a>" * 100 + b"</a>" * 100,
        b"<a>" + b"<b/>" * (safe_xml.ELEMENTS + 1) + b"</a>",
        b"<a>" + b" " * safe_xml.OCTETS + b"</a>",
        b'<?xml version="1.0" encoding="no-such-thing"?><a/>',
    ],
    ids=["empty", "text", "open", "doctype", "deep", "wide", "long", "encoding"],
)
def test_a_document_that_is_no_xml_or_goes_beyond_the_limits_is_refused(document: bytes) -> None:
    with pytest.raises(UnsafeXmlError):
        read_xml(document)


def test_elements_are_found_by_their_local_names() -> None:
    root = read_xml(b'<s:a xmlns:s="x"><b> one </b><c><b>two</b></c></s:a>')
    assert (root.name, root.value("b"), [one.text for one in root.each("b")]) == ("a", "one", [" one ", "two"])
