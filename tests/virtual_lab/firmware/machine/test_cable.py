import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trustprobe.errors import BenchError
from virtual_lab.firmware.machine import cable
from virtual_lab.lab import require_free
from virtual_lab.reference import namespace

ROOT = Path(__file__).resolve().parents[4]
TAP = """
import os, socket
from virtual_lab.firmware.machine import cable
from virtual_lab.reference import namespace, syscalls
namespace.enter_lab()
tap = cable.open_tap(cable.FIRST)
assert syscalls.is_up("lab0")
other = cable.open_tap(cable.SECOND)
assert syscalls.is_up("lab1")
cable.close_tap(tap)
cable.close_tap(other)
print([name for _, name in socket.if_nameindex()])
"""


def test_forwarded_ports_are_told_to_qemu() -> None:
    told = cable.forwarding("127.0.8.20", {"tcp/443": 30443, "udp/161": 30161})
    assert told == "user,hostfwd=tcp:127.0.8.20:30443-:443,hostfwd=udp:127.0.8.20:30161-:161"


@pytest.mark.parametrize(("name", "kind"), [("tcp/443", socket.SOCK_STREAM), ("udp/161", socket.SOCK_DGRAM)])
def test_a_port_that_is_taken_is_named(name: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.8.20", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(BenchError, match=rf"{name} of the device cannot be 127\.0\.8\.20"):
            require_free("127.0.8.20", {name: taken.getsockname()[1]})


def test_without_the_device_file_there_is_no_tap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cable, "TUN", tmp_path / "tun")
    with pytest.raises(OSError, match="No such file") as raised:
        cable.open_tap(cable.FIRST)
    assert cable.why_no_tap(raised.value).endswith(
        "for all of it: sudo modprobe tun, or start the container with --device " + str(tmp_path / "tun")
    )


def test_a_user_who_may_not_open_the_device_file_is_told_how_to() -> None:
    said = cable.why_no_tap(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    assert "its ports are forwarded" in said
    assert said.endswith("for all of it: sudo chmod 666 /dev/net/tun")


@pytest.mark.namespace
def test_a_tap_is_up_in_the_lab_and_gone_when_it_is_closed() -> None:
    if reason := namespace.available():
        pytest.skip(reason)
    if not os.access(cable.TUN, os.R_OK | os.W_OK):
        pytest.skip(f"{cable.TUN} is not there for this user")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TAP], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['lo']\n"
