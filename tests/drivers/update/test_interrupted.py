"""Power cuts during an update, on a small device whose relay is a web server, as on a bench."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from drivers.power.switch import PowerSwitch
from drivers.update.interrupted import MOMENTS, CutPower, Reading
from drivers.update.running import Updatable
from lab_config.bench import PowerBench
from lab_config.component import Identity, UpdateDeclaration
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, PASSWORDS, UPDATE, Device, image, running
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, Observation, Recorder

CUTS = [f"cut at {moment:.0%}" for moment in MOMENTS]
BOOT_SECONDS = 0.3
Act = Callable[[], object]


@contextmanager
def relay(cut: Act, status: int = 200) -> Iterator[tuple[PowerSwitch, list[str]]]:
    """A power switch that does `cut` when it is turned off, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/off":
                cut()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield PowerSwitch(PowerBench(on=f"{url}/on", off=f"{url}/off", settle_seconds=0.01)), asked
        finally:
            server.shutdown()
            thread.join(5)


def cut(
    device: Device,
    act: Act | None = None,
    *,
    version: str = "1.5.0",
    password: str = PASSWORDS["admin"],
    update: UpdateDeclaration = UPDATE,
    identity: Identity = IDENTITY,
    status: int = 200,
    asked: list[str] | None = None,
    ready: Callable[[float], bool] | None = None,
    octets: bytes | None = None,
    console: Reading | None = None,
    boot_seconds: float = BOOT_SECONDS,
) -> Observation:
    new = image(device.vendor, version) if octets is None else octets
    with relay(act or device.restart, status) as (power, heard):
        probe = CutPower(
            Updatable(device.web(password=password), update, identity, ready or device.ready),
            new,
            power,
            0.01,
            boot_seconds,
            console,
        )
        try:
            return probe.run(MemoryRecorder())
        finally:
            (asked if asked is not None else []).extend(heard)


def test_a_device_that_keeps_the_old_version_is_cut_at_every_moment() -> None:
    asked: list[str] = []
    with running("never_installs") as device:
        seen = cut(device, asked=asked)
        assert device.requests.count("POST /api/update") == len(MOMENTS)
    assert seen.silent == set(CUTS)
    assert seen.conclusive
    assert "version 1.4.0" in seen.detail(CUTS[0])
    assert asked == ["/off", "/on"] * len(MOMENTS)


def test_a_device_that_finishes_after_the_cut_runs_the_new_version_and_is_not_cut_again() -> None:
    with running("installs_at_restart") as device:
        seen = cut(device)
    assert seen.silent == {CUTS[0]}
    assert "version 1.5.0" in seen.detail(CUTS[0])
    assert seen.conclusive


def test_a_device_that_had_installed_before_the_cut_was_not_interrupted() -> None:
    with running() as device:
        seen = cut(device)
    assert seen.silent == {CUTS[0]}
    assert not seen.conclusive


@pytest.mark.parametrize("version", ["0.0.1-rescue", "1.5.0\x1b[2J\u202e", "9" * 100_000])
def test_a_device_that_comes_back_with_neither_version_is_seen(version: str) -> None:
    with running("never_installs") as device:

        def broken() -> None:
            device.restart()
            device.version = version

        seen = cut(device, broken)
    assert seen.seen == {CUTS[0]}
    assert version[:5] in seen.detail(CUTS[0])
    assert seen.detail(CUTS[0]).isprintable()
    assert len(seen.detail(CUTS[0])) < 1_000


@pytest.mark.parametrize(
    ("console", "seen_to_fail", "says"),
    [
        (None, False, "this bench has no console"),
        ((Answer.SILENT, "the console shows that a system starts"), False, "a system starts"),
        ((Answer.SILENT, "the console is silent as well"), False, "silent as well"),
        ((Answer.SEEN, "the console offers no login"), True, "offers no login"),
    ],
)
def test_a_device_without_network_is_judged_by_its_console(
    console: tuple[Answer, str] | None, seen_to_fail: bool, says: str
) -> None:
    restarts: list[float] = []

    def reading(restart: Callable[[], None], seconds: float, _record: Recorder) -> tuple[Answer, str]:
        restart()
        restarts.append(seconds)
        assert console is not None
        return console

    asked: list[str] = []
    with ExitStack() as stack:
        device = stack.enter_context(running("never_installs"))
        read = reading if console else None
        seen = cut(device, stack.close, ready=lambda _seconds: False, console=read, asked=asked)
    assert seen.seen == ({CUTS[0]} if seen_to_fail else set())
    assert "could not be read" in seen.detail(CUTS[0])
    assert says in seen.detail(CUTS[0])
    assert seen.conclusive is seen_to_fail
    assert restarts == ([BOOT_SECONDS] if console else [])
    assert asked.count("/off") == (2 if console else 1)


