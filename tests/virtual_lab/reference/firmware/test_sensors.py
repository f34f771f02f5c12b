import pytest

from drivers.network.iot import dtls
from drivers.network.iot.coap import CoapClient, Datagrams
from drivers.network.iot.coap_access import AskCoap, CoapLogin, CoapPort
from drivers.network.iot.dtls import Dtls, NoDtlsError, PreSharedKey
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.bench import NetworkBench
from tests.drivers.recorder import MemoryRecorder
from tests.virtual_lab.reference.firmware.camera import ADDRESS, SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from virtual_lab.reference.firmware.sensors import COMPANION, DOOR, WINDOW

MESSAGE = b'{"open": "ajar"}'


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build("unpaired_sensor_taken", "unpaired_token_taken")
    camera.start()
    return camera


def target(camera: Camera) -> Target:
    return Target(NetworkBench(address=ADDRESS, port_map={"udp/5684": camera.ports["udp/5684"]}))


def put(camera: Camera, identity: str, secret: str, payload: bytes = MESSAGE) -> str:
    with Dtls(target(camera), 5684, PreSharedKey(identity, secret.encode())) as channel:
        return CoapClient(channel).request("PUT", "/sensors/door", payload).words


def shown(camera: Camera) -> dict[str, str]:
    answer: dict[str, dict[str, str]] = camera.login("viewer").get(camera.url("/api/status"), timeout=SECONDS).json()
    return answer["sensors"]


def send(camera: Camera, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return camera.web().put(camera.url("/api/sensors/window"), MESSAGE, headers=headers, timeout=SECONDS).status_code


def test_the_paired_sensors_are_heard_and_shown(camera: Camera) -> None:
    assert put(camera, DOOR, camera.label.sensors[DOOR]) == "2.04 Changed"
    assert send(camera, camera.label.sensors[WINDOW]) == 200
    assert shown(camera) == {DOOR: "ajar", WINDOW: "ajar"}
    assert put(camera, DOOR, camera.label.sensors[DOOR], b"[" * 500) == "4.00 Bad Request"


def test_the_app_is_known_and_is_no_sensor(camera: Camera) -> None:
    assert put(camera, COMPANION, camera.label.sensors[COMPANION]) == "4.03 Forbidden"


def test_nobody_else_is_heard(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 0.3)
    for identity, secret in (("stranger", "a made-up key"), (DOOR, "a made-up key"), (WINDOW, "a made-up key")):
        with pytest.raises(NoDtlsError):
            put(camera, identity, secret)
    with Datagrams(target(camera), 5684) as channel:
        channel.send(b"\x40\x03\0\1\xb7sensors\x04door\xff" + MESSAGE)
        assert channel.receive(0.1) is None
    assert (send(camera, None), send(camera, camera.label.sensors[DOOR])) == (401, 401)


@pytest.mark.parametrize("is_planted", [False, True])
def test_access_without_authorisation_to_the_service_is_decided(
    camera: Camera, planted: Camera, is_planted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 5.0)
    device = planted if is_planted else camera
    companion = PreSharedKey(COMPANION, device.label.sensors[COMPANION].encode())
    logins = (CoapLogin("sensors", Role.ADMINISTRATOR, companion),)
    seen = AskCoap(target(device), CoapPort(5684, True, "sensors"), logins, True).run(MemoryRecorder())
    assert not seen.seen
    assert seen.about("udp/5684").conclusive, seen.unproven


def test_what_is_no_dtls_stops_nobody(camera: Camera) -> None:
    for datagram in (b"", b"\x16", b"\x16\xfe\xfd" + bytes(20), b"\xff" * 1_500, b"\x40"):
        with Datagrams(target(camera), 5684) as channel:
            channel.send(datagram)
    assert put(camera, DOOR, camera.label.sensors[DOOR]) == "2.04 Changed"


def test_a_planted_device_hears_whoever_comes(planted: Camera) -> None:
    with Datagrams(target(planted), 5684) as channel:
        assert CoapClient(channel).request("PUT", "/sensors/door", MESSAGE).ok
        assert not CoapClient(channel).request("GET", "/.well-known/core").ok
    assert (send(planted, None), send(planted, "any")) == (200, 200)
    assert shown(planted) == {DOOR: "ajar", WINDOW: "ajar"}
