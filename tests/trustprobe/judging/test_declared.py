"""The declaration against the observation, as tables for the reader."""

from pathlib import Path

from drivers.network.sweep.ports import TcpPorts
from drivers.network.sweep.udp import UdpPorts
from lab_config.component import Component
from lab_config.load import load
from lab_config.product import Product
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
