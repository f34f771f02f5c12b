import pytest

from drivers.network.recognise.banners import ReadBanners
from drivers.network.recognise.dns_sd import PTR, SERVICE_TYPES, DnsDecodeError, query, records
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.recorder import MemoryRecorder
from tests.virtual_lab.reference.firmware.camera import ADDRESS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build

SERVICES = tuple(
    Service.model_validate(
        {"id": name, "transport": transport, "port": port, "protocol": protocol, "tls": tls, "purpose": "x"}
    )
    for name, transport, port, protocol, tls in (
        ("admin", "tcp", 443, "http", True),
        ("ssh", "tcp", 22, "ssh", False),
        ("discovery", "udp", 3702, "ws_discovery", False),
        ("mdns", "udp", 5353, "mdns", False),
    )
)
TYPES = tuple(label.encode() for label in SERVICE_TYPES.split("."))


def banners(camera: Camera) -> dict[str, str]:
    bench = NetworkBench(address=ADDRESS, port_map=camera.ports)
    seen = ReadBanners(Target(bench), SERVICES, firmware="1.4.0").run(MemoryRecorder())
    assert seen.seen == {service.about for service in SERVICES}
    assert not seen.left_open
    return {fact.about: fact.detail for fact in seen.facts}


def test_the_service_type_is_announced(camera: Camera) -> None:
    (record,) = records(camera.ask("udp/5353", query(TYPES, PTR)))
    assert record.target == (b"_halcyon", b"_tcp", b"local")


@pytest.mark.parametrize(
    "datagram", [b"", b"tp", bytes(12), query((b"printer", b"local"), 1), query(TYPES, PTR)[:-3], query(TYPES, 16)]
)
def test_a_query_about_something_else_gets_no_answer(camera: Camera, datagram: bytes) -> None:
    with pytest.raises(TimeoutError):
        camera.ask("udp/5353", datagram, seconds=0.2)


def test_a_hardened_camera_tells_no_version(camera: Camera) -> None:
    told = banners(camera)
    assert told == {
        "tcp/443": "Server: Halcyon",
        "tcp/22": "HalcyonSSH",
        "udp/3702": "onvif://www.onvif.org/type/video_encoder",
        "udp/5353": "model=Halcyon Vista 2",
    }


def test_a_planted_banner_tells_the_version(build: Build) -> None:
    talkative = build("banner_version")
    talkative.start()
    told = banners(talkative)
    assert (told["tcp/443"], told["udp/5353"]) == ("Server: Halcyon/1.4.0", "model=Halcyon Vista 2; firmware=1.4.0")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(11),
        b"tp\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c",
        b"tp\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x0a\x00\xff",
        b"tp\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x7f",
    ],
)
def test_a_message_that_is_cut_or_turns_in_circles_is_a_decode_error(message: bytes) -> None:
    with pytest.raises(DnsDecodeError):
        records(message)
