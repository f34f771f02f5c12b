"""Each assertion about malformed input, on made-up rounds of messages."""

from collections.abc import Callable
from functools import partial

import pytest

from drivers.network.malformed.sending.round import MalformedInput
from suites.interface_access_control import test_malformed as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, observed, seen

every_case = pytest.mark.parametrize(
    "case",
    [
        cases.test_no_malformed_message_stops_a_service,
        cases.test_no_malformed_packet_stops_the_device,
        cases.test_no_malformed_body_from_an_administrator_stops_the_device,
        cases.test_no_malformed_answer_stops_the_device,
        cases.test_no_line_typed_at_the_console_stops_the_device,
        cases.test_no_malformed_message_in_a_session_stops_a_service,
    ],
)


@every_case
def test_every_message_that_does_damage_is_reported(case: Callable[..., None]) -> None:
    damage = seen("b-2", "the device restarted; again when it was sent alone"), seen("a-1", "the service hangs")
    says = "a-1: the service hangs | b-2: the device restarted; again when it was sent alone"
    assert fails_on_presence(case, *damage, says=says, made=partial(observed, kind=MalformedInput, seed=1, sent=2))


@every_case
def test_malformed_input_must_be_allowed(case: Callable[..., None]) -> None:
    assert needs(case) == ("malformed",)
