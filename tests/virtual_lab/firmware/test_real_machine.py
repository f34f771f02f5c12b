"""The real machine: killed in the middle, behind forwarded ports. Skipped where QEMU or the built device is missing."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from virtual_lab.firmware import build
from virtual_lab.firmware.machine.qemu import PROGRAM
from virtual_lab.reference.namespace import available

ROOT = Path(__file__).resolve().parents[3]
BUILT = build._is_complete(build.cache_folder() / build._digest(build._SOURCES, ()))
pytestmark = [
    pytest.mark.namespace,
    pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="QEMU is not installed: apt-get install qemu-system-arm"),
    pytest.mark.skipif(not BUILT, reason="the firmware device is not built: make lab"),
    pytest.mark.skipif(available() is not None, reason=f"no network namespaces here: {available()}"),
]


def test_a_run_whose_machine_is_killed_passes_nothing_keeps_its_evidence_and_ends(tmp_path: Path) -> None:
    command = "import sys; from trustprobe.cli.main import main; sys.exit(main())"
    words = ["run", "--bench", "firmware", "--capability", "interface_access_control", "--no-html", "--verbose"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTEST_ADDOPTS": "-k test_ports",
        "TMPDIR": "/tmp",  # a socket's path is short
    }
    with subprocess.Popen(
        [sys.executable, "-c", command, *words, "--out", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if re.match(r"[A-Z]+ +ports\.tcp\.undeclared", line):  # its verdict, not its progress
                break
        family = psutil.Process(process.pid).children(recursive=True)
        machines = [one for one in family if one.name().startswith("qemu-system")]
        assert len(machines) == 1, said
        machines[0].kill()
        process.stdout.read()
        assert process.wait(60) == 2
    _, alive = psutil.wait_procs(family, timeout=600)
    assert not alive
    run = next(tmp_path.glob("*-firmware_gateway"))
    results = json.loads((run / "results.json").read_text("utf-8"))
    passed = {case["id"] for case in results["cases"] for row in case["rows"] if row["verdict"] == "PASS"}
    assert passed <= set(re.findall(r"^PASS +(\S+)", said, re.MULTILINE))
    verdicts = {row["verdict"] for case in results["cases"] for row in case["rows"]}
    assert verdicts <= {"ERROR", "INCONCLUSIVE", "NOT_RUN", "PASS"}
    assert verdicts & {"ERROR", "INCONCLUSIVE"}
    assert list((run / "evidence").iterdir())


def may_listen_on(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not may_listen_on(514), reason="tcp/514 cannot be had: net.ipv4.ip_unprivileged_port_start")
def test_behind_forwarded_ports_the_records_and_the_clock_of_the_device_are_heard(tmp_path: Path) -> None:
    command = "import sys; from trustprobe.cli.main import main; sys.exit(main())"
    words = ["run", "--bench", "firmware", "--loopback", "--capability", "state_awareness", "--no-html", "--verbose"]
    asked = {"PYTEST_ADDOPTS": "-k 'test_login_is_logged or follows_its_source'", "TMPDIR": "/tmp"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **asked}
    done = subprocess.run(
        [sys.executable, "-c", command, *words, "--out", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    passed = set(re.findall(r"^PASS +(\S+)", done.stdout, re.MULTILINE))
    assert {"log.emits.login_success", "log.time.source"} <= passed, done.stdout + done.stderr
