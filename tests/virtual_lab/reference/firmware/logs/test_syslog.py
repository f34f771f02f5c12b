import json

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera
from tests.virtual_lab.reference.firmware.collector_server import CollectorServer
from tests.virtual_lab.reference.firmware.conftest import Build
from virtual_lab.reference.firmware.logs.syslog import escape

HEADER = r"^<\d+>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z %s camera \d+ "


def listen(collector: CollectorServer, camera: Camera) -> None:
    lab = camera.folder / "lab"
    collector.start(lab / "collector_cert.pem", lab / "collector_key.pem")


def fail_a_login(camera: Camera, user: str) -> None:
    camera.web().post(camera.url("/login"), {"username": user, "password": "guess-me"}, timeout=SECONDS)


def test_quotes_brackets_and_backslashes_are_escaped_and_control_characters_replaced() -> None:
    assert escape('a"b]c\\d\n') == 'a\\"b\\]c\\\\d?'
    assert len(escape("x" * 5000)) == 256


def test_every_kind_of_event_reaches_the_collector(build: Build, collector: CollectorServer) -> None:
    camera = build(collector_port=collector.port)
    listen(collector, camera)
    camera.start()
    header = HEADER % camera.label.serial

    start = collector.wait_for(header + r'START \[boot@32473 reset="power-on" boot_id="[0-9a-f]{32}"\] ')
    collector.wait_for(header + r'SVCSTART \[service@32473 port="tcp/443"\] ')
    fail_a_login(camera, 'x"]')
    collector.wait_for(
        header + r'LOGINFAIL \[auth@32473 user="x\\"\\]" src="127[0-9.]+" service="http"\] login failure$'
    )
    admin = camera.login("admin")
    collector.wait_for(r'LOGINOK \[auth@32473 user="admin" src="127[0-9.]+" service="http"\]')
    with camera.ssh("service", camera.label.service_password):
        collector.wait_for(r'LOGINOK \[auth@32473 user="service" src="127[0-9.]+" service="ssh"\]')
    camera.uart.type("nobody\rx\r")
    collector.wait_for(r'LOGINFAIL \[auth@32473 user="nobody" src="uart0" service="console"\]')
    admin.put(camera.url("/api/settings"), json={"device_name": "tp-1"}, timeout=SECONDS)
    collector.wait_for(r'CONFIG \[config@32473 field="device_name" value="tp-1" user="admin" src="127[0-9.]+"\]')
    admin.post(camera.url("/api/update"), camera.image("older"), timeout=SECONDS)
    collector.wait_for(r'UPDREJECT \[update@32473 version="1.3.0" reason="not newer" digest="[0-9a-f]{64}" user="ad')
    admin.post(camera.url("/api/update"), b"nonsense", timeout=SECONDS)
    collector.wait_for(r'UPDREJECT \[update@32473 version="-" reason="malformed image"')
    admin.post(camera.url("/api/update"), camera.image("newer"), timeout=SECONDS)
    camera.wait()
    camera.start("software")
    collector.wait_for(r'UPDOK \[update@32473 version="1.5.0" slot="b"\]')
    assert collector.wait_for(r'START \[boot@32473 reset="software" boot_id=') != start
    secrets = (camera.label.admin_password, camera.label.service_password, "guess-me")
    assert not any(secret in record for record in collector.records for secret in secrets)


def test_records_wait_for_a_collector_that_comes_late_or_restarts(build: Build, collector: CollectorServer) -> None:
    camera = build(collector_port=collector.port)
    camera.start()
    fail_a_login(camera, "early")
    listen(collector, camera)
    collector.wait_for('LOGINFAIL .*user="early"')

    collector.drop_connections()
    fail_a_login(camera, "late")

    collector.wait_for('LOGINFAIL .*user="late"')
    assert collector.connections >= 2
    assert len([record for record in collector.records if "LOGINFAIL" in record]) == 2


def test_a_collector_that_is_not_the_vendors_gets_nothing_unless_planted(
    build: Build, collector: CollectorServer
) -> None:
    stranger = build()
    careful = build(collector_port=collector.port)
    careless = build("collector_not_verified", collector_port=collector.port)
    listen(collector, stranger)  # the right address, a certificate of another CA

    careful.power_on()
    careless.start()
    careful.uart.expect("login: ")
    fail_a_login(careful, "careful")
    fail_a_login(careless, "careless")

    collector.wait_for('user="careless"')
    assert not any(careful.label.serial in record for record in collector.records)


def test_planted_clear_text_goes_to_the_clear_port(build: Build, collector: CollectorServer) -> None:
    camera = build("collector_cleartext", "log_password", "log_no_time")
    path = camera.folder / "flash" / "config.json"
    config = json.loads(path.read_text())
    config["collector"]["clear_port"] = collector.port
    path.write_text(json.dumps(config))
    collector.start()
    camera.start()

    fail_a_login(camera, "x")

    collector.wait_for(r'^<\d+>1 - .* LOGINFAIL \[.* password="guess-me"\]')


def test_planted_silence_drops_each_kind_of_event_and_keeps_the_others(
    build: Build, collector: CollectorServer
) -> None:
    silent = ("login_failure", "login_success", "config_change", "update_rejected", "update_installed", "reboot")
    camera = build(*(f"{event}_not_logged" for event in silent), collector_port=collector.port)
    listen(collector, camera)
    camera.start()
    fail_a_login(camera, "x")
    admin = camera.login("admin")
    admin.put(camera.url("/api/settings"), json={"device_name": "x"}, timeout=SECONDS)
    admin.post(camera.url("/api/update"), b"x", timeout=SECONDS)
    admin.post(camera.url("/api/update"), camera.image("newer"), timeout=SECONDS)
    camera.wait()
    camera.start("software")

    fail_a_login(camera, "x")
    collector.wait_for('SVCSTART .*port="udp/3702"', beyond=3)

    assert {record.split(" ")[5] for record in collector.records} == {"SVCSTART"}
