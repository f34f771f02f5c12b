import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.network.web.login import browser as http_browser
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.session import WebSession
from tests.drivers.network.web.login.browser_lab import LOGIN
from tests.drivers.pages import serving
from trustprobe.errors import BenchError

ROOT = Path(__file__).parents[5]
MISSING = next(
    (
        words
        for words, there in (
            ("playwright is not installed (pip install trustprobe[browser])", importlib.util.find_spec("playwright")),
            ("this machine has no Chromium", any(map(shutil.which, http_browser.BROWSERS))),
            ("this machine has no unshare", shutil.which("unshare")),
        )
        if not there
    ),
    "",
)
browser = pytest.mark.skipif(bool(MISSING), reason=MISSING or "there is a browser")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """What the lab says, in a network namespace with nothing but loopback."""
    inside = f"ip link set lo up && exec {sys.executable} -m tests.drivers.network.web.login.browser_lab"
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", inside]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@browser
def test_a_page_that_only_a_script_draws_is_filled_in_and_its_token_carried(outcomes: dict[str, Any]) -> None:
    assert outcomes["script"]["answer"] == "session", outcomes["script"]
    assert outcomes["script"]["headers"] == ["authorization"]
    assert bytes.fromhex(outcomes["script"]["picture"]) == b"\x89PNG"


@browser
def test_the_words_of_the_page_say_that_a_password_was_wrong(outcomes: dict[str, Any]) -> None:
    assert outcomes["wrong"]["answer"] == "refused", outcomes["wrong"]


@browser
def test_the_browser_goes_to_the_device_and_nowhere_else(outcomes: dict[str, Any]) -> None:
    assert outcomes["stolen"] == []


@browser
def test_a_name_and_a_password_on_two_pages_are_sent_once(outcomes: dict[str, Any]) -> None:
    assert outcomes["two steps"]["answer"] == "session", outcomes["two steps"]
    assert outcomes["logins"] == 1


@browser
def test_a_page_with_nothing_to_fill_in_is_said_to_be_one(outcomes: dict[str, Any]) -> None:
    assert outcomes["no form"]["answer"] == "silent"
    assert "no field for a password" in outcomes["no form"]["detail"]


@pytest.mark.parametrize("missing", ["playwright", "Chromium"])
def test_a_missing_browser_is_the_benchs_fault_and_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None if missing == "playwright" else object())
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with serving({}) as pages, pytest.raises(BenchError) as caught:
        log_in(pages.client, LOGIN, "admin", "x")
    assert missing in caught.value.what
    assert "pip install 'trustprobe[browser]'" in caught.value.next_step


def test_a_browser_that_says_nothing_is_ended() -> None:
    running = http_browser.Browser()
    running.command = (sys.executable, "-c", "import time; time.sleep(600)")
    assert running.ask({}, 0.2) is None
    assert running.process is None
    running.close()


def driven(folder: Path, program: str) -> http_browser.Browser:
    """A browser whose driving process is `program`; it knows as `count` how many were started before it."""
    started = folder / "started"
    head = f"import os, sys; at = {str(started)!r}; count = os.path.getsize(at) if os.path.exists(at) else 0\n"
    running = http_browser.Browser()
    running.command = (sys.executable, "-c", f"{head}open(at, 'a').write('x')\n{program}")
    return running


@pytest.mark.parametrize(("program", "starts"), [("sys.stdin.readline(); os.abort()", 1), ("sys.exit(0)", 2)])
def test_a_browser_that_ends_is_the_benchs_fault_and_no_silence_of_the_device(
    tmp_path: Path, program: str, starts: int
) -> None:
    with contextlib.closing(driven(tmp_path, program)) as running:
        with pytest.raises(BenchError, match="ended unexpectedly") as caught:
            running.ask({}, 10.0)
        assert "dmesg" in caught.value.next_step
        assert running.process is None
    assert (tmp_path / "started").stat().st_size == starts


def test_a_browser_that_ended_because_it_was_idle_is_started_again_and_asked(tmp_path: Path) -> None:
    program = "print(f'{{\"line\": {sys.stdin.readline()}}}') if count else sys.exit(0)"
    with contextlib.closing(driven(tmp_path, program)) as running:
        assert running.ask({"user": "admin"}, 10.0) == {"line": {"user": "admin"}}


def test_a_browser_that_says_what_is_no_answer_is_the_benchs_fault(tmp_path: Path) -> None:
    with contextlib.closing(driven(tmp_path, "sys.stdin.readline(); print('Traceback')")) as running:
        with pytest.raises(BenchError, match="malformed answer"):
            running.ask({}, 10.0)


def test_half_of_a_surrogate_pair_on_a_page_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_browser, "browser_path", lambda: "chromium")
    program = 'sys.stdin.readline(); print(r\'{"sent": true, "status": 200, "text": "welcome \\ud83d"}\')'
    with serving({}) as pages, contextlib.closing(driven(tmp_path, program)) as running:
        monkeypatch.setattr(http_browser, "_browser_of", lambda base: running)
        submitted = http_browser.submit_browser(WebSession(pages.client, "admin"), LOGIN, "admin", "x")
    assert submitted.answer.body == b"welcome ?"
