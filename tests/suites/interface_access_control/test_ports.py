"""Each assertion about ports, on made-up sweeps."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from drivers.network.sweep.boot_window import BootWindowSeen
from drivers.network.sweep.ports import TcpPorts
from drivers.network.sweep.udp import UdpPorts
from lab_config.base import Absent
from suites.interface_access_control import test_ports as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import (
    BROKEN,
    HOLDS,
    component,
    fails,
    needs,
    observed,
    passes,
    refused,
    seen,
    silent,
    stays_open,
)
from trustprobe.probe import Fact, Observation, Witness

DECLARED = component(
    services=[
        {"id": "web", "port": 443, "transport": "tcp", "protocol": "http", "tls": True, "purpose": "administration"},
        {"id": "names", "port": 53, "transport": "udp", "protocol": "dns", "purpose": "names"},
    ],
    ipv6="same_services",
)
IPV4_ONLY = DECLARED.model_copy(update={"ipv6": Absent(absent="the product has no IPv6")})
TCP: dict[Callable[..., None], str] = {
    cases.test_every_open_tcp_port_is_declared: "open but not declared: TCP",
    cases.test_every_open_tcp_port_of_the_ipv6_address_is_declared: "open over IPv6 but not declared: TCP",
}
UDP: dict[Callable[..., None], str] = {
    cases.test_every_answering_udp_port_is_declared: "answering but not declared: UDP",
    cases.test_every_answering_udp_port_of_the_ipv6_address_is_declared: "answering over IPv6 but not declared: UDP",
}


def each(listed: dict[Callable[..., None], str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("case", "words"), listed.items(), ids=[case.__name__ for case in listed])


def tcp(*ports: int, witness: Witness = HOLDS) -> TcpPorts:
    facts = [*(seen(f"tcp/{port}") for port in ports), silent("the other ports")]
    fields: dict[str, Any] = {"open": frozenset(ports), "closed": 9, "filtered": 9, "sent": 99, "lost": 0}
    return observed(*facts, kind=TcpPorts, witness=witness, method="syn", **fields)


def udp(*facts: Fact, witness: Witness = HOLDS) -> UdpPorts:
    ports = frozenset(int(fact.about.removeprefix("udp/")) for fact in facts)
    others = silent("no port at all"), silent("udp/161")
    fields: dict[str, Any] = {"open": ports, "closed": frozenset(), "unanswered": frozenset({161})}
    return observed(*facts, *others, kind=UdpPorts, witness=witness, **fields)


def speakers(*facts: Fact) -> Observation:
    return observed(*facts, seen("the canary"), witness=HOLDS)


@each(TCP)
def test_declared_tcp_ports_pass_if_the_canary_answered(case: Callable[..., None], words: str) -> None:
    assert passes(case, DECLARED, tcp(443), speakers())
    assert stays_open(case, DECLARED, tcp(443, witness=BROKEN), speakers(), says=BROKEN.what)


@each(TCP)
def test_every_undeclared_tcp_port_is_reported_with_its_service(case: Callable[..., None], words: str) -> None:
    found = speakers(seen("tcp/9000", "telnet"), silent("tcp/53"))
    says = f"{words} 53 (not probed), 2222 (not probed), 9000 (telnet)"
    assert fails(case, DECLARED, tcp(9000, 443, 2222, 53, witness=BROKEN), found, says=says)


@each(UDP)
def test_declared_udp_ports_pass_if_the_declared_service_answered(case: Callable[..., None], words: str) -> None:
    assert passes(case, DECLARED, udp(seen("udp/53")))
    assert stays_open(case, DECLARED, udp(seen("udp/53"), witness=BROKEN), says=BROKEN.what)


@each(UDP)
def test_every_undeclared_udp_port_is_reported_with_its_answer(case: Callable[..., None], words: str) -> None:
    found = udp(seen("udp/1900", "SSDP"), seen("udp/53", "DNS"), seen("udp/443", "QUIC"), witness=BROKEN)
    assert fails(case, DECLARED, found, says=f"{words} 443 (QUIC), 1900 (SSDP)")


def test_a_product_that_is_declared_to_have_no_ipv6_serves_nothing_there() -> None:
    of_tcp, of_udp = (list(table)[1] for table in (TCP, UDP))
    assert fails(of_tcp, IPV4_ONLY, tcp(443), speakers(), says="open over IPv6 but not declared: TCP 443")
    answers = udp(seen("udp/53", "DNS"))
    assert fails(of_udp, IPV4_ONLY, answers, says="answering over IPv6 but not declared: UDP 53 (DNS)")


# while the device boots


def boot(*facts: Fact, opened: set[int], lasting: Iterable[int] = (), witness: Witness = HOLDS) -> BootWindowSeen:
    fields: dict[str, Any] = {"opened": frozenset(opened), "lasting": frozenset(lasting), "rounds": 90}
    return observed(*facts, silent("the other ports"), kind=BootWindowSeen, witness=witness, **fields)


BOOT = cases.test_nothing_undeclared_opens_while_the_device_boots


def test_declared_and_lasting_ports_may_open_while_the_device_boots() -> None:
    found = boot(seen("tcp/443"), seen("tcp/8080"), opened={443, 8080}, lasting={8080})
    assert passes(BOOT, DECLARED, found)
    assert stays_open(BOOT, DECLARED, found.model_copy(update={"witness": BROKEN}), says=BROKEN.what)


def test_every_port_that_opens_only_while_the_device_boots_is_reported() -> None:
    facts = seen("tcp/2323", "open from 1.2 s"), seen("tcp/53", "open from 2 s"), seen("tcp/23", "open from 1 s")
    found = boot(*facts, opened={2323, 443, 53, 23, 80}, lasting={80})
    says = "open only while the device boots: TCP 23 open from 1 s; TCP 53 open from 2 s; TCP 2323 open from 1.2 s"
    assert fails(BOOT, DECLARED, found, says=says)


def test_switching_the_power_must_be_allowed() -> None:
    assert needs(BOOT) == ("power",)
    assert {needs(case) for case in [*TCP, *UDP]} == {()}


# declared ports, and forbidden services

SPEAKS = cases.test_declared_port_speaks_its_declared_protocol


def test_a_port_that_speaks_its_protocol_passes() -> None:
    assert passes(SPEAKS, observed(seen("tcp/443", "http")))


def test_every_declared_port_that_does_not_speak_its_protocol_is_reported() -> None:
    ports = observed(silent("tcp/80", "mute"), seen("tcp/443"), refused("tcp/22", "closed"), witness=HOLDS)
    assert fails(SPEAKS, ports, says="tcp/22: closed; tcp/80: mute")


def test_a_closed_declared_port_needs_no_witness_and_a_silent_one_does() -> None:
    assert fails(SPEAKS, observed(refused("tcp/22", "closed")), says="tcp/22: closed")
    assert stays_open(SPEAKS, observed(silent("tcp/22", "mute"), witness=BROKEN), says=(BROKEN.what, "tcp/22: mute"))


def test_every_service_in_clear_text_is_reported() -> None:
    assert fails_on_presence(
        cases.test_no_service_carries_passwords_in_clear_text,
        seen("tcp/23", "telnet: login:"),
        seen("tcp/21", "ftp: 220"),
        says="speaks in clear text: tcp/21 (ftp: 220), tcp/23 (telnet: login:)",
    )
