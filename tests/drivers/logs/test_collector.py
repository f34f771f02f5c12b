import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from drivers.logs.collector import CONNECTION_LIMIT, Collected, Collector
from drivers.logs.events import AwaitEvent, CollectorTrust, ExpectedRecord, LogTransport
from drivers.logs.records import SEARCHED, SearchRecords
from drivers.network.tls.records import ClientHello
from lab_config.bench import CollectorBench
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Witness

WAIT = 5.0
SOON = 0.2


@dataclass
class Lab:
    """The bench's collector, the CA that the sender trusts, and a certificate of another CA."""

    bench: CollectorBench
    ca: trustme.CA
    wrong: tuple[Path, Path]


def issue(ca: trustme.CA, folder: Path, name: str) -> tuple[Path, Path]:
    issued = ca.issue_cert("127.0.0.1")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    ca = trustme.CA()
    certificate, key = issue(ca, tmp_path, "good")
    bench = CollectorBench(
        address="127.0.0.1", tls_port=free_port(), clear_port=free_port(), certificate=certificate, key=key
    )
    return Lab(bench, ca, issue(trustme.CA(), tmp_path, "wrong"))


@pytest.fixture
def collector(lab: Lab) -> Iterator[Collector]:
    with Collector(lab.bench) as running:
        yield running


