import json

import pytest

from tests.virtual_lab.reference.firmware.camera import SECONDS
from tests.virtual_lab.reference.firmware.conftest import Build

RESTART = 75


def test_the_boot_log_begins_with_the_reset_reason_and_ends_with_the_login_prompt(build: Build) -> None:
    camera = build()

    lines = camera.start().splitlines()

    assert lines[1] == "HalcyonBoot 2.1 (reset: power-on)"
    assert lines.index("Autoboot in 300 ms") < lines.index("Autoboot in 0 ms")
    assert lines.index("Autoboot in 0 ms") < lines.index("Starting kernel ...")
    assert lines[-1] == "halcyon login: "
    assert not any("psk" in line or "password" in line.lower() for line in lines)


def test_keys_in_the_countdown_change_nothing_and_do_not_reach_the_login(build: Build) -> None:
    camera = build()
    camera.power_on()
    camera.uart.expect("Autoboot in 300 ms")

    camera.uart.type("x")
    camera.uart.expect("Autoboot in 0 ms")
    rest = camera.uart.expect("login: ")

    assert "HalcyonBoot>" not in rest
    camera.uart.type("someone\r")
    assert camera.uart.expect("Password: ") == "someone\r\nPassword: "


def test_a_planted_bootloader_prompt_dumps_memory_and_boots_on(build: Build) -> None:
    camera = build("autoboot_interruptible")
    camera.power_on()
    camera.uart.expect("Autoboot in 300 ms")
    camera.uart.type(" ")
    camera.uart.expect("HalcyonBoot> ")

    camera.uart.type("md 08000000\r")
    dump = camera.uart.expect("HalcyonBoot> ")
    camera.uart.type("boot\r")

    first = int.from_bytes(b"HALC", "little")
    assert f"08000000: {first:08x} " in dump
    camera.uart.expect("Starting kernel")
    camera.uart.expect("login: ")


def test_a_planted_boot_log_prints_the_real_password(build: Build) -> None:
    camera = build("bootlog_secret")

    log = camera.start()

    assert f"admin_password={camera.label.admin_password}\r\n" in log
    assert "wifi_psk=" in log


def test_a_restart_is_asked_of_the_board_and_keeps_what_was_set(build: Build) -> None:
    camera = build()
    camera.start()
    admin = camera.login("admin")
    before = admin.get(camera.url("/api/status"), timeout=SECONDS).json()
    admin.put(camera.url("/api/settings"), json={"device_name": "lobby"}, timeout=SECONDS)

    answer = admin.post(camera.url("/api/reboot"), timeout=SECONDS)

    assert answer.status_code == 202
    assert camera.wait() == RESTART
    assert "HalcyonBoot 2.1 (reset: software)" in camera.start("software")
    assert admin.get(camera.url("/api/status"), timeout=SECONDS).status_code == 401
    admin = camera.login("admin")
    assert admin.get(camera.url("/api/status"), timeout=SECONDS).json()["boot_id"] != before["boot_id"]
    assert admin.get(camera.url("/api/settings"), timeout=SECONDS).json()["device_name"] == "lobby"


def test_a_valid_update_restarts_into_the_other_slot(build: Build) -> None:
    camera = build()
    camera.start()
    admin = camera.login("admin")

    answer = admin.post(camera.url("/api/update"), camera.image("newer"), timeout=SECONDS)

    assert (answer.status_code, answer.json()) == (202, {"state": "installing", "version": "1.5.0"})
    assert camera.wait() == RESTART
    camera.start("software")
    admin = camera.login("admin")
    status = admin.get(camera.url("/api/status"), timeout=SECONDS).json()
    assert status["firmware"] == {"version": "1.5.0", "slot": "b", "rollback_counter": 5}
    outcome = admin.get(camera.url("/api/update"), timeout=SECONDS).json()
    assert outcome == {"state": "installed", "reason": None, "version": "1.5.0"}
    again = admin.post(camera.url("/api/update"), camera.image("newer"), timeout=SECONDS)
    assert (again.status_code, again.json()["reason"]) == (422, "not newer")


def test_settings_of_a_device_that_loses_them_are_gone_after_a_restart(build: Build) -> None:
    camera = build("settings_lost_on_reboot")
    camera.start()
    admin = camera.login("admin")
    admin.put(camera.url("/api/settings"), json={"device_name": "lobby"}, timeout=SECONDS)
    assert admin.get(camera.url("/api/settings"), timeout=SECONDS).json()["device_name"] == "lobby"

    admin.post(camera.url("/api/reboot"), timeout=SECONDS)

    assert camera.wait() == RESTART
    camera.start("software")
    settings = camera.login("admin").get(camera.url("/api/settings"), timeout=SECONDS).json()
    assert settings["device_name"] == "camera"


def test_the_firmware_ends_when_the_board_asks(build: Build) -> None:
    camera = build()
    camera.power_on()
    camera.uart.expect("Autoboot")

    assert camera.terminate() != RESTART


def test_a_defect_that_this_openssl_cannot_plant_ends_the_firmware_with_a_reason(build: Build) -> None:
    camera = build("tls_no_forward_secrecy")
    (camera.folder / "flash" / "tls_cert.pem").write_text("no certificate")
    camera.power_on()

    assert camera.wait() not in (0, RESTART)
    assert "UnsupportedByOpensslError" in camera.errors
    (camera.folder / "stderr").unlink()


@pytest.mark.parametrize("content", ["{}", json.dumps({"defects": ["no_such_defect"]})])
def test_a_device_with_a_broken_configuration_does_not_boot(build: Build, content: str) -> None:
    camera = build()
    (camera.folder / "flash" / "config.json").write_text(content)
    camera.power_on()

    assert camera.wait() not in (0, RESTART)
    (camera.folder / "stderr").unlink()
