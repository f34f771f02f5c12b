"""The command as a user meets it: bad input, an interrupted run, a device that is switched off in the middle."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "trustprobe.cli.main"]
BENCH = ROOT / "lab_config" / "benches" / "reference.yaml"
PRODUCT = ROOT / "lab_config" / "products" / "reference_camera.yaml"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=600, env=environment, check=False
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return what the command said, which is one line on standard error, with exit code 2 and no traceback."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def altered(source: Path, folder: Path, old: str, new: str) -> str:
    text = source.read_text("utf-8")
    assert old in text
    path = folder / source.name
    path.write_text(text.replace(old, new, 1), "utf-8")
    return str(path)


def real_bench(folder: Path, old: str = "", new: str = "") -> str:
    """Write a bench of a board on the desk, at an address of this machine where nothing listens."""
    values = {
        "virtual: reference\n": "",
        "id: reference\n": f"id: desk_{secrets.token_hex(4)}\n",  # benches of one id lock each other
        "${REFERENCE_SERIAL}": "S1",
        "${REFERENCE_MAC}": "02:00:00:00:00:01",
        "${REFERENCE_ADDRESS}\n  interface: lab0": "127.0.9.9",
        '  address6: "${REFERENCE_ADDRESS6}"\n': "",
        "  other_source: ${REFERENCE_OTHER_SOURCE}\n": "",
        "${REFERENCE_COLLECTOR}": "127.0.9.1",
        "${REFERENCE_CONSOLE}": "/dev/ttyNOTTHERE0",
        "${REFERENCE_JTAG}": "127.0.9.1:9",
        "${REFERENCE_RELAY}": "http://127.0.9.1:9/relay",
        "${REFERENCE_FOLDER}": str(folder),
        "${REFERENCE_PYTHON}": "python3",
        "${REFERENCE_DUMP}": str(folder / "dump.py"),
        "${REFERENCE_TIME_PORT}": "123",
        "${REFERENCE_SECOND_SERIAL}": "S2",
        "${REFERENCE_SECOND_ADDRESS}": "127.0.9.3",
        "${REFERENCE_SECOND_FOLDER}": str(folder),
    } | ({old: new} if old else {})
    text = BENCH.read_text("utf-8")
    for known, value in values.items():
        assert known in text, known
        text = text.replace(known, value)
    for name in re.findall(rf"{folder}/(lab/[a-z_/]+\.[a-z]+)", text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("-----BEGIN CERTIFICATE-----\n", "utf-8")
    path = folder / "desk.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_an_unknown_field_is_named_with_file_and_line(tmp_path: Path) -> None:
    product = altered(PRODUCT, tmp_path, "  boot_seconds: 20", "  boot_secs: 20")
    said = sentence(run("run", "--product", product, cwd=tmp_path))
    assert f"{product}, line 13: component.boot_secs: is not a known field" in said
    assert not (tmp_path / "out").exists()


def test_yaml_that_is_none_is_named_with_file_and_line(tmp_path: Path) -> None:
    bench = altered(BENCH, tmp_path, "network:", "network: [")
    assert f"{bench}, line" in sentence(run("run", "--bench", bench, cwd=tmp_path))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--profile", "no_such", "lab_config/profiles/ contains no 'no_such'"),
        ("--bench", "nowhere.yaml", "the file nowhere.yaml does not exist"),
        ("--product", "no_such", "lab_config/products/ contains no 'no_such'"),
        ("--defect", "no_such", "there is no defect 'no_such'"),
    ],
)
def test_a_name_that_does_not_exist_is_one_sentence(option: str, value: str, expected: str, tmp_path: Path) -> None:
    assert expected in sentence(run("run", option, value, cwd=tmp_path))


def test_an_output_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    said = sentence(run("run", "--out", str(tmp_path / "file" / "out"), cwd=tmp_path))
    assert "output folder" in said
    assert "--out" in said


def test_a_missing_secret_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    said = sentence(run("run", "--bench", real_bench(tmp_path), cwd=tmp_path))
    assert (
        "credentials.admin: the password is the environment variable REFERENCE_ADMIN_PASSWORD, which is not set" in said
    )


def test_a_defect_in_a_real_device_is_refused(tmp_path: Path) -> None:
    said = sentence(run("run", "--bench", real_bench(tmp_path), "--defect", "telnet_open", cwd=tmp_path))
    assert "connects a real device" in said


def secret_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN", "VIEWER", "SERVICE", "DOOR", "WINDOW", "COMPANION", "SECOND_ADMIN"):
        monkeypatch.setenv(f"REFERENCE_{name}_PASSWORD", f"a secret of {name.lower()}")


def results_of(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "latest" / "results.json").read_text("utf-8"))
    return loaded


def test_an_unreachable_bench_passes_nothing_and_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_environment(monkeypatch)
    product = altered(PRODUCT, tmp_path, "boot_seconds: 20", "boot_seconds: 1")
    done = run("run", "--bench", real_bench(tmp_path), "--product", product, "--no-html", cwd=tmp_path)
    assert done.returncode == 2
    results = results_of(tmp_path / "out")
    # What the declaration alone decides does not need the device.
    assert {case["verdict"] for case in results["cases"]} == {"INCONCLUSIVE", "NOT_APPLICABLE"}
    assert sum(case["verdict"] == "NOT_APPLICABLE" for case in results["cases"]) < 5
    assert "the device does not answer: tcp/443 at 127.0.9.9 refuses connections" in results["reason"]


def test_a_serial_port_that_is_not_there_is_the_benchs_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_environment(monkeypatch)
    bench = Path(real_bench(tmp_path)).read_text("utf-8")
    start = bench.index("network:")
    bench = bench[:start] + "network: {absent: not cabled up today}\n" + bench[bench.index("console:") :]
    (tmp_path / "desk.yaml").write_text(bench, "utf-8")
    done = run("run", "--bench", str(tmp_path / "desk.yaml"), "--no-html", cwd=tmp_path)
    assert done.returncode == 2
    cases = {case["id"]: case for case in results_of(tmp_path / "out")["cases"]}
    login = cases["serial.console.login"]
    assert login["verdict"] == "ERROR"
    assert login["reason"].startswith("bench: the serial port /dev/ttyNOTTHERE0 does not exist.")
    # what was read on paper stands; nothing that asks the device does
    assert not [name for name, case in cases.items() if case["verdict"] == "PASS" and not name.startswith("document.")]


def started(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*COMMAND, "run", "--verbose", "--no-html", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def until(process: subprocess.Popen[str], word: str) -> None:
    """Read the output up to a line that begins so; the run goes on."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return
    pytest.fail(f"the run ended before it printed {word}")


