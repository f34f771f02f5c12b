from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.settings import ChangeSetting, ReadIdentity, SettingChange
from drivers.network.web.probes.access import Comparison, RoleAccess, WebRequest
from drivers.network.web.transport.client import WebAnswer
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, LOGIN, PASSWORDS, RESOURCES, SETTING, Device, running
from trustprobe.probe import Answer, Observation

GET, POST = WebRequest("GET", "/a"), WebRequest("POST", "/a", repeatable=False)


def answered(body: str, status: int = 200) -> WebAnswer:
    return WebAnswer(status, {}, body.encode())


NOWHERE = answered("not found", 404)


def roles(device: Device, password: str = PASSWORDS["viewer"]) -> Observation:
    return RoleAccess(device.web(), RESOURCES, Login("viewer", password), SETTING).run(MemoryRecorder())


def test_a_viewer_is_refused_what_the_declaration_does_not_grant() -> None:
    with running() as device:
        seen = roles(device)
    assert seen.refused == {"PUT /api/settings", "GET /api/update", "POST /api/update"}
    assert seen.conclusive


def test_a_viewer_who_can_configure_is_seen() -> None:
    with running("viewer_can_configure") as device:
        seen = roles(device)
    assert "PUT /api/settings" in seen.seen


def test_a_viewer_who_cannot_log_in_proves_nothing() -> None:
    with running() as device:
        seen = roles(device, password="wrong")
    assert seen.silent == {"PUT /api/settings", "GET /api/update", "POST /api/update"}
    assert not seen.conclusive


@pytest.mark.parametrize(("path", "is_open"), [("/a", False), ("/b", True)])
def test_a_change_of_a_path_that_is_hidden_from_the_client_is_not_left_open(path: str, is_open: bool) -> None:
    comparison = Comparison(LOGIN, NOWHERE)
    read = comparison.fact(WebRequest("GET", path), answered("not found", 404), answered('{"zone": "UTC"}'))
    written = comparison.fact(POST, answered("not found", 404), None)
    assert (read.answer, written.answer) == (Answer.SILENT, Answer.SILENT)
    assert (written.asked is not None) is is_open


def test_a_change_without_a_clear_answer_is_not_left_open_if_it_was_granted_to_the_authorised_login() -> None:
    fact = Comparison(LOGIN, NOWHERE).fact(WebRequest("PUT", "/a"), answered("", 400), answered('{"zone": "UTC"}'))
    assert (fact.answer, fact.asked) == (Answer.SILENT, None)


@pytest.mark.parametrize(
    ("shown", "known", "answer"),
    [
        ('{"power_w": 231.4}', '{"power_w": 231.9}', Answer.SEEN),
        ('{"code": 0, "data": {"power_w": 1}}', '{"code": 0, "data": {"power_w": 2}}', Answer.SEEN),
        ('[{"t": 1, "v": 2}]', '[{"t": 3, "v": 4}, {"t": 5, "v": 6}]', Answer.SEEN),
        ('{"power_w": 231.4, "zone": "UTC"}', '{"power_w": 231.9, "zone": "UTC"}', Answer.SEEN),
        ('{"error": "unauthorized"}', '{"power_w": 231.9}', Answer.SILENT),
        ('{"code": 401, "data": null}', '{"code": 0, "data": "on"}', Answer.SILENT),
        ('{"code": 401, "message": "no"}', '{"code": 0, "message": "ok"}', Answer.SILENT),
        ('{"id": 17, "error": {"code": 7}}', '{"id": 18, "result": {"power_w": 1}}', Answer.SILENT),
        ('{"status": "failed"}', '{"status": "running"}', Answer.SILENT),
        ('{"error": {"code": 7}}', '{"error": {"code": 0}, "power_w": 231.9}', Answer.SILENT),
    ],
)
def test_a_document_is_the_content_if_a_value_or_all_names_are_the_same(shown: str, known: str, answer: Answer) -> None:
    fact = Comparison(LOGIN, NOWHERE).fact(GET, answered(shown), answered(known))
    assert (fact.answer, fact.asked) == (answer, None)


