"""What two samples share, read from two small devices, each with a web administration, a TLS and an SSH server."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import paramiko
import pytest
import trustme

from drivers.login import Login
from drivers.network.identity.samples import IDENTIFIERS, CompareSamples, LabelledSample, SharedIdentifiers
from drivers.network.target import Target
from drivers.network.web.administration.administration import Administration
from lab_config.bench import NetworkBench
from lab_config.component import Identity, Service, Transport
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.network.logins.ssh_servers import Rules, host_key, ssh_server
from tests.drivers.network.tls import tls_servers as tls
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY, LOGIN, PASSWORDS, Device, running
from tests.free_ports import free_port
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

WITH_MAC = IDENTITY.model_copy(update={"mac_field": "mac"})
TLS = Service(id="tls", transport=Transport.TCP, port=8443, protocol="http", tls=True, purpose="video")
SSH = Service(id="ssh", transport=Transport.TCP, port=22, protocol="ssh", purpose="maintenance")
DIFFERENT_PASSWORDS = {"admin": "another horse", "viewer": "only watching"}


@dataclass
class Unit:
    """One sample: the device, and where its TLS and SSH servers are."""

    web: Device
    ports: dict[str, int] = field(default_factory=dict)

    def sample(self, title: str, people: tuple[str, ...] = ("admin",)) -> LabelledSample:
        ports = {"tcp/443": self.web.port, **self.ports}
        target = Target(NetworkBench(address="127.0.0.1", port_map=ports))
        logins = {account: Login(account, self.web.passwords[account]) for account in people}
        return LabelledSample(title, Administration(target, self.web.service, LOGIN, logins["admin"]), logins, None)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def units(opened: ExitStack) -> tuple[Unit, Unit]:
    """Two samples that share nothing of what their web administration shows."""
    first, second = Unit(opened.enter_context(running())), Unit(opened.enter_context(running()))
    first.web.shown = {"serial": "HV2-1", "mac": "02:00:00:00:00:01"}
    second.web.shown = {"serial": "HV2-2", "mac": "02:00:00:00:00:02"}
    second.web.passwords = dict(DIFFERENT_PASSWORDS)
    return first, second


def compared(
    units: tuple[Unit, Unit],
    record: MemoryRecorder | None = None,
    tls: Service | None = None,
    ssh: Service | None = None,
    people: tuple[str, ...] = ("admin",),
    identity: Identity = WITH_MAC,
    second: LabelledSample | None = None,
) -> SharedIdentifiers:
    first, other = units[0].sample("first", people), second or units[1].sample("second", people)
    probe = CompareSamples(first, other, identity, tls, ssh)
    return probe.run(record or MemoryRecorder())


def test_samples_that_share_nothing_are_silent_on_every_row_and_each_was_read(
    units: tuple[Unit, Unit], opened: ExitStack
) -> None:
    for unit in units:
        certificate = trustme.CA().issue_cert("device.example")
        unit.ports["tcp/8443"] = opened.enter_context(tls.openssl_server("TLS1.2", "TLS1.3", certificate=certificate))
        key = paramiko.ECDSAKey.generate()
        unit.ports["tcp/22"] = opened.enter_context(ssh_server(Rules(), key=key))
    record = MemoryRecorder()
    seen = compared(units, record, TLS, SSH, ("admin", "viewer"))
    assert seen.silent == set(IDENTIFIERS)
    assert not seen.unread
    assert seen.conclusive
    assert all(seen.row(name).conclusive for name in IDENTIFIERS)
    assert seen.detail("serial") == "HV2-1 and HV2-2"
    assert "admin, viewer" in seen.detail("default_password")
    # the evidence of one sample does not replace the other's
    assert record.kept["first.chain.pem"] != record.kept["second.chain.pem"]
    notes = "\n".join(record.notes)
    assert not any(password in notes for password in (*PASSWORDS.values(), *DIFFERENT_PASSWORDS.values()))


def test_samples_that_share_everything_are_seen_on_every_row(units: tuple[Unit, Unit], opened: ExitStack) -> None:
    units[1].web.shown = units[0].web.shown
    units[1].web.passwords = dict(PASSWORDS)
    for unit in units:
        unit.ports["tcp/8443"] = opened.enter_context(tls.openssl_server("TLS1.2", "TLS1.3"))
        unit.ports["tcp/22"] = opened.enter_context(ssh_server(Rules(), key=host_key()))
    seen = compared(units, tls=TLS, ssh=SSH)
    assert seen.seen == set(IDENTIFIERS)
    assert all(seen.row(name).seen == {name} for name in IDENTIFIERS)
    assert seen.detail("serial") == "both have HV2-1"


def _own_key(path: Path, curve: str) -> list[trustme.LeafCert]:
    """Two certificates of one key on a curve that OpenSSL knows."""
    key = path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", key], check=True)
    pems = [
        subprocess.run(
            ["openssl", "req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}"], check=True, capture_output=True
        ).stdout
        for name in ("one", "two")
    ]
    return [trustme.LeafCert(key.read_bytes(), pem, []) for pem in pems]


def _in_clear(pem: bytes) -> Callable[[bytes], bytes]:
    """Answer a hello with a certificate that no session follows."""
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    entry = len(der).to_bytes(3) + der
    body = len(entry).to_bytes(3) + entry
    message = b"\x0b" + len(body).to_bytes(3) + body
    return lambda _hello: tls.choose("TLS1.2", 0x002F) + b"\x16\x03\x03" + len(message).to_bytes(2) + message


@pytest.mark.parametrize("curve", ["prime256v1", "secp160r1"], ids=["usual", "too weak for most libraries"])
def test_one_key_under_two_certificates_is_seen(
    units: tuple[Unit, Unit], opened: ExitStack, tmp_path: Path, curve: str
) -> None:
    for unit, certificate in zip(units, _own_key(tmp_path, curve), strict=True):
        chain = certificate.cert_chain_pems[0].bytes()
        unit.ports["tcp/8443"] = opened.enter_context(tls.scripted_server(_in_clear(chain)))
    seen = compared(units, tls=TLS)
    assert seen.row("tls_key").seen == {"tls_key"}
    assert seen.row("certificate").silent == {"certificate"}
    assert seen.row("certificate").conclusive


def test_an_identifier_that_one_sample_does_not_show_proves_nothing(units: tuple[Unit, Unit]) -> None:
    units[1].web.habits.add("no_serial")
    del units[1].web.shown["serial"]
    seen = compared(units)
    assert not seen.row("serial").conclusive
    assert "second did not show it" in seen.unread["serial"]
    assert seen.row("mac").conclusive
    assert not seen.conclusive


@pytest.mark.parametrize("value", ["", "  \t", None, ["HV2-1"], {"a": 1}])
def test_a_value_that_identifies_nothing_is_not_shared(units: tuple[Unit, Unit], value: object) -> None:
    for unit in units:
        unit.web.shown["serial"] = value
    seen = compared(units)
    assert seen.row("serial").silent == {"serial"}
    assert not seen.row("serial").conclusive


@pytest.mark.parametrize(("end", "answer"), [("x", Answer.SEEN), ("y", Answer.SILENT)])
def test_long_identifiers_are_compared_as_a_whole_and_quoted_in_part(
    units: tuple[Unit, Unit], end: str, answer: Answer
) -> None:
    units[0].web.shown["serial"] = "\x1b[2J\u202e" + "9" * 100_000 + "x"
    units[1].web.shown["serial"] = "\x1b[2J\u202e" + "9" * 100_000 + end
    row = compared(units).row("serial")
    assert [fact.answer for fact in row.facts] == [answer]
    assert row.conclusive
    assert row.detail("serial").isprintable()
    assert len(row.detail("serial")) < 1_000


@pytest.mark.parametrize("path", ["/drop", "/nonsense", "/short", "/headers", "/deep", "/endless", "/nowhere"])
def test_an_answer_that_is_none_shows_no_identifier(units: tuple[Unit, Unit], path: str) -> None:
    identity = WITH_MAC.model_copy(update={"path": path})
    seen = compared(units, identity=identity)
    assert {"serial", "mac"} <= seen.silent
    assert not seen.row("serial").conclusive
    assert not seen.row("mac").conclusive


def test_an_error_page_shows_no_identifier(units: tuple[Unit, Unit]) -> None:
    wrong = WITH_MAC.model_copy(update={"path": "/api/recordings", "serial_field": "error"})
    for unit in units:
        unit.web.habits.add("data_hidden")
        unit.web.requests.append("DELETE /api/recordings")
    seen = compared(units, identity=wrong)
    assert not seen.seen
    assert not seen.row("serial").conclusive


def test_what_is_not_declared_is_not_said_to_be_missing_on_the_device(units: tuple[Unit, Unit]) -> None:
    seen = compared(units)
    for name in ("tls_key", "certificate", "ssh_host_key"):
        assert not seen.row(name).conclusive
        assert "declaration" in seen.unread[name]


@pytest.mark.parametrize("handler", [tcp.closing, tcp.resetting, tcp.garbage])
def test_servers_that_show_no_key_leave_keys_unread(
    units: tuple[Unit, Unit], opened: ExitStack, handler: tcp.Handler
) -> None:
    for unit in units:
        for name in ("tcp/8443", "tcp/22"):
            unit.ports[name] = opened.enter_context(tcp.serve(handler))
    seen = compared(units, tls=TLS, ssh=SSH)
    for name in ("tls_key", "certificate", "ssh_host_key"):
        assert seen.row(name).silent == {name}
        assert not seen.row(name).conclusive
        assert seen.unread[name] == "first did not show it"


@pytest.mark.parametrize("gone", [0, 1])
def test_a_sample_that_is_not_there_leaves_everything_unread(units: tuple[Unit, Unit], gone: int) -> None:
    units[gone].web.port = free_port()
    seen = compared(units)
    assert seen.silent == set(IDENTIFIERS)
    assert not seen.row("serial").conclusive
    assert seen.unread["serial"] == ("first", "second")[gone] + " did not show it"
    assert seen.row("default_password").conclusive is (gone == 0)


def test_a_password_that_both_take_is_seen(units: tuple[Unit, Unit]) -> None:
    units[1].web.passwords["viewer"] = PASSWORDS["viewer"]
    seen = compared(units, people=("admin", "viewer"))
    assert seen.row("default_password").seen == {"default_password"}
    assert seen.detail("default_password").endswith("password of viewer")
    assert PASSWORDS["viewer"] not in seen.model_dump_json()


def test_a_sample_that_takes_any_password_shares_none(units: tuple[Unit, Unit]) -> None:
    units[1].web.habits.add("any_password")
    row = compared(units).row("default_password")
    assert row.silent == {"default_password"}
    assert not row.conclusive
    assert "any password" in row.detail("default_password")


def test_a_refusal_counts_only_where_the_samples_own_password_gets_in_before(units: tuple[Unit, Unit]) -> None:
    known, mistyped = units[1].sample("second"), Login("admin", "mistyped")
    other = replace(known, web=known.web.as_user(mistyped), logins={"admin": mistyped})
    row = compared(units, second=other).row("default_password")
    assert not row.conclusive
    assert "does not accept its own password of admin" in row.detail("default_password")
    assert units[1].web.refused == 2  # to read it, and as the control: nothing was tried behind it


def test_a_refusal_counts_only_where_the_samples_own_password_gets_in_afterwards(units: tuple[Unit, Unit]) -> None:
    units[1].web.habits.add("bans_after_refusal")
    row = compared(units).row("default_password")
    assert row.silent == {"default_password"}
    assert not row.conclusive
    assert "afterwards" in row.detail("default_password")


def test_an_attempt_without_an_answer_is_no_refusal(units: tuple[Unit, Unit]) -> None:
    units[1].web.habits.add("silent_refusal")
    row = compared(units).row("default_password")
    assert not row.conclusive
    assert "neither logged in nor refused" in row.detail("default_password")


def test_one_address_for_both_samples_is_the_benchs_fault_whatever_else_is_said_of_them(
    units: tuple[Unit, Unit],
) -> None:
    first = units[0].sample("first")
    network = first.web.target.bench.model_copy(update={"interface": "lab0", "packets_per_second": 9})
    again = replace(first, title="second", web=replace(first.web, target=Target(network)))
    with pytest.raises(BenchError, match="the same address"):
        compared(units, second=again)
    assert not units[0].web.requests


def test_one_port_in_common_is_the_benchs_fault_too(units: tuple[Unit, Unit]) -> None:
    for unit in units:
        unit.ports["tcp/22"] = 9
    with pytest.raises(BenchError, match="the same address"):
        compared(units, ssh=SSH)
    assert not units[0].web.requests + units[1].web.requests
