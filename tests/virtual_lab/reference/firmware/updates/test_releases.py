from pathlib import Path

import pytest

from drivers.network.servers.tls import Announcement, TlsClientServer
from tests.free_ports import free_port
from tests.virtual_lab.reference.firmware.camera import COLLECTOR, SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from tests.virtual_lab.reference.firmware.network.test_cloud import cloud_of
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.updates.releases import Releases

ASK = r"^GET /v1/firmware\?version=1\.4\.0 HTTP/1\.1$"


def releases(*defects: str) -> Releases:
    return Releases("1.4.0", Defects(defects))


@pytest.mark.parametrize(
    ("answer", "newer"),
    [
        (b'{"version": "1.4.1"}', "1.4.1"),
        (b'{"version": "1.10.0"}', "1.10.0"),
        (b'{"version": "1.4.0"}', None),
        (b'{"version": "1.3.9"}', None),
        (b'{"version": "2.0.0<script>"}', None),
        (b'{"version": 2}', None),
        (b"[]", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
)
def test_only_a_newer_version_is_told(answer: bytes, newer: str | None) -> None:
    known = releases()
    known.learn(answer)
    assert known.newer == newer


def test_what_the_cloud_no_longer_names_is_no_longer_told() -> None:
    known = releases()
    known.learn(b'{"version": "1.5.0"}')
    known.learn(b"")
    assert known.newer is None


def test_each_defect_changes_one_habit() -> None:
    assert releases().due
    assert not releases("update_check_missing").due
    mute = releases("update_notice_missing")
    mute.learn(b'{"version": "1.5.0"}')
    assert (mute.due, mute.newer) == (True, None)


def test_a_device_that_asks_by_hand_asks_once_after_each_visit() -> None:
    known = releases("update_check_by_hand")
    assert not known.due
    known.opened()
    assert known.due
    known.learn(b"")
    assert not known.due


def home_after_an_announcement(camera: Camera, server: TlsClientServer, body: bytes) -> str:
    """Return the home page once an answer was taken in: the device has asked again since."""
    server.announce(Announcement(ASK, "application/json", body))
    for _ in range(2):
        assert server.wait_for_request(ASK, SECONDS, server.present(server.good))
    return camera.login("admin").get(camera.url("/home"), timeout=SECONDS).text


def test_a_camera_asks_its_cloud_and_tells_whoever_logs_in(build: Build, tmp_path: Path) -> None:
    port = free_port(COLLECTOR)
    camera = build(cloud_port=port)
    camera.start()
    with cloud_of(camera, port, tmp_path) as server:
        assert "Update available: 1.5.93" in home_after_an_announcement(camera, server, b'{"version": "1.5.93"}')
        assert "Update available" not in home_after_an_announcement(camera, server, b'{"version": "1.4.0"}')
        assert "Update available" not in camera.web().get(camera.url("/login"), timeout=SECONDS).text
