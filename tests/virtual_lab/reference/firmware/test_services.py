import re

import pytest

from drivers.guessing.attempt import Door
from drivers.network.logins.ftp import FtpDoor
from drivers.network.logins.rtsp import Endpoint, RtspDoor
from drivers.network.logins.telnet import TelnetDoor
from drivers.network.target import Target
from drivers.network.web.login.basic_digest import HttpDoor
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from tests.virtual_lab.reference.firmware.camera import ADDRESS, SECONDS, Camera, read_until
from tests.virtual_lab.reference.firmware.conftest import Build
from trustprobe.probe import Answer

PROBE = b"""<?xml version="1.0"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:n="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>uuid:84ede3de-7dec-11d0-c360-f01234567890</w:MessageID>
<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>n:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""
SYSDESCR = bytes.fromhex("302902010104067075626c6963a01c020412345678020100020100300e300c06082b060102010101000500")


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build(
        "telnet_open",
        "ftp_open",
        "undeclared_tcp",
        "undeclared_udp",
        "gdb_stub_open",
        "mqtt_admin_admin",
        "discovery_dead",
        "telnet_default",
        "ftp_admin_admin",
        "http_basic_default",
        "telnet_on_other_port",
        "redis_open",
    )
    camera.start()
    return camera


def test_a_discovery_probe_is_answered(camera: Camera) -> None:
    answer = camera.ask("udp/3702", PROBE).decode()

    assert "<a:RelatesTo>uuid:84ede3de-7dec-11d0-c360-f01234567890</a:RelatesTo>" in answer
    assert "discovery/ProbeMatches</a:Action>" in answer
    assert re.search(rf"XAddrs>https://{ADDRESS}/</", answer)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff\xfe\0",
        PROBE[:-20],
        PROBE.replace(b"n:NetworkVideoTransmitter", b"n:Printer"),
        PROBE.replace(b"discovery/Probe<", b"discovery/Resolve<"),
        PROBE.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "c">]>', 1),
        PROBE.replace(b'version="1.0"', b'version="1.0" encoding="nonsense"'),
    ],
)
def test_anything_but_a_probe_is_ignored(camera: Camera, datagram: bytes) -> None:
    with pytest.raises(TimeoutError):
        camera.ask("udp/3702", datagram, seconds=0.2)

    assert b"ProbeMatches" in camera.ask("udp/3702", PROBE)


@pytest.mark.parametrize("service", ["tcp/21", "tcp/23", "tcp/1883", "tcp/2345", "tcp/6380", "tcp/8023", "tcp/8899"])
def test_a_hardened_device_has_no_other_tcp_service(camera: Camera, service: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        camera.connect(service)


def test_planted_telnet_negotiates_and_lets_nobody_in(planted: Camera) -> None:
    with planted.connect("tcp/23") as sock:
        assert read_until(sock, b"login: ").startswith(b"\xff\xfd")
        sock.sendall(b"\xff\xfc\x18root\r\n")
        read_until(sock, b"Password: ")
        sock.sendall(b"root\r\0")
        assert b"Login incorrect" in read_until(sock, b"login: ")


def test_planted_services_on_unusual_ports_speak_as_on_their_own(planted: Camera) -> None:
    with planted.connect("tcp/8023") as sock:
        assert read_until(sock, b"login: ").startswith(b"\xff\xfd")
    with planted.connect("tcp/6380") as sock:
        sock.sendall(b"ping\r\nKEYS *\r\n")
        assert read_until(sock, b"'KEYS'\r\n") == b"+PONG\r\n-ERR unknown command 'KEYS'\r\n"


def test_planted_discovery_answers_in_another_protocol(build: Build) -> None:
    camera = build("declared_speaks_other")
    camera.start()
    assert camera.ask("udp/3702", PROBE) == b"HVDISC/1 uuid:84ede3de-7dec-11d0-c360-f01234567890\r\n"


def test_planted_ftp_and_debug_port_greet(planted: Camera) -> None:
    with planted.connect("tcp/21") as sock:
        assert read_until(sock, b"\n").startswith(b"220 ")
        sock.sendall(b"USER x\r\nPASS x\r\nQUIT\r\n")
        assert [line[:3] for line in read_until(sock, b"Goodbye\r\n").splitlines()] == [b"331", b"530", b"221"]
    with planted.connect("tcp/8899") as sock:
        assert read_until(sock, b"\n") == b"HVDBG ready\n"


def test_planted_gdb_stub_reads_its_memory_and_ends_with_a_detach(planted: Camera) -> None:
    with planted.connect("tcp/2345") as sock:
        sock.sendall(b"$m8000000,4#c1")
        assert read_until(sock, b"#86") == b"+$00040020#86"
        sock.sendall(b"$m9000000,4#c2")
        assert b"$E14#" in read_until(sock, b"#aa")
        sock.sendall(b"$D#44")
        assert b"$OK#9a" in read_until(sock, b"#9a")
        assert sock.recv(1) == b""


@pytest.mark.parametrize(("password", "code"), [(b"admin", 0), (b"other", 5)])
def test_planted_mqtt_broker_lets_admin_in_and_shows_its_topic(planted: Camera, password: bytes, code: int) -> None:
    with planted.connect("tcp/1883") as sock:
        sock.sendall(b"\x10\x1b\0\4MQTT\4\xc2\0\x1e\0\1x\0\5admin\0\5" + password)
        assert read_until(sock, bytes([0, code])) == bytes([0x20, 2, 0, code])
        if code == 0:
            sock.sendall(b"\x82\6\0\7\0\1#\0")
            assert read_until(sock, b"idle!").startswith(b"\x90\3\0\7\0")


def test_planted_snmp_answers_the_community_public_only(planted: Camera) -> None:
    answer = planted.ask("udp/161", SYSDESCR)

    assert answer[0] == 0x30 and answer[1] == len(answer) - 2
    assert f"Halcyon Vista 2 {planted.label.serial}".encode() in answer
    assert bytes.fromhex("020412345678020100020100") in answer
    with pytest.raises(TimeoutError):
        planted.ask("udp/161", SYSDESCR.replace(b"public", b"secret"), seconds=0.2)


def test_a_dead_discovery_port_is_closed(planted: Camera) -> None:
    with pytest.raises(ConnectionRefusedError):
        planted.ask("udp/3702", PROBE, SECONDS)


def test_the_stream_is_given_to_the_viewer_alone(camera: Camera) -> None:
    target = Target(NetworkBench(address=ADDRESS, port_map={"tcp/322": camera.ports["tcp/322"]}))
    door = RtspDoor(target, Endpoint(322, tls=True), "/live/main", "stream")
    assert door.attempt("viewer", camera.label.viewer_password).answer is Answer.SEEN
    assert door.attempt("viewer", "wrong").answer is Answer.REFUSED
    assert door.attempt("admin", camera.label.admin_password).answer is Answer.REFUSED


def test_planted_logins_open_a_shell_files_and_a_picture(planted: Camera) -> None:
    target = Target(NetworkBench(address=ADDRESS, port_map=planted.ports))
    web = Service(id="web", transport=Transport.TCP, port=443, protocol="http", tls=True, purpose="test")
    doors: tuple[tuple[Door, str, str], ...] = (
        (TelnetDoor(target, 23, "t"), "root", "xc3511"),
        (FtpDoor(target, 21, "f"), "admin", "admin"),
        (HttpDoor(target, web, "/cgi-bin/snapshot.cgi", "w"), "admin", "admin"),
    )
    for door, user, password in doors:
        assert door.attempt(user, password).answer is Answer.SEEN
        assert door.attempt(user, "wrong").answer is Answer.REFUSED
