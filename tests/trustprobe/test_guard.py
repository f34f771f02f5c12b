"""The exit code of what no one expects: 2, with one sentence on standard error. Only a verdict exits 1."""

import errno
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trustprobe.test_cli import COMMAND, ROOT
from trustprobe.cli import guard
from trustprobe.cli.guard import guarded
from trustprobe.errors import BenchError
from trustprobe.judging.unexpected import sentence_for

SHELL = " ".join(COMMAND)
PRINTING = ("schema", "bench steps", "--help", "run --help", "bench")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command],
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        env=ENVIRONMENT | environment,
        check=False,
    )


def raising(error: BaseException) -> Callable[[], object]:
    def main() -> object:
        raise error

    return main


@pytest.mark.parametrize("words", PRINTING)
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_an_output_that_cannot_be_written_exits_2_with_a_sentence(words: str, where: str, tmp_path: Path) -> None:
    done = shell(f"{SHELL} {words} {where}", tmp_path)
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("bench: the output ")


@pytest.mark.parametrize("words", ["schema", "--help"])
def test_a_reader_that_goes_away_is_no_finding(words: str, tmp_path: Path) -> None:
    done = shell(f"{SHELL} {words} | (exec <&-; sleep 0)", tmp_path)
    assert done.returncode == 2, done
    assert done.stderr == (
        "bench: the output was closed before everything was written. Write it to a file, or keep it open.\n"
    )


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-", "2>/dev/full", "<&- >/dev/null 2>&-"])
def test_other_closed_streams_do_not_matter(closed: str, tmp_path: Path) -> None:
    assert shell(f"{SHELL} schema {closed}", tmp_path).returncode == 0
    assert shell(f"{SHELL} run --bench nowhere.yaml {closed}", tmp_path).returncode == 2


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "xx_YY.nonsense", "LANG": "xx"},
        {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "nonsense", "COLUMNS": "-1"},
    ],
)
def test_any_locale_prints(locale: dict[str, str], tmp_path: Path) -> None:
    for words, code in (("schema", 0), ("run --help", 0), ("run --product ä.yaml", 2), ("run --capability ∞", 2)):
        done = shell(f"{SHELL} {words}", tmp_path, **locale)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        assert "unexpected" not in done.stderr


@pytest.mark.parametrize(
    "words", ["run --nope", "run --bench", "matrix --jobs many", "nope", "bench check", "bench nope", "send", "mud"]
)
def test_words_that_the_command_does_not_know_are_one_sentence(words: str, tmp_path: Path) -> None:
    done = shell(f"{SHELL} {words}", tmp_path)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert done.stderr.startswith("configuration: ")
    assert "--help`." in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("boom\nover two lines"), "harness: unexpected RuntimeError at test_guard.py:"),
        (AssertionError(), "without a message. Report this fault."),
        (RecursionError("maximum recursion depth exceeded"), "harness: unexpected RecursionError"),
        (MemoryError(), "bench: this machine has not enough memory."),
        (OSError(errno.ENOSPC, "x", "/out/a"), "bench: /out/a cannot be written: No space left on device. Free space"),
        (OSError(errno.EFBIG, "x"), "bench: the output cannot be written: File too large."),
        (OSError(errno.EMFILE, "x"), "bench: the system refuses: Too many open files."),
        (FileNotFoundError(errno.ENOENT, "x", "/a"), "bench: /a: No such file or directory."),
        (BrokenPipeError(errno.EPIPE, "x"), "bench: the output was closed"),
        (OSError("no number"), "harness: unexpected OSError"),
        (BenchError("the cable is out.", "Put it in."), "bench: the cable is out. Put it in."),
        (KeyboardInterrupt(), "configuration: the command was interrupted."),
        (SystemExit("a library gave up"), "a library gave up"),
        (SystemExit(1), "bench: the output was closed"),
    ],
)
def test_every_error_exits_2_with_one_sentence(
    error: BaseException, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "secure_output", lambda: None)
    monkeypatch.setattr(guard, "watch_signals", lambda: None)
    assert guarded(raising(error)) == 2
    printed = capsys.readouterr().err
    assert says in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize(("returned", "code"), [(0, 0), (1, 1), (2, 2), (None, 0), (130, 2), ("x", 2)])
def test_only_a_verdict_that_is_returned_exits_1(
    returned: object, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "secure_output", lambda: None)
    monkeypatch.setattr(guard, "watch_signals", lambda: None)
    assert guarded(lambda: returned) == code
    assert ("interrupted" in capsys.readouterr().err) is (returned in {130, "x"})


def test_a_traceback_is_printed_where_it_is_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "secure_output", lambda: None)
    monkeypatch.setattr(guard, "watch_signals", lambda: None)
    monkeypatch.setenv("TRUSTPROBE_TRACEBACK", "1")
    assert guarded(raising(ValueError("x"))) == 2
    assert "Traceback" in capsys.readouterr().err
    assert str(sentence_for(ValueError("x"))).startswith("harness: unexpected ValueError: x.")


WAITING = """
import signal, sys, threading
# Whoever runs the tests may ignore the signals, as nohup does.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from trustprobe.cli.guard import guarded
def main():
    print("ready", flush=True)
    threading.Event().wait(60)
    return 1
sys.exit(guarded(main))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_with_2(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=600)
    assert (process.returncode, len(said.splitlines())) == (2, 1)


def test_a_closed_terminal_ends_the_command_with_2() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{WAITING}"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=ENVIRONMENT,
    ) as process:
        os.close(theirs)
        assert b"ready" in os.read(ours, 100)
        os.close(ours)
        assert process.wait(30) == 2
