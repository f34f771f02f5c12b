import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.network.servers.client_trust import ClientTrust
from drivers.network.servers.tls import ContactOutcome, TlsClientServer, TlsContact
from drivers.network.tls.bad_certificate import KINDS, Authority, Issued, issue
from lab_config.bench import CloudBench
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from tests.virtual_lab.reference.firmware.camera import ADDRESS, COLLECTOR, SECONDS, Camera
from tests.virtual_lab.reference.firmware.conftest import Build
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.network.cloud import client_context
from virtual_lab.reference.provision import CLOUD_HOST


@contextmanager
def cloud_of(camera: Camera, port: int, folder: Path) -> Iterator[TlsClientServer]:
    lab = camera.folder / "lab"
    bench = CloudBench(
        address=COLLECTOR, port=port, ca_certificate=lab / "cloud_ca.pem", ca_key=lab / "cloud_ca_key.pem"
    )
    with TlsClientServer(bench, issued(camera, "good", folder), ADDRESS) as server:
        yield server


def issued(camera: Camera, kind: str, folder: Path) -> Issued:
    lab = camera.folder / "lab"
    return issue(kind, CLOUD_HOST, Authority.load(lab / "cloud_ca.pem", lab / "cloud_ca_key.pem"), folder)


def shown(server: TlsClientServer, certificate: Issued) -> TlsContact:
    contact = server.wait_for(lambda one: one.presented == certificate.kind, SECONDS, server.present(certificate))
    assert contact is not None
    return contact


def test_a_hardened_camera_tells_its_cloud_that_it_lives_and_nobody_else(build: Build, tmp_path: Path) -> None:
    port = free_port(COLLECTOR)
    camera = build(cloud_port=port)
    camera.start()
    with cloud_of(camera, port, tmp_path) as server:
        spoke = server.wait_for(lambda one: one.outcome is ContactOutcome.SPOKE, SECONDS)
        assert spoke is not None and spoke.hello is not None
        assert "POST /v1/heartbeat HTTP/1.1" in spoke.detail
        assert spoke.hello.server_name == CLOUD_HOST
        for kind in ("self_signed", "wrong_host", "expired"):
            assert shown(server, issued(camera, kind, tmp_path)).outcome is ContactOutcome.ALERT
        assert shown(server, server.good).outcome is ContactOutcome.SPOKE


@pytest.mark.parametrize("defect", [None, "cloud_not_verified"])
def test_a_camera_is_one_tls_client_which_every_bad_certificate_is_shown_to(
    defect: str | None, build: Build, tmp_path: Path
) -> None:
    port = free_port(COLLECTOR)
    camera = build(*([defect] if defect else []), cloud_port=port)
    camera.start()
    with cloud_of(camera, port, tmp_path) as server:
        bad = tuple(issued(camera, kind, tmp_path) for kind in KINDS)
        seen = ClientTrust(server, bad, SECONDS).run(MemoryRecorder())
        clients = {one.hello.client for one in server.contacts() if one.hello}
    assert len(clients) == 1
    assert (seen.seen if defect else seen.refused) == set(KINDS)
    assert all(seen.row(kind).conclusive for kind in KINDS)


def test_a_camera_that_checks_nothing_speaks_to_anybody(build: Build, tmp_path: Path) -> None:
    port = free_port(COLLECTOR)
    camera = build("cloud_not_verified", cloud_port=port)
    camera.start()
    with cloud_of(camera, port, tmp_path) as server:
        assert shown(server, issued(camera, "self_signed", tmp_path)).outcome is ContactOutcome.SPOKE


@pytest.mark.parametrize(
    ("defect", "verifies", "checks_name"),
    [(None, True, True), ("cloud_name_not_checked", True, False), ("cloud_not_verified", False, False)],
)
def test_each_cloud_defect_changes_one_habit(
    defect: str | None, verifies: bool, checks_name: bool, camera: Camera
) -> None:
    planted = Defects([defect] if defect else [])
    context = client_context(str(camera.folder / "flash/cloud_ca.pem"), planted)
    assert (context.verify_mode is ssl.CERT_REQUIRED, context.check_hostname) == (verifies, checks_name)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
