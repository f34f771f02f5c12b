"""Every error says in one line whose fault it is, what happened and what to do."""

import pytest

from trustprobe.errors import (
    BenchError,
    ConfigurationError,
    DeviceLostError,
    Fault,
    HarnessError,
    NotForwardedError,
    TrustprobeError,
)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (TrustprobeError, Fault.HARNESS),
        (HarnessError, Fault.HARNESS),
        (BenchError, Fault.BENCH),
        (NotForwardedError, Fault.BENCH),
        (ConfigurationError, Fault.CONFIGURATION),
        (DeviceLostError, Fault.DEVICE),
    ],
)
def test_every_error_says_whose_fault_it_is(kind: type[TrustprobeError], fault: Fault) -> None:
    assert kind.fault is fault


def test_an_error_is_one_line() -> None:
    error = BenchError("the cable is out.", "Plug it in.")
    assert str(error) == "bench: the cable is out. Plug it in."
    assert (error.what, error.next_step, error.args) == ("the cable is out.", "Plug it in.", ("the cable is out.",))


def test_an_error_without_a_next_step_ends_with_what_happened() -> None:
    assert str(BenchError("the cable is out.")) == "bench: the cable is out."


def test_a_port_that_is_not_forwarded_is_one_sentence_with_the_line_to_add() -> None:
    error = NotForwardedError("udp", 161)
    assert (error.what[-1], error.next_step[0].isupper()) == (".", True)
    assert str(error) == f"bench: {error.what} {error.next_step}"
    assert "udp/161" in error.what
    assert "`udp/161: PORT`" in error.next_step
    assert error.words == f"{error.what[:-1]}: {error.next_step[0].lower()}{error.next_step[1:-1]}"
