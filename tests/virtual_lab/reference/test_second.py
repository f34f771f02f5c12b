"""The second device beside the first: what they share, and what is left of it."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.free_ports import free_port
from tests.virtual_lab.reference.stand_in_lab import STAND_IN, greeting, stand_in_lab
from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.reference import namespace
from virtual_lab.reference.firmware.logins.accounts import Account
from virtual_lab.reference.lab import ReferenceLab
from virtual_lab.reference.second import LOOPBACK_SECOND, SecondDevice

ROOT = Path(__file__).resolve().parents[3]
SECRETS = ("ssh_host_key", "tls_key.pem")
BOOT_SECONDS = 120.0


def second_of(folder: Path, first: ReferenceLab) -> SecondDevice:
    """A second device with the stand-in firmware on a free port."""
    second = SecondDevice(folder, first, firmware=STAND_IN)
    second.port_map = {"tcp/443": free_port(LOOPBACK_SECOND)}
    return second


@contextmanager
def pair(folder: Path, *defects: str) -> Iterator[tuple[ReferenceLab, SecondDevice]]:
    with stand_in_lab(folder / "first", defects) as first, second_of(folder / "second", first) as second:
        yield first, second


def booted(lab: ReferenceLab) -> bytes:
    """What the stand-in says once it has booted: nobody waits for that of a second device."""
    deadline = time.monotonic() + BOOT_SECONDS
    while True:
        try:
            return greeting(lab)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(0.05)  # a board that boots gives no event to wait for


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def config(lab: ReferenceLab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lab.folder / "flash/config.json").read_text())
    return found


def stored(lab: ReferenceLab, name: str) -> bytes:
    return (lab.folder / "secure" / name).read_bytes()


def accepts(lab: ReferenceLab, user: str, password: str) -> bool:
    account = next(one for one in config(lab)["accounts"] if one["user"] == user)
    return Account.load(account).matches(password)


def certificate(lab: ReferenceLab) -> x509.Certificate:
    return x509.load_pem_x509_certificate((lab.folder / "flash/tls_cert.pem").read_bytes())


def test_both_devices_answer_and_nothing_is_left_of_the_second(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "first") as first:
        before = children()
        with second_of(tmp_path / "second", first) as second:
            assert booted(second) == b"power-on"
            assert len(children() - before) == 2
            assert second.address != first.address
        assert children() == before
        with pytest.raises(ConnectionRefusedError):
            greeting(second)
        assert greeting(first) == b"power-on"


def test_the_environment_names_what_the_bench_file_asks_for(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, second):
        environment = second.environment
    assert environment["REFERENCE_SECOND_ADDRESS"] == LOOPBACK_SECOND
    assert environment["REFERENCE_SECOND_SERIAL"] == config(second)["serial"]
    assert Path(environment["REFERENCE_SECOND_FOLDER"], "lab/product_ca.pem").is_file()
    assert accepts(second, "admin", environment["REFERENCE_SECOND_ADMIN_PASSWORD"])
    bench = (ROOT / "lab_config/benches/reference.yaml").read_text()
    assert all(f"${{{name}}}" in bench for name in environment)


def test_devices_without_a_flaw_share_nothing(tmp_path: Path) -> None:
    with pair(tmp_path) as (first, second):
        assert config(first)["serial"] != config(second)["serial"]
        assert config(first)["mac"] != config(second)["mac"]
        assert all(stored(first, name) != stored(second, name) for name in SECRETS)
        assert certificate(first).public_key() != certificate(second).public_key()
        assert not accepts(second, "admin", first.environment["REFERENCE_ADMIN_PASSWORD"])


def test_the_second_device_has_no_flaw_of_the_first_ones_own(tmp_path: Path) -> None:
    with pair(tmp_path, "jtag_open", "shared_tls_key") as (first, second):
        assert config(first)["defects"] == ["jtag_open", "shared_tls_key"]
        assert config(second)["defects"] == []


def test_the_second_device_looks_for_nothing_of_the_first_ones_lab(tmp_path: Path) -> None:
    with pair(tmp_path) as (first, second):
        for service in ("collector", "time_source", "cloud"):
            assert config(second)[service]["address"] == "127.0.0.1"
            assert config(first)[service]["address"] == first.collector != "127.0.0.1"


@pytest.mark.parametrize(("defect", "shared"), [("shared_ssh_host_key", SECRETS[0]), ("shared_tls_key", SECRETS[1])])
def test_a_shared_key_is_the_only_thing_that_is_shared(tmp_path: Path, defect: str, shared: str) -> None:
    with pair(tmp_path, defect) as (first, second):
        assert [name for name in SECRETS if stored(first, name) == stored(second, name)] == [shared]
        assert config(first)["serial"] != config(second)["serial"]
        assert not accepts(second, "admin", first.environment["REFERENCE_ADMIN_PASSWORD"])
        for name in SECRETS:
            assert (second.folder / "secure" / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("others", [(), ("certificate_rsa1024",)], ids=["elliptic", "weak rsa"])
def test_a_shared_tls_key_comes_under_a_certificate_of_the_second_devices_own(
    tmp_path: Path, others: tuple[str, ...]
) -> None:
    with pair(tmp_path, "shared_tls_key", *others) as (first, second):
        shown = certificate(second)
        key = serialization.load_pem_private_key(stored(second, "tls_key.pem"), None)
        assert shown.public_key() == certificate(first).public_key() == key.public_key()
        assert shown != certificate(first)
        issuer = x509.load_pem_x509_certificate((second.folder / "lab/product_ca.pem").read_bytes())
        shown.verify_directly_issued_by(issuer)
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert str(names.get_values_for_type(x509.IPAddress)[0]) == LOOPBACK_SECOND
        assert f"{config(second)['serial'].lower()}.local" in names.get_values_for_type(x509.DNSName)


def test_a_shared_default_password_is_the_administrators_of_both(tmp_path: Path) -> None:
    with pair(tmp_path, "shared_default_password") as (first, second):
        password = first.environment["REFERENCE_ADMIN_PASSWORD"]
        assert second.environment["REFERENCE_SECOND_ADMIN_PASSWORD"] == password
        assert accepts(second, "admin", password)
        assert sorted(account["user"] for account in config(second)["accounts"]) == ["admin", "service", "viewer"]
        assert not accepts(second, "viewer", first.environment["REFERENCE_VIEWER_PASSWORD"])
        assert (second.folder / "flash/config.json").stat().st_mode & 0o077 == 0


def test_a_port_of_the_second_device_that_is_in_use_is_a_bench_error_before_anything_starts(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "first") as first:
        before = children()
        second = second_of(tmp_path / "second", first)
        with socket.create_server((LOOPBACK_SECOND, second.port_map["tcp/443"])):
            with pytest.raises(BenchError, match="tcp/443 of the device"):
                second.__enter__()
        assert not second.folder.exists()
        assert children() == before


def test_a_folder_that_holds_a_device_is_not_used_for_the_second(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "first") as first:
        with pytest.raises(ConfigurationError, match="already holds a device"):
            second_of(tmp_path / "first", first).__enter__()
        assert greeting(first) == b"power-on"


def test_a_second_board_that_ends_at_once_is_a_bench_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "first") as first:
        second = second_of(tmp_path / "second", first)
        before = children()
        with pytest.MonkeyPatch.context() as patch:
            broken = tmp_path / "python"
            broken.write_text("#!/bin/sh\necho 'the board broke' >&2\nexit 1\n", "utf-8")
            broken.chmod(0o755)
            patch.setattr("sys.executable", str(broken))
            with pytest.raises(BenchError, match="the second board ended before it had power") as failure:
                second.__enter__()
        assert "the board broke" in failure.value.next_step
        assert children() == before
        assert greeting(first) == b"power-on"


def test_second_firmware_that_crashes_leaves_the_first_device_alone(tmp_path: Path) -> None:
    with stand_in_lab(tmp_path / "first") as first:
        second = SecondDevice(tmp_path / "second", first, firmware=(*STAND_IN, "--crash-at-once"))
        second.port_map = second_of(tmp_path / "unused", first).port_map
        with second, pytest.raises(ConnectionRefusedError):
            greeting(second)
        assert greeting(first) == b"power-on"


TWO_CABLES = """
import os, socket, sys
from pathlib import Path
import psutil
from trustprobe.errors import BenchError
from tests.virtual_lab.reference.stand_in_lab import STAND_IN, greeting
from tests.virtual_lab.reference.test_second import booted, config
from virtual_lab.reference import namespace
from virtual_lab.reference.lab import ReferenceLab
from virtual_lab.reference.second import SecondDevice