def send_tls(lab: Lab, *messages: bytes, verify: bool = True) -> str | None:
    """Send records over TLS as a device does; the reason where the handshake failed."""
    context = ssl.create_default_context()
    lab.ca.configure_trust(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as inside:
                for message in messages:
                    inside.sendall(b"%d %s" % (len(message), message))
        except ssl.SSLError as error:
            return error.reason
    return None


def send_tcp(lab: Lab, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", lab.bench.clear_port), WAIT) as plain:
        plain.sendall(data)


def send_udp(lab: Lab, data: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.sendto(data, ("127.0.0.1", lab.bench.clear_port))


def said(word: bytes) -> bytes:
    return b'<84>1 2026-11-21T22:14:15Z HV2-1 camera 77 LOGINFAIL [auth@32473 user="%s"] login failure' % word


def arrived(collector: Collector, word: str, since: int = 0) -> Collected:
    found = collector.wait_for(lambda one: word in one.record.text, WAIT, since)
    assert found is not None, f"no record with {word}: {collector.contacts()}"
    return found


def comes_to(collector: Collector, outcome: str) -> None:
    """Wait until the collector has noted a connection that ended so."""
    assert collector.wait_for_any(lambda: any(one.outcome == outcome for one in collector.contacts()), WAIT)


def test_records_of_every_channel_arrive(lab: Lab, collector: Collector) -> None:
    send_tls(lab, said(b"one"), said(b"two"))
    send_tcp(lab, said(b"three") + b"\n")
    send_udp(lab, said(b"four"))
    channels = {word: arrived(collector, word).channel for word in ("one", "two", "three", "four")}
    assert channels == {"one": "tls", "two": "tls", "three": "tcp", "four": "udp"}
    seen = LogTransport(collector).run(MemoryRecorder())
    assert seen.seen == {"tls", "tcp", "udp"}


def test_a_mark_hides_what_came_before(lab: Lab, collector: Collector) -> None:
    send_udp(lab, said(b"one"))
    arrived(collector, "one")
    assert collector.wait_for(lambda one: "one" in one.record.text, SOON, collector.mark()) is None


def test_garbage_and_open_ends_are_records_with_errors(lab: Lab, collector: Collector) -> None:
    send_tcp(lab, b"\x16\x03\x01\x00\xff\x00 not a record")
    assert arrived(collector, "not a record").record.error
    send_udp(lab, said(b"after"))
    arrived(collector, "after")


def test_a_connection_that_says_nothing_keeps_nobody_waiting(lab: Lab, collector: Collector) -> None:
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT):
        send_tls(lab, said(b"one"))
        arrived(collector, "one")


def test_more_connections_than_the_limit_do_not_stop_datagrams(lab: Lab, collector: Collector) -> None:
    many = [socket.create_connection(("127.0.0.1", lab.bench.clear_port), WAIT) for _ in range(CONNECTION_LIMIT + 3)]
    send_udp(lab, said(b"one"))
    arrived(collector, "one")
    for one in many:
        one.close()


def test_records_of_strangers_are_counted_and_dropped(lab: Lab) -> None:
    with Collector(lab.bench, device="192.0.2.10") as collector:
        assert not collector.instead
        send_udp(lab, said(b"one"))
        collector.present(lab.bench.certificate, lab.bench.key)  # done after what had arrived before
        assert collector.strangers == 1
        assert "1 connections or datagrams came from 127.0.0.1" in collector.instead
        assert "add `sends_from: ADDRESS` to `network`" in collector.instead
        assert not collector.records()


def test_a_device_that_refuses_the_collectors_own_certificate_is_why_no_record_arrives(
    lab: Lab, collector: Collector
) -> None:
    strict = ssl.create_default_context()
    trustme.CA().configure_trust(strict)

    def refuse() -> None:
        with contextlib.suppress(ssl.SSLError), socket.create_connection(("127.0.0.1", lab.bench.tls_port)) as plain:
            strict.wrap_socket(plain, server_hostname="127.0.0.1")
        comes_to(collector, "refused")

    probe = await_event(collector, "tp-1", SOON, cause=refuse, control=lambda: None)
    seen = probe.run(MemoryRecorder())
    assert not seen.conclusive
    assert "refused the collector's own certificate (TLSV1_ALERT_UNKNOWN_CA)" in str(seen.witness)
    assert "trustprobe bench check trust" in collector.instead


def test_a_refusal_of_the_wrong_certificate_is_none_of_the_collectors_own(lab: Lab, collector: Collector) -> None:
    CollectorTrust(collector, *lab.wrong, lambda: void(send_tls(lab, said(b"tp-1"))), WAIT).run(MemoryRecorder())
    assert not collector.instead


def test_beyond_the_limit_the_oldest_record_is_dropped_and_counted(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.logs.collector.RECORD_LIMIT", 3)
    with Collector(lab.bench) as collector:
        send_tls(lab, *(said(b"r%d" % number) for number in range(5)))
        arrived(collector, "r4")
        assert [one.number for one in collector.records()] == [2, 3, 4]
        assert collector.dropped == 2


def test_a_port_that_is_taken_is_the_benchs_fault(lab: Lab, collector: Collector) -> None:
    with pytest.raises(BenchError, match="cannot listen") as caught:
        Collector(lab.bench).__enter__()
    assert "ss -lntup" in caught.value.next_step


def test_an_address_of_another_machine_is_the_benchs_fault(lab: Lab) -> None:
    with pytest.raises(BenchError, match="cannot listen"):
        Collector(lab.bench.model_copy(update={"address": "192.0.2.77"})).__enter__()


def test_a_key_that_does_not_fit_is_the_benchs_fault(lab: Lab) -> None:
    with pytest.raises(BenchError, match="cannot use the certificate"):
        Collector(lab.bench.model_copy(update={"key": lab.wrong[1]}))


def test_the_ports_are_free_again_afterwards(lab: Lab) -> None:
    for word in (b"one", b"two"):
        with Collector(lab.bench) as collector:
            send_tls(lab, said(word))
            arrived(collector, word.decode())


def test_a_client_that_does_not_trust_the_certificate_is_named_with_its_alert(lab: Lab, collector: Collector) -> None:
    collector.present(*lab.wrong)
    assert send_tls(lab, said(b"one")) == "CERTIFICATE_VERIFY_FAILED"
    assert collector.wait_for_any(lambda: any(one.outcome == "refused" for one in collector.contacts()), WAIT)
    alert = next(one for one in collector.contacts() if one.outcome == "refused")
    assert "UNKNOWN_CA" in alert.detail


def await_event(collector: Collector, subject: str, seconds: float = WAIT, **more: object) -> AwaitEvent:
    expected = ExpectedRecord("login_failure", 'LOGINFAIL .*user="{subject}"', subject, seconds)
    return AwaitEvent(collector, expected, **more)  # type: ignore[arg-type]


def test_an_event_is_seen_with_its_record(lab: Lab, collector: Collector) -> None:
    probe = await_event(collector, "tp-1", cause=lambda: void(send_tls(lab, said(b"tp-1"))))
    seen = probe.run(MemoryRecorder())
    assert probe.name == "log_event.login_failure"
    assert seen.seen == {"login_failure"}
    assert seen.channel == "tls"
    assert seen.delay is not None
    assert seen.timestamp is not None
    assert 'user="tp-1"' in seen.raw


def void(_: object) -> None:
    """Take a result that nobody needs."""


def test_an_event_of_another_subject_is_silence_that_its_record_proves(lab: Lab, collector: Collector) -> None:
    seen = await_event(collector, "tp.1", SOON, cause=lambda: send_udp(lab, said(b"tpx1"))).run(MemoryRecorder())
    assert seen.silent == {"login_failure"}
    arrived(collector, "tpx1")
    again = await_event(collector, "tp.1", SOON, cause=lambda: None).run(MemoryRecorder())
    assert again.conclusive


def test_silence_of_a_device_that_never_logged_proves_nothing(collector: Collector) -> None:
    seen = await_event(collector, "tp-1", SOON, cause=lambda: None).run(MemoryRecorder())
    assert seen.silent == {"login_failure"}
    assert not seen.conclusive


def test_after_silence_the_control_must_arrive(lab: Lab, collector: Collector) -> None:
    send_udp(lab, said(b"long ago"))
    arrived(collector, "long ago")
    dead = await_event(collector, "tp-1", SOON, cause=lambda: None, control=lambda: None)
    assert not dead.run(MemoryRecorder()).conclusive

    def control() -> None:
        send_udp(lab, said(b"other"))
        arrived(collector, "other")

    alive = await_event(collector, "tp-1", SOON, cause=lambda: None, control=control)
    assert alive.run(MemoryRecorder()).conclusive


def test_a_secret_in_a_record_is_noticed_and_not_kept(lab: Lab, collector: Collector) -> None:
    def cause() -> None:
        send_udp(lab, said(b"tp-1") + b" password=hunter2")

    probe = await_event(collector, "tp-1", cause=cause, secrets=("hunter2",))
    seen = probe.run(MemoryRecorder())
    assert seen.shows_secret
    assert "hunter2" not in seen.model_dump_json()
    assert "hunter2" not in repr(probe)


def test_a_record_full_of_control_characters_is_still_a_fact(lab: Lab, collector: Collector) -> None:
    seen = await_event(collector, "tp-1", cause=lambda: send_udp(lab, said(b"tp-1") + b"\x1b" * 3000))
    assert "\x1b" not in seen.run(MemoryRecorder()).raw


def test_a_device_that_checks_the_collector_refuses_by_an_alert(lab: Lab, collector: Collector) -> None:
    cause = lambda: void(send_tls(lab, said(b"tp-1")))  # noqa: E731
    seen = CollectorTrust(collector, *lab.wrong, cause, WAIT).run(MemoryRecorder())
    assert seen.refused == {"untrusted collector"}
    assert seen.conclusive


def test_a_device_that_trusts_any_collector_is_seen(lab: Lab, collector: Collector) -> None:
    cause = lambda: void(send_tls(lab, said(b"tp-1"), verify=False))  # noqa: E731
    seen = CollectorTrust(collector, *lab.wrong, cause, WAIT).run(MemoryRecorder())
    assert seen.seen == {"untrusted collector"}


def test_a_device_that_stays_away_proves_nothing(lab: Lab, collector: Collector) -> None:
    seen = CollectorTrust(collector, *lab.wrong, lambda: None, SOON).run(MemoryRecorder())
    assert seen.facts[0].answer is Answer.SILENT
    assert not seen.conclusive


def test_a_device_that_comes_back_only_for_the_good_certificate_has_not_judged_the_other(
    lab: Lab, collector: Collector
) -> None:
    caused: list[str] = []

    def cause() -> None:
        caused.append("a record")
        if len(caused) == 2:
            send_tls(lab, said(b"tp-1"))
            arrived(collector, "tp-1")

    seen = CollectorTrust(collector, *lab.wrong, cause, SOON).run(MemoryRecorder())
    assert seen.detail("untrusted collector") == "the device did not connect"
    assert seen.witness and seen.witness.holds
    assert not seen.conclusive


HELLO = ClientHello("TLS1.2", (0xC02B, 0xC02F)).encode()
WITHOUT_A_HELLO = {
    "closes": (b"", False),
    "resets": (b"", True),
    "half a hello": (HELLO[:-1], False),
    "half a hello, and resets": (HELLO[:-1], True),
    "no TLS": (b"GET / HTTP/1.0\r\n\r\n", False),
    "an alert": (b"\x15\x03\x01\x00\x02\x02\x28", False),
}


def visit(lab: Lab, sent: bytes, resets: bool) -> None:
    """Say something to the collector's TLS port, and end the connection; a reset ends it by an RST."""
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT) as plain:
        plain.sendall(sent)
        if sent == HELLO:
            plain.recv(1)
        if resets:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("how", WITHOUT_A_HELLO)
def test_a_port_check_is_no_refusal_of_the_wrong_certificate(lab: Lab, collector: Collector, how: str) -> None:
    caused: list[str] = []

    def cause() -> None:
        caused.append(how)
        if len(caused) == 1:
            visit(lab, *WITHOUT_A_HELLO[how])
        else:
            send_tls(lab, said(b"tp-1"))
            arrived(collector, "tp-1")

    seen = CollectorTrust(collector, *lab.wrong, cause, SOON).run(MemoryRecorder())
    assert seen.silent == {"untrusted collector"}
    assert seen.witness and seen.witness.holds
    assert not seen.conclusive
    assert "broken" not in {one.outcome for one in collector.contacts()}


@pytest.mark.parametrize("refuses_too", [False, True], ids=["only accepts", "refuses once as well"])
def test_a_device_that_accepts_the_wrong_certificate_and_sends_nothing_has_not_passed(
    lab: Lab, collector: Collector, refuses_too: bool
) -> None:
    caused: list[str] = []

    def cause() -> None:
        caused.append("a record")
        if len(caused) == 2:
            send_tls(lab, said(b"tp-1"))
            arrived(collector, "tp-1")
            return
        send_tls(lab, verify=False)
        assert collector.wait_for_any(lambda: "agreed" in {one.outcome for one in collector.contacts()}, WAIT)
        if refuses_too:
            send_tls(lab, said(b"tp-1"))

    seen = CollectorTrust(collector, *lab.wrong, cause, SOON).run(MemoryRecorder())
    assert seen.silent == {"untrusted collector"}
    assert seen.detail("untrusted collector") == "the device completed the handshake, but no record arrived"
    assert seen.witness and seen.witness.holds
    assert not seen.conclusive


@pytest.mark.parametrize("resets", [False, True])
def test_a_device_that_ends_the_connection_when_it_is_shown_the_certificate_refuses(
    lab: Lab, collector: Collector, resets: bool
) -> None:
    def cause() -> None:
        visit(lab, HELLO, resets)
        comes_to(collector, "broken")

    seen = CollectorTrust(collector, *lab.wrong, cause, SOON).run(MemoryRecorder())
    assert seen.refused == {"untrusted collector"}
    assert not seen.conclusive


def test_a_device_that_is_silent_after_its_hello_has_not_refused(
    lab: Lab, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.logs.collector.HANDSHAKE_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT) as plain:
        plain.sendall(HELLO)
        assert collector.wait_for_any(lambda: any(one.outcome == "failed" for one in collector.contacts()), WAIT)
    assert "no handshake within" in collector.contacts()[-1].detail


def test_a_hello_without_a_common_suite_is_no_refusal(lab: Lab, collector: Collector) -> None:
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT) as plain:
        plain.sendall(ClientHello("TLS1.2", (0x00FF,)).encode())
        assert collector.wait_for_any(lambda: any(one.outcome == "failed" for one in collector.contacts()), WAIT)


def test_a_connection_before_the_switch_does_not_count_for_the_wrong_certificate(
    lab: Lab, collector: Collector
) -> None:
    context = ssl.create_default_context()
    lab.ca.configure_trust(context)
    with socket.create_connection(("127.0.0.1", lab.bench.tls_port), WAIT) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as old:
            old.sendall(b"3 abc")
            arrived(collector, "abc")
            mark, _ = collector.present(*lab.wrong)
            with pytest.raises(OSError):
                while True:
                    old.sendall(b"3 def")
    assert not collector.records(mark)


def test_transport_without_any_record_proves_nothing(collector: Collector) -> None:
    assert not LogTransport(collector).run(MemoryRecorder()).conclusive


def test_channels_are_not_proven_unused_by_records_that_are_no_longer_kept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.logs.collector.RECORD_LIMIT", 2)
    with Collector(lab.bench) as collector:
        send_udp(lab, said(b"in clear"))
        arrived(collector, "in clear")
        send_tls(lab, said(b"one"))
        arrived(collector, "one")
        before = LogTransport(collector).run(MemoryRecorder())
        assert before.seen == {"udp", "tls"}
        assert before.conclusive
        send_tls(lab, said(b"two"))
        arrived(collector, "two")
        seen = LogTransport(collector).run(MemoryRecorder())
    assert seen.seen == {"tls"}
    assert not seen.conclusive
    assert seen.unproven == "1 records are no longer kept"


def test_a_secret_is_not_proven_absent_by_records_that_are_no_longer_kept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.logs.collector.RECORD_LIMIT", 2)
    came = Witness(what="the record of the login arrived", holds=True, asked=SEARCHED)
    with Collector(lab.bench) as collector:
        probe = SearchRecords(collector, (("the administrator", "hunter2"),), (came,))
        send_udp(lab, said(b"tp password=hunter2"))
        arrived(collector, "hunter2")
        assert probe.run(MemoryRecorder()).seen == {"the administrator"}
        for word in (b"one", b"two"):
            send_udp(lab, said(word))
            arrived(collector, word.decode())
        seen = probe.run(MemoryRecorder())
    assert seen.silent == {"the administrator"}
    assert not seen.conclusive
    assert seen.unproven == "1 records are no longer kept"


def test_a_secret_that_no_kept_record_holds_is_absent(lab: Lab, collector: Collector) -> None:
    send_udp(lab, said(b"one"))
    arrived(collector, "one")
    came = Witness(what="the record of the login arrived", holds=True, asked=SEARCHED)
    seen = SearchRecords(collector, (("the administrator", "hunter2"),), (came,)).run(MemoryRecorder())
    assert seen.silent == {"the administrator"}
    assert seen.conclusive
