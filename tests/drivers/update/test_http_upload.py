from collections.abc import Callable

import pytest

from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.update.http_upload import KEPT_OCTETS, TryImages, UpdateTrials, UploadUnauthorised
from drivers.update.image import container
from drivers.update.running import Running, Updatable
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, LARGEST, PASSWORDS, UPDATE, Device, image, running
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Observation

SOON = 0.1


def trials(
    device: Device,
    names: tuple[str, ...] | None = None,
    restart: Callable[[], None] | None = None,
    version: str = "1.5.0",
    password: str = PASSWORDS["admin"],
    record: MemoryRecorder | None = None,
) -> UpdateTrials:
    base = image(device.vendor, version)
    older, current = image(device.vendor, "1.3.0", b"old"), image(device.vendor, "1.4.0")
    bad = container("signed_tar").variants(base, older, {"replayed": current}, LARGEST)
    probe = TryImages(
        Updatable(device.web(password=password), UPDATE, IDENTITY, device.ready),
        base,
        tuple((name, data) for name, data in bad.items() if names is None or name in names),
        restart,
        SOON,
    )
    return probe.run(record or MemoryRecorder())


@pytest.mark.parametrize("tls", [False, True])
def test_a_good_mechanism_refuses_every_bad_image_and_installs_the_base(tls: bool) -> None:
    record = MemoryRecorder()
    with running(tls=tls) as device:
        seen = trials(device, restart=device.restart, record=record)
        assert device.version == "1.5.0"
    assert seen.seen == {"base", "base.transfer"}
    assert not seen.silent
    assert seen.conclusive
    assert (seen.version_before, seen.version_after, seen.base_version) == ("1.4.0", "1.5.0", "1.5.0")
    assert {"unsigned.img", "base.img"} <= set(record.kept)


def test_status_200_for_a_refused_upload_is_no_acceptance() -> None:
    with running("update_says_200") as device:
        seen = trials(device)
    assert seen.seen == {f"{name}.transfer" for name in (*seen.digests,)} | {"base"}
    assert "unsigned" in seen.refused
    assert seen.conclusive


def test_the_status_reports_refusals_in_new_words() -> None:
    with running() as device:
        seen = trials(device, names=("unsigned", "wrong_key", "bit_flip_signature")).reporting()
    # the third is refused in the words of the second: whether the status tells of it anew cannot be known
    assert seen.refusals == ("unsigned", "wrong_key")
    assert seen.reported == ("unsigned", "wrong_key")
    assert seen.seen == {"status"}
    assert seen.conclusive


def test_a_status_that_never_tells_of_a_refusal_is_proven_by_the_refusals() -> None:
    with running("refusal_not_reported") as device:
        seen = trials(device, names=("unsigned",)).reporting()
    assert seen.silent == {"status"}
    assert seen.conclusive


def test_without_a_refusal_nothing_is_known_of_its_report() -> None:
    with running("never_installs", "update_takes_anything") as device:
        assert not trials(device, names=("unsigned",)).reporting().conclusive


@pytest.mark.parametrize("habit", ["replay_allowed", "replay_keeps_slot"])
def test_the_image_that_runs_is_seen_when_it_is_installed_once_more(habit: str) -> None:
    with running("replay_allowed", habit) as device:
        seen = trials(device, names=("unsigned", "replayed"))
    assert "replayed" in seen.seen
    assert "base" in seen.seen


def test_an_unsigned_image_that_runs_is_seen_and_ends_the_trials() -> None:
    with running("unsigned_accepted") as device:
        seen = trials(device)
    assert "unsigned" in seen.seen
    assert "empty" in seen.refused
    assert "not tested" in seen.detail("bit_flip_payload")
    assert not seen.conclusive


def test_a_downgrade_that_runs_leaves_the_witness_to_the_others() -> None:
    with running("downgrade_allowed") as device:
        seen = trials(device)
        assert device.version == "1.5.0"
    assert seen.about("downgrade").seen == {"downgrade"}
    assert seen.about("unsigned").refused == {"unsigned"}
    assert seen.conclusive


def test_a_mechanism_that_never_installs_leaves_no_witness_but_proves_the_missing_installation() -> None:
    with running("never_installs") as device:
        seen = trials(device, names=("empty", "unsigned"))
    assert not seen.about("unsigned").conclusive
    installation = seen.installation()
    assert installation.silent == {"base"}
    assert installation.conclusive


def test_an_image_that_is_installed_at_the_next_start_is_seen_after_the_restart() -> None:
    with running("installs_at_restart", "unsigned_accepted") as device:
        seen = trials(device, names=("unsigned", "garbage"), restart=device.restart)
    assert {"unsigned", "after_restart"} <= seen.seen
    assert "garbage" in seen.refused


def test_an_accepted_image_that_never_runs_is_silence() -> None:
    with running("never_installs", "update_takes_anything") as device:
        seen = trials(device, names=("unsigned",))
    assert seen.about("unsigned", "unsigned.transfer").silent == {"unsigned"}
    assert "unsigned.transfer" in seen.seen


def test_a_base_that_runs_already_proves_nothing() -> None:
    with running() as device:
        seen = trials(device, names=("empty",), version="1.4.0")
    assert seen.silent == {"base"}
    assert not seen.conclusive
    assert not seen.installation().conclusive


def test_without_authority_no_image_is_offered() -> None:
    with running() as device:
        with pytest.raises(BenchError, match="cannot be read"):
            trials(device, password="wrong")
        assert "POST /api/update" not in device.requests


