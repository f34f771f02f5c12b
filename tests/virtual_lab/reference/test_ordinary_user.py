"""The whole lab with the real firmware, as a user without any privilege."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from virtual_lab.reference import namespace

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534

PROOF = """
import os, socket, ssl, sys, tempfile, urllib.request
from pathlib import Path
import psutil
from virtual_lab.reference import namespace
from virtual_lab.reference.lab import ReferenceLab

assert os.getuid() != 0
if reason := namespace.available():
    sys.exit(f"SKIP {reason}")
namespace.enter_lab()
with tempfile.TemporaryDirectory() as folder:
    with ReferenceLab(Path(folder, "device")) as lab:
        processes = psutil.Process().children(recursive=True)
        trust = ssl.create_default_context(cafile=Path(folder, "device/lab/product_ca.pem"))
        with urllib.request.urlopen("https://192.0.2.10/", context=trust, timeout=600) as page:
            assert page.status == 200 and b"<form" in page.read()
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("lab0", 0))
        raw.close()
    assert len(processes) == 2 and not any(process.is_running() for process in processes)
    namespace.require_fresh_lab()
print("done")
"""


def run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command with the harness and its libraries; root becomes an ordinary user, an ordinary user is one."""
    root = os.getuid() == 0
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"},
        timeout=600,
        user=NOBODY if root else None,
        group=NOBODY if root else None,
        extra_groups=[] if root else None,
    )


def interpreter() -> str:
    """A Python of this version that anybody can run: root's own may lie in a folder of root's."""
    system = shutil.which(f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    for candidate in filter(None, (sys.executable, system)):
        try:
            run([candidate, "-c", ""]).check_returncode()
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    pytest.skip("no interpreter that an ordinary user can run")


@pytest.mark.namespace
def test_an_ordinary_user_gets_the_whole_device_and_nothing_is_left_of_it() -> None:
    if reason := namespace.available():
        pytest.skip(reason)
    done = run([interpreter(), "-c", PROOF])
    if done.stderr.startswith("SKIP "):
        pytest.skip(done.stderr)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
