"""The declaration against the observation, as tables for the reader."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.network.sweep.ports import TcpPorts
from drivers.network.sweep.udp import UdpPorts
from lab_config.component import Component, Service
from lab_config.load import load
from lab_config.product import Product
from reports.results import PartRow
from tests.trustprobe.judging import made_up_run
from trustprobe.judging.declared import part_rows, port_rows
from trustprobe.probe import Answer, Fact, Observation

ROOT = Path(__file__).parents[3]


def component() -> Component:
    return load(ROOT / "lab_config/products/reference_camera.yaml", Product).component


def tcp(probe: str, *numbers: int, facts: tuple[Fact, ...] = ()) -> TcpPorts:
    found = tuple(Fact(about=f"tcp/{number}", answer=Answer.SEEN, detail="SYN-ACK") for number in numbers)
    counts = {"closed": 0, "filtered": 0, "sent": 0, "lost": 0}
    return TcpPorts(question="?", facts=found + facts, open=frozenset(numbers), method="syn", probe=probe, **counts)


def shown(*observations: Observation) -> dict[str, str]:
    return {f"{row.sweep} {row.port}": str(row.word) for row in port_rows(component(), observations)}


def test_each_declared_port_and_each_open_one_has_a_row() -> None:
    refused = Fact(about="tcp/22", answer=Answer.REFUSED, detail="RST")
    rows = shown(tcp("tcp_sweep", 23, 443, facts=(refused,)))
    assert rows == {
        "tcp_sweep 22": "declared, but closed",
        "tcp_sweep 23": "not declared",
        "tcp_sweep 322": "declared, no answer",
        "tcp_sweep 443": "as declared",
    }


def test_a_declared_port_that_said_nothing_is_not_called_closed() -> None:
    assert shown(tcp("tcp_sweep", 443))["tcp_sweep 22"] == "declared, no answer"


def test_a_sweep_over_ipv6_hides_nothing_of_the_other_and_lists_what_answered() -> None:
    rows = shown(tcp("tcp_sweep", 22, 23, 443), tcp("tcp6_sweep", 443, 8899))
    assert rows["tcp_sweep 23"] == "not declared"
    assert {name: word for name, word in rows.items() if "6_sweep" in name} == {
        "tcp6_sweep 443": "as declared",
        "tcp6_sweep 8899": "not declared",
    }


def test_ports_of_a_transport_that_was_not_swept_have_no_row() -> None:
    assert shown() == {}
    none: frozenset[int] = frozenset()
    udp = UdpPorts(question="?", facts=(), open=frozenset({3702}), closed=none, unanswered=none, probe="udp_sweep")
    assert all(name.startswith("udp_sweep") for name in shown(udp))


def test_an_open_port_is_shown_with_what_speaks_there() -> None:
    spoken = Fact(about="tcp/8023", answer=Answer.SEEN, detail="telnet: login: ")
    services = Observation(question="?", facts=(spoken,), probe="tcp_services")
    rows = {row.port: row.observed for row in port_rows(component(), [tcp("tcp_sweep", 443, 8023), services])}
    assert (rows[8023], rows[443]) == ("open: telnet: login: ", "open: SYN-ACK")


def test_each_part_says_whether_it_is_declared_and_how_much_was_observed() -> None:
    seen = Fact(about="shell", answer=Answer.REFUSED)
    console = Observation(question="?", facts=(seen,), probe="console_login", interface="serial")
    rows = {row.part: (row.declared, row.observed) for row in part_rows(component(), [console, console])}
    assert rows["console"] == ("present", "1 question: 1 refused")
    assert rows["jtag"] == ("present", "no observation")
    assert rows["identity"] == ("present", "see the cases")


SERVICES = [
    {"id": "web", "transport": "tcp", "port": 443, "protocol": "http", "tls": True, "purpose": "administration"},
    {"id": "ssh", "transport": "tcp", "port": 22, "protocol": "ssh", "purpose": "maintenance"},
    {"id": "time", "transport": "udp", "port": 161, "protocol": "snmp", "purpose": "monitoring"},
]


def with_services() -> Component:
    services = tuple(Service.model_validate(one) for one in SERVICES)
    return made_up_run.component().model_copy(update={"services": services})


def udp(*numbers: int) -> UdpPorts:
    none: frozenset[int] = frozenset()
    facts = tuple(Fact(about=f"udp/{number}", answer=Answer.SEEN) for number in numbers)
    return UdpPorts(question="?", facts=facts, open=frozenset(numbers), closed=none, unanswered=none, probe="udp_sweep")


def test_a_port_is_compared_with_the_services_of_its_own_transport() -> None:
    rows = port_rows(with_services(), [udp(161, 443), tcp("tcp_sweep", 161, 443)])
    shown = [(row.sweep, row.transport, row.port, row.word, row.observed) for row in rows]
    assert shown == [
        ("tcp_sweep", "tcp", 22, "declared, no answer", "silent"),
        ("tcp_sweep", "tcp", 161, "not declared", "open: SYN-ACK"),
        ("tcp_sweep", "tcp", 443, "as declared", "open: SYN-ACK"),
        ("udp_sweep", "udp", 161, "as declared", "open"),
        ("udp_sweep", "udp", 443, "not declared", "open"),
    ]


def test_a_declared_port_has_a_row_after_a_sweep_of_its_transport_that_did_not_find_it() -> None:
    rows = port_rows(with_services(), [udp(), tcp("tcp_sweep")])
    assert [(row.transport, row.port) for row in rows] == [("tcp", 22), ("tcp", 443), ("udp", 161)]
    assert {row.word for row in rows} == {"declared, no answer"}


def test_a_declared_service_is_shown_with_its_protocol_and_purpose() -> None:
    rows = {row.port: row.declared for row in port_rows(with_services(), [tcp("tcp_sweep", 80)])}
    assert rows == {22: "ssh: maintenance", 80: "", 443: "http in TLS: administration"}


def test_the_latest_of_two_sweeps_counts() -> None:
    def at(hour: int, *numbers: int) -> TcpPorts:
        return tcp("tcp_sweep", *numbers).model_copy(update={"started": datetime(2026, 1, 1, hour, tzinfo=UTC)})

    rows = port_rows(with_services(), [at(2, 23), at(1, 24)])
    assert [row.port for row in rows] == [22, 23, 443]


def test_only_the_probe_that_asks_after_a_sweep_says_what_speaks() -> None:
    def said(probe: str, about: str, words: str) -> Observation:
        return Observation(question="?", facts=(Fact(about=about, answer=Answer.SEEN, detail=words),), probe=probe)

    told = [
        said("tcp_services", "tcp/443", "https"),
        said("tcp6_services", "tcp/443", "https over IPv6"),
        said("udp_services", "udp/161", "snmp"),
        said("", "tcp/22", "of no probe"),
    ]
    rows = port_rows(with_services(), [tcp("tcp_sweep", 443), tcp("tcp6_sweep", 443), udp(161), *told])
    shown = {(row.sweep, row.port): row.observed for row in rows}
    assert shown["tcp_sweep", 443] == "open: https"
    assert shown["tcp6_sweep", 443] == "open: https over IPv6"
    assert shown["udp_sweep", 161] == "open"
    assert shown["tcp_sweep", 22] == "silent"


def parts(component: Component, *observations: Observation) -> dict[str, PartRow]:
    given: Sequence[Observation] = observations
    return {row.part: row for row in part_rows(component, given)}


def test_services_are_counted_and_what_is_absent_says_why() -> None:
    rows = parts(with_services())
    assert rows["services"].declared == "present: 3"
    assert rows["console"].declared == "absent: this product is a made-up one"
    assert parts(made_up_run.component())["services"].declared == "absent: this product is a made-up one"
    assert "id" not in rows
    assert list(rows)[-1] != "services"  # fields that are no part end nothing


@pytest.mark.parametrize(
    ("part", "interface"),
    [
        ("console", "serial"),
        ("jtag", "debug"),
        ("gdb", "debug"),
        ("update", "update"),
        ("logging", "logs"),
    ],
)
def test_a_part_with_an_interface_of_its_own_counts_what_was_observed_there(part: str, interface: str) -> None:
    answers = (Answer.SEEN, Answer.SEEN, Answer.REFUSED, Answer.SILENT)
    facts = tuple(Fact(about=str(number), answer=answer) for number, answer in enumerate(answers))
    one = Observation(question="?", facts=facts, probe="one", interface=interface)
    two = made_up_run.saw(Answer.SEEN, probe="two", interface=interface)
    other = made_up_run.saw(Answer.SEEN, probe="three", interface="network")
    component = made_up_run.component(**{part: {"absent": "this product is a made-up one"}})
    assert parts(component, one, one, other)[part].observed == "1 question: 2 seen, 1 refused, 1 silent"
    assert parts(component, one, two, other)[part].observed == "2 questions: 3 seen, 1 refused, 1 silent"
    assert parts(component, two)[part].observed == "1 question: 1 seen"
    assert "observ" in parts(component, other)[part].observed  # that there was none
    assert parts(component, one)["identity"].observed == "see the cases"