def test_a_large_image_is_kept_as_a_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.update.http_upload.KEPT_OCTETS", 10)
    record = MemoryRecorder()
    with running() as device:
        seen = trials(device, names=("empty", "unsigned"), record=record)
    assert set(record.kept) == {"empty.img"}
    assert len(seen.digests["unsigned"]) == 64
    assert KEPT_OCTETS == 1 << 20


def unauthorised(
    device: Device, data: bytes, password: str = PASSWORDS["admin"], rejected: str = UPDATE.rejected
) -> Observation:
    update = UPDATE.model_copy(update={"rejected": rejected})
    probe = UploadUnauthorised(Updatable(device.web(password=password), update, IDENTITY, device.ready), data, SOON)
    return probe.run(MemoryRecorder())


@pytest.mark.parametrize("habit", ["", "login_page_200"])
def test_an_upload_without_a_login_is_refused(habit: str) -> None:
    with running(habit) as device:
        seen = unauthorised(device, image(device.vendor, "1.5.0"))
        assert device.version == "1.4.0"
    assert seen.refused == {"POST /api/update"}
    assert seen.conclusive


def test_a_refusal_with_status_200_is_not_taken_for_acceptance() -> None:
    with running("refuses_with_200") as device:
        seen = unauthorised(device, image(device.vendor, "1.5.0"))
    assert seen.silent == {"POST /api/update"}
    assert seen.conclusive


@pytest.mark.parametrize(
    "said", [b"<p>Logging: update rejected, bad image</p>", b"update rejected: the signature is denied"]
)
def test_an_image_that_is_rejected_without_a_login_was_taken_up(said: bytes) -> None:
    with running() as device:
        device.turns_away = (400, said)
        seen = unauthorised(device, image(device.vendor, "1.5.0"), rejected="update rejected")
    assert seen.seen == {"POST /api/update"}
    assert not seen.left_open


AMBIGUOUS = {
    "the image is denied": (400, {"error": "update denied: invalid signature"}, "update denied"),
    "a rejection with a link to the login": (
        400,
        b"<p>Update rejected.</p><a href=/login>Login</a>",
        "Update rejected",
    ),
    "an accepted upload with a link to the login": (200, b"<p>Done.</p><a href=/login>Login</a>", "Update rejected"),
    "a status 200 that denies the image": (200, {"error": "update denied: invalid signature"}, "rejected"),
    "a refusal of both": (200, {"error": "update rejected: login required"}, "update rejected"),
}


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_an_answer_that_may_be_about_the_image_or_the_login_proves_nothing(how: str) -> None:
    status, said, rejected = AMBIGUOUS[how]
    with running() as device:
        device.turns_away = (status, said)
        seen = unauthorised(device, image(device.vendor, "1.5.0"), rejected=rejected)
    assert seen.silent == {"POST /api/update"}
    assert not seen.conclusive
    assert "not clear whether the login or the image was refused" in seen.unproven


@pytest.mark.parametrize("status", [303, 500])
def test_an_upload_without_a_login_that_is_neither_taken_nor_refused_proves_nothing(status: int) -> None:
    with running() as device:
        device.turns_away = (status, b"")
        seen = unauthorised(device, image(device.vendor, "1.5.0"))
    assert seen.silent == {"POST /api/update"}
    assert not seen.conclusive
    assert f"neither taken nor refused: {status}" in seen.unproven


@pytest.mark.parametrize("good", [True, False])
def test_an_upload_without_a_login_that_the_mechanism_takes_up_is_seen(good: bool) -> None:
    with running("anonymous POST /api/update") as device:
        data = image(device.vendor, "1.5.0") if good else b"garbage"
        seen = unauthorised(device, data)
        assert (device.version == "1.5.0") is good
    assert seen.facts[0].answer is Answer.SEEN


def test_an_upload_that_nobody_can_check_proves_nothing() -> None:
    with running("refuses_with_200") as device:
        seen = unauthorised(device, b"garbage", password="wrong")
    assert not seen.conclusive


def break_off(monkeypatch: pytest.MonkeyPatch, when: Callable[[WebClient | WebSession, bytes], bool]) -> None:
    """Let uploads end without an answer."""
    upload = Running.upload

    def broken(self: Running, asker: WebClient | WebSession, data: bytes) -> WebAnswer | NoAnswerError:
        if when(asker, data):
            return NoAnswerError(Answer.SILENT, "the connection was closed", connected=True)
        return upload(self, asker, data)

    monkeypatch.setattr(Running, "upload", broken)


def test_an_upload_that_breaks_off_is_proven_by_no_upload_that_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch, lambda _asker, data: data == b"")
    with running() as device:
        seen = trials(device, names=("empty", "unsigned"))
    assert seen.seen == {"base", "base.transfer"}
    assert not seen.conclusive
    assert "empty: the upload ended without an answer" in seen.unproven


def test_an_upload_without_a_login_that_breaks_off_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(monkeypatch, lambda asker, _data: not isinstance(asker, WebSession))
    with running() as device:
        seen = unauthorised(device, image(device.vendor, "1.5.0"))
    assert seen.silent == {"POST /api/update"}
    assert not seen.conclusive
    assert "ended without an answer" in seen.unproven


def test_an_installation_that_takes_a_restart_is_waited_for_and_read_in_a_new_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running("installs_at_restart") as device:

        def ready(_seconds: float) -> bool:
            device.restart()
            return True

        monkeypatch.setattr(device, "ready", ready)
        monkeypatch.setattr(f"{__name__}.SOON", 10.0)  # it ends with the installation
        seen = trials(device, names=("empty",))
    assert "base" in seen.seen
    assert seen.version_after == "1.5.0"
    assert seen.conclusive