def links():
    return sorted(link for _, link in socket.if_nameindex() if link.startswith(("lab", "eth")))

def two(name):
    return SecondDevice(Path(sys.argv[1], name), first, firmware=STAND_IN)

namespace.enter_lab()
with ReferenceLab(Path(sys.argv[1], "first"), firmware=STAND_IN) as first:
    for name in ("second", "again"):
        with two(name) as second:
            assert (second.address, second.port_map, second.address6) == ("192.0.2.11", {}, "")
            assert second.environment["REFERENCE_SECOND_ADDRESS"] == "192.0.2.11"
            assert links() == ["lab0", "lab1"]
            assert booted(second) == greeting(first) == b"power-on"
            neighbours = Path("/proc/net/arp").read_text().splitlines()
            cable = next(line for line in neighbours if line.startswith("192.0.2.11 "))
            assert cable.endswith("lab1") and config(second)["mac"] in cable
            boards = psutil.Process().children()
            assert len({os.readlink(f"/proc/{board.pid}/ns/net") for board in boards}) == 2
            try:
                two(f"third beside {name}").__enter__()
            except BenchError as error:
                assert "lab1 is there already" in error.what, error
            else:
                raise AssertionError("two devices on one cable")
            assert greeting(second) == b"power-on"
        assert links() == ["lab0"], links()
        assert greeting(first) == b"power-on"
assert not psutil.Process().children(recursive=True)
namespace.require_fresh_lab()
print("done")
"""


@pytest.mark.namespace
def test_each_device_has_a_cable_of_its_own_and_the_seconds_is_gone_with_it(tmp_path: Path) -> None:
    if reason := namespace.available():
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TWO_CABLES, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