def test_a_device_that_cannot_be_logged_in_to_at_once_after_its_start_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.update.running.HOLD_SECONDS", 0.05)  # the device does not start again meanwhile
    with running("never_installs", "busy_after_start") as device:
        seen = cut(device, boot_seconds=10)  # the second look ends it
    assert seen.silent == set(CUTS)
    assert seen.conclusive


@pytest.mark.parametrize(
    "habits", [("refusal_not_reported",), ("update_says_200",)], ids=["by its status code", "by its status page"]
)
def test_an_image_that_is_refused_is_not_cut_at(habits: tuple[str, ...]) -> None:
    asked: list[str] = []
    with running(*habits) as device:
        seen = cut(device, version="1.3.0", asked=asked)
    assert seen.silent == {CUTS[0]}
    assert not seen.conclusive
    assert "not newer" in seen.detail(CUTS[0])
    assert not asked


@pytest.mark.parametrize("path", ["/drop", "/nonsense", "/headers"])
def test_an_upload_without_an_answer_is_silence(path: str) -> None:
    asked: list[str] = []
    with running() as device:
        seen = cut(device, update=UPDATE.model_copy(update={"path": path}), asked=asked)
    assert seen.silent == {CUTS[0]}
    assert not seen.conclusive
    assert "no answer" in seen.detail(CUTS[0])
    assert not asked


def test_a_status_page_that_cannot_be_read_does_not_hide_what_runs() -> None:
    with running("never_installs") as device:
        seen = cut(device, update=UPDATE.model_copy(update={"status_path": "/drop"}))
    assert seen.silent == set(CUTS)
    assert seen.conclusive


def test_a_hostile_refusal_is_quoted_in_part() -> None:
    with running("update_says_200") as device:
        page = UPDATE.model_copy(update={"status_path": "/endless", "rejected": "x"})
        seen = cut(device, update=page)
    assert seen.silent == {CUTS[0]}
    assert len(seen.detail(CUTS[0])) < 1_000


def test_a_switch_that_cuts_nothing_leaves_no_witness() -> None:
    with running("never_installs") as device:
        seen = cut(device, lambda: None)
    assert seen.silent == set(CUTS)
    assert not seen.conclusive


def test_a_switch_that_cuts_only_once_is_no_witness_for_the_second_moment() -> None:
    with running("never_installs") as device:
        cuts = iter([device.restart])
        seen = cut(device, lambda: next(cuts, lambda: None)())
    assert seen.silent == set(CUTS)
    assert not seen.conclusive
    assert seen.witness is not None
    assert seen.witness.what.startswith("1 of 2 power cuts")


def test_a_device_that_tells_no_start_from_another_leaves_no_witness() -> None:
    with running("never_installs") as device:
        seen = cut(device, identity=IDENTITY.model_copy(update={"boot_id_field": "nothing"}))
    assert seen.silent == set(CUTS)
    assert not seen.conclusive


def test_a_switch_that_fails_is_the_benchs_fault_and_no_finding() -> None:
    with running("never_installs") as device, pytest.raises(BenchError, match="power switch answered HTTP 500"):
        cut(device, status=500)


def test_without_a_login_no_image_is_offered() -> None:
    with running() as device:
        with pytest.raises(BenchError, match="cannot be read as admin") as failure:
            cut(device, password="wrong")
        assert "POST /api/update" not in device.requests
    assert "credential" in failure.value.next_step


def test_an_image_of_the_version_that_runs_shows_nothing() -> None:
    with running() as device:
        with pytest.raises(BenchError, match=r"version 1\.4\.0 .* would show nothing"):
            cut(device, version="1.4.0")
        assert "POST /api/update" not in device.requests


def test_what_is_no_image_is_not_offered() -> None:
    with running() as device:
        with pytest.raises(ConfigurationError, match="not a signed_tar"):
            cut(device, octets=b"firmware")
        assert not device.requests


def test_a_declared_refusal_that_is_no_expression_is_said_before_anything_is_sent() -> None:
    with running("never_installs") as device:
        with pytest.raises(ConfigurationError, match=r"update\.rejected"):
            cut(device, update=UPDATE.model_copy(update={"rejected": "("}))
        assert not device.requests