def test_a_document_with_a_part_of_the_names_and_none_of_the_values_is_left_open() -> None:
    known = answered('{"power_w": 231.9, "energy_kwh": 12}')
    fact = Comparison(LOGIN, NOWHERE).fact(GET, answered('{"power_w": 231.4}'), known)
    assert fact.answer is Answer.SILENT
    assert fact.asked is not None
    assert fact.asked.shape == "GET /a"


@pytest.mark.parametrize(("body", "answer"), [('{"code": 0}', Answer.SEEN), ('{"code": 404}', Answer.SILENT)])
def test_a_change_is_told_from_a_path_that_does_not_exist_by_its_code(body: str, answer: Answer) -> None:
    fact = Comparison(LOGIN, answered('{"code": 404}')).fact(POST, answered(body), None)
    assert fact.answer is answer


@pytest.mark.parametrize(
    ("ask", "answer"), [(GET, Answer.SILENT), (WebRequest("PUT", "/a", {"zone": "UTC"}), Answer.SEEN)]
)
def test_a_change_that_ends_as_it_does_with_authority_is_granted(ask: WebRequest, answer: Answer) -> None:
    same = answered('{"code": 0}')
    assert Comparison(LOGIN, same).fact(ask, same, same).answer is answer


def change(device: Device, **more: Any) -> ChangeSetting:
    return ChangeSetting(device.web(), SETTING, "tp-1", **more)


def test_a_setting_is_changed_read_back_and_restored() -> None:
    with running() as device:
        seen = change(device).run(MemoryRecorder())
        assert device.settings["device_name"] == "Gate"
    assert seen.seen == {"written", "read_back"}
    assert (seen.old, seen.restored) == ("Gate", True)


AWAY = LoginAttempt(Answer.SILENT, "no answer: it is starting", unanswered=True)
LIMITED = LoginAttempt(Answer.SILENT, "the device limits attempts: 429", limited=True, retry_after=30.0)
WRONG = LoginAttempt(Answer.REFUSED, "401, Login incorrect")


@dataclass
class Restarted:
    """What the logins of a device come to after its restart, one after the other, and how long was waited between."""

    logins: list[LoginAttempt]
    waits: list[float] = field(default_factory=list)
    left: list[LoginAttempt] = field(default_factory=list)

    def change(self, device: Device, monkeypatch: pytest.MonkeyPatch) -> SettingChange:
        log_in = Administration.log_in
        monkeypatch.setattr(Administration, "log_in", lambda web: self.left.pop(0) if self.left else log_in(web))
        probe = change(device, restart=self.restart, start_seconds=600.0, wait=self.waits.append)
        return probe.run(MemoryRecorder())

    def restart(self) -> None:
        self.left = list(self.logins)