def test_ctrl_c_keeps_what_was_judged_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ended_by(signal.SIGINT, tmp_path)


def test_ctrl_c_twice_and_a_terminal_that_closes_keep_what_was_judged(tmp_path: Path) -> None:
    ended_by(signal.SIGINT, tmp_path, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


def test_a_judging_process_that_is_killed_keeps_what_was_judged(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        until(process, "PASS")
        inside = next(
            one
            for one in psutil.Process(process.pid).children()
            if any("trustprobe.cli.inside" in word for word in one.cmdline())
        )
        family = inside.children(recursive=True)
        inside.kill()
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(60) == 2
    verdicts = [row["verdict"] for case in results_of(tmp_path / "out")["cases"] for row in case["rows"]]
    assert {"PASS", "NOT_RUN"} <= set(verdicts)
    psutil.wait_procs(family, timeout=600)


def test_a_run_in_the_background_of_a_script_that_is_ended_keeps_what_was_judged(tmp_path: Path) -> None:
    known = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts what ends with &
    try:
        ended_by(signal.SIGTERM, tmp_path)
    finally:
        signal.signal(signal.SIGINT, known)


def ended_by(number: signal.Signals, tmp_path: Path, *further: signal.Signals) -> None:
    """End a run by a signal once it has judged something; it has to write that, and to clear everything away."""
    with started(tmp_path) as process:
        until(process, "PASS")
        family = psutil.Process(process.pid).children(recursive=True)
        assert any("virtual_lab.reference" in " ".join(one.cmdline()) for one in family)
        for one in (number, *further):
            process.send_signal(one)
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(60) == 2
    results = results_of(tmp_path / "out")
    verdicts = [row["verdict"] for case in results["cases"] for row in case["rows"]]
    assert "PASS" in verdicts
    assert "NOT_RUN" in verdicts
    assert "interrupted" in results["reason"]
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive


def test_a_judging_process_whose_command_is_killed_keeps_what_was_judged_and_ends(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        until(process, "PASS")
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert process.stdout is not None
        process.stdout.read()
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive
    assert "interrupted" in results_of(tmp_path / "out")["reason"]


def test_a_harness_that_is_killed_takes_the_virtual_device_with_it(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        until(process, "PASS")
        judging, *family = psutil.Process(process.pid).children(recursive=True)
        judging.kill()
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(60) == 2
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive


def kept_message(folder: Path, port: int) -> str:
    path = folder / "bad.json"
    message = {"name": "bad", "origin": "a test", "way": "tcp", "port": port, "protocol": "http", "service": "admin"}
    path.write_text(json.dumps(message | {"octets": "YmFk"}), "utf-8")
    return str(path)


def test_a_message_is_sent_again_only_where_the_bench_allows_it(tmp_path: Path) -> None:
    bench = real_bench(tmp_path, "malformed, ", "")
    said = sentence(run("send", kept_message(tmp_path, 443), "--bench", bench, cwd=tmp_path))
    assert "does not allow malformed messages" in said


def test_a_message_is_sent_to_no_port_that_nobody_declared(tmp_path: Path) -> None:
    said = sentence(run("send", kept_message(tmp_path, 1), "--bench", real_bench(tmp_path), cwd=tmp_path))
    assert "declares no service on port 1" in said


def test_a_file_that_is_no_message_is_refused(tmp_path: Path) -> None:
    said = sentence(run("send", str(BENCH), "--bench", real_bench(tmp_path), cwd=tmp_path))
    assert "contains no message of a run" in said


def test_a_message_to_a_device_that_is_not_there_says_so_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("ADMIN", "VIEWER", "SERVICE", "DOOR", "WINDOW", "COMPANION"):
        monkeypatch.setenv(f"REFERENCE_{role}_PASSWORD", "x")
    done = run("send", kept_message(tmp_path, 443), "--bench", real_bench(tmp_path), cwd=tmp_path)
    assert done.returncode == 1, done
    assert "before:  tcp/443 (http): not listening" in done.stdout
