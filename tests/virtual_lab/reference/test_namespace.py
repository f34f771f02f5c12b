import subprocess
import sys
from pathlib import Path

import pytest

from trustprobe.errors import BenchError
from virtual_lab.reference import namespace

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.namespace


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    if reason := namespace.available():
        pytest.skip(reason)


def run(script: str, *arguments: str) -> str:
    """Run a script in a process of its own, which may change its namespace; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


ORDINARY_USER = """
from virtual_lab.reference import syscalls
real = syscalls.unshare
def unshare(flags):
    if not flags & syscalls.CLONE_NEWUSER:
        raise PermissionError(1, "Operation not permitted")
    real(flags)
syscalls.unshare = unshare
"""


@pytest.mark.parametrize("user", ["", ORDINARY_USER], ids=["as_this_user", "without_privilege"])
def test_a_lab_has_a_loopback_interface_and_nothing_of_the_machine(user: str) -> None:
    script = """
import os, socket
from virtual_lab.reference import namespace, syscalls
before = os.readlink("/proc/self/ns/net")
namespace.enter_lab()
assert os.readlink("/proc/self/ns/net") != before
assert syscalls.is_up("lo")
namespace.require_fresh_lab()
listener = socket.create_server(("127.0.0.1", 443))
socket.create_connection(listener.getsockname(), 2).close()
listener.close()
print(os.getuid())
"""
    assert run(user + script) == "0\n"


def test_a_process_with_threads_is_told_so_where_it_needs_a_user_namespace() -> None:
    script = """
import threading
from trustprobe.errors import BenchError
from virtual_lab.reference import namespace
ended = threading.Event()
threading.Thread(target=ended.wait).start()
try:
    namespace.enter_lab()
except BenchError as error:
    print(error.what)
ended.set()
"""
    assert "in a process with threads" in run(ORDINARY_USER + script)


def test_asking_whether_namespaces_are_available_changes_no_namespace() -> None:
    script = """
import os
from virtual_lab.reference import namespace
before = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "user")]
assert namespace.available() is None
assert before == [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "user")]
"""
    run(script)


def test_a_kernel_that_refuses_is_quoted() -> None:
    script = """
from virtual_lab.reference import namespace, syscalls
def unshare(flags):
    raise PermissionError(1, "Operation not permitted")
syscalls.unshare = unshare
print(namespace.available())
"""
    assert "Operation not permitted" in run(script)


DEVICE_ON_A_CABLE = """
import os, socket, sys
from pathlib import Path
import psutil
from trustprobe.errors import BenchError
from tests.virtual_lab.reference.stand_in_lab import STAND_IN, greeting, turn
from virtual_lab.reference import namespace
from virtual_lab.reference.lab import ReferenceLab

namespace.enter_lab()
for name in ("first", "second"):
    with ReferenceLab(Path(sys.argv[1], name), firmware=STAND_IN) as lab:
        assert (lab.address, lab.port_map) == ("192.0.2.10", {})
        assert greeting(lab) == b"power-on"
        assert [link for _, link in socket.if_nameindex() if link.startswith(("lab", "eth"))] == ["lab0"]
        board, firmware = psutil.Process().children(recursive=True)
        networks = {os.readlink(f"/proc/{pid}/ns/net") for pid in (board.pid, firmware.pid)}
        assert len(networks) == 1 and os.readlink("/proc/self/ns/net") not in networks
        try:
            ReferenceLab(Path(sys.argv[1], "third"), firmware=STAND_IN).__enter__()
        except BenchError as error:
            assert "lab0 is up" in error.what
        else:
            raise AssertionError("two devices on one cable")
        if name == "second":
            turn(lab, "off")
            try:
                greeting(lab)
            except OSError as error:
                assert not isinstance(error, ConnectionError), error
            else:
                raise AssertionError("a device without power answered")
            turn(lab, "on")
    assert not psutil.Process().children(recursive=True)
    namespace.require_fresh_lab()
    assert "lab0" not in [link for _, link in socket.if_nameindex()]
print("done")
"""


@pytest.mark.parametrize("user", ["", ORDINARY_USER], ids=["as_this_user", "without_privilege"])
def test_a_device_answers_on_its_cable_is_silent_without_power_and_leaves_nothing(user: str, tmp_path: Path) -> None:
    assert run(user + DEVICE_ON_A_CABLE, str(tmp_path)) == "done\n"


def test_a_lab_is_not_made_in_a_network_that_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.if_nameindex", lambda: [(1, "lo"), (2, "office0")])
    monkeypatch.setattr("virtual_lab.reference.syscalls.is_up", lambda name: True)
    with pytest.raises(BenchError, match="office0 is up"):
        namespace.require_fresh_lab()