@pytest.mark.parametrize(
    ("logins", "waits"),
    [
        ([AWAY] * 3, [1.0, 2.0, 4.0]),
        ([AWAY] * 6, [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]),
        ([LIMITED], [30.0]),
        ([AWAY, WRONG], [1.0, 15.0]),
    ],
)
def test_a_setting_is_read_once_the_logins_of_a_restarted_product_work(
    logins: list[LoginAttempt], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted = Restarted(logins)
    with running() as device:
        seen = restarted.change(device, monkeypatch)
        assert device.settings["device_name"] == "Gate"
    assert seen.seen == {"written", "read_back", "kept"}
    assert seen.restored
    assert restarted.waits == waits


@pytest.mark.parametrize(
    ("logins", "waits"),
    [
        ([WRONG] * 2, [15.0]),
        ([WRONG, AWAY, WRONG], [15.0, 2.0]),
        ([replace(LIMITED, retry_after=3_600.0)], []),
    ],
)
def test_a_restarted_product_that_refuses_the_login_is_not_sent_it_again_and_again(
    logins: list[LoginAttempt], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    restarted = Restarted(logins)
    with running() as device:
        seen = restarted.change(device, monkeypatch)
    assert seen.silent == {"kept"}
    assert restarted.waits == waits


def test_a_restarted_product_that_no_longer_shows_the_setting_is_asked_once() -> None:
    waits: list[float] = []
    with running() as device:

        def restart() -> None:
            del device.settings["device_name"]

        seen = change(device, restart=restart, start_seconds=600.0, wait=waits.append).run(MemoryRecorder())
    assert seen.silent == {"kept"}
    assert not waits


def test_a_setting_that_cannot_be_read_after_the_restart_is_neither_kept_nor_lost() -> None:
    with running() as device:

        def restart() -> None:
            device.passwords["admin"] = "another"  # the login of the bench no longer gets in

        seen = change(device, restart=restart).run(MemoryRecorder())
    assert seen.silent == {"kept"}
    assert not seen.about("kept").conclusive
    assert seen.about("written", "read_back").conclusive


def test_a_change_that_is_acknowledged_and_not_applied_is_not_read_back() -> None:
    with running("not_applied") as device:
        seen = change(device).run(MemoryRecorder())
    assert seen.seen == {"written"}
    assert seen.refused == {"read_back"}
    assert seen.conclusive


def test_a_setting_that_is_lost_over_a_restart_is_not_kept() -> None:
    with running("settings_lost") as device:
        probe = change(device, restart=device.restart)
        seen = probe.run(MemoryRecorder())
    assert probe.name == "setting_kept"
    assert seen.refused == {"kept"}


def test_a_setting_that_survives_a_restart_is_kept() -> None:
    with running() as device:
        assert "kept" in change(device, restart=device.restart).run(MemoryRecorder()).seen


@pytest.mark.parametrize("habit", ["changes_lead_elsewhere", "changes_hang_up"])
def test_a_change_counts_by_what_reads_back_and_not_by_its_answer(habit: str) -> None:
    with running(habit) as device:
        seen = change(device).run(MemoryRecorder())
        assert device.settings["device_name"] == "Gate"
    assert seen.seen == {"written", "read_back"}
    assert "but the new value reads back" in seen.detail("written")
    assert seen.restored


def test_a_change_that_hangs_up_and_does_not_read_back_proves_nothing() -> None:
    with running("changes_hang_up", "not_applied") as device:
        seen = change(device).run(MemoryRecorder())
    assert seen.silent == {"written"} and not seen.seen
    assert not seen.conclusive


def test_a_setting_that_cannot_be_read_is_not_written() -> None:
    with running() as device:
        seen = ChangeSetting(device.web(password="wrong"), SETTING, "tp-1").run(MemoryRecorder())
        assert not any(request.startswith("PUT") for request in device.requests)
    assert seen.silent == {"written", "read_back"}
    assert not seen.conclusive


def read(device: Device, password: str = PASSWORDS["admin"]) -> ReadIdentity:
    return ReadIdentity(device.web(password=password), IDENTITY)


def test_the_identity_is_read() -> None:
    with running() as device:
        seen = read(device).run(MemoryRecorder())
    assert (seen.model, seen.version, seen.serial, seen.slot) == ("Vista", "1.4.0", "HV2-1", "a")
    assert seen.seen == {"model", "version", "serial", "boot_id", "slot"}


def test_a_missing_serial_number_is_silence_that_another_field_proves() -> None:
    with running("no_serial") as device:
        seen = read(device).run(MemoryRecorder())
    assert seen.silent == {"serial"}
    assert seen.conclusive


def test_an_identity_that_cannot_be_read_proves_nothing() -> None:
    with running() as device:
        seen = read(device, "wrong").run(MemoryRecorder())
    assert seen.version is None
    assert not seen.conclusive
