"""The assertion about traffic that the device initiates, on made-up captures."""

from drivers.network.traffic.egress import EgressSeen
from suites.interface_access_control import test_egress as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

CASE = cases.test_device_sends_only_to_declared_destinations


def capture(*facts: Fact, undeclared: tuple[str, ...] = (), witness: Witness = HOLDS) -> EgressSeen:
    return observed(*facts, kind=EgressSeen, witness=witness, undeclared=undeclared, sent=())


def test_declared_traffic_passes() -> None:
    assert passes(CASE, capture(seen("tcp/192.0.2.1:443")))


def test_a_capture_without_a_witness_stays_open() -> None:
    assert stays_open(CASE, capture(silent("any"), witness=BROKEN), says=BROKEN.what)


def test_every_undeclared_destination_is_reported() -> None:
    there = ("tcp/192.0.2.9:80", "dns/tracker.example")
    found = capture(*map(seen, there), undeclared=there, witness=BROKEN)
    assert fails(CASE, found, says="sends to tcp/192.0.2.9:80, dns/tracker.example")
