"""Each assertion about access over HTTP, MQTT and RTSP, on made-up answers."""

from collections.abc import Callable

import pytest

from suites.interface_access_control import test_access as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, seen

BOTH = "a (one answer), b (another answer)"
CASES = {
    cases.test_web_resource_requires_a_login: "open without a login: a, b",
    cases.test_viewer_cannot_use_the_administrators_functions: "open to a viewer: a, b",
    cases.test_mqtt_broker_requires_a_login: f"accepts anonymous clients: {BOTH}",
    cases.test_nobody_becomes_administrator_without_proof: f"makes its first client the administrator: {BOTH}",
    cases.test_stream_requires_a_login: f"gives a stream to anonymous clients: {BOTH}",
}


@pytest.mark.parametrize(("case", "says"), CASES.items(), ids=[case.__name__ for case in CASES])
def test_everything_that_is_open_is_reported(case: Callable[..., None], says: str) -> None:
    assert fails_on_presence(case, seen("b", "another answer"), seen("a", "one answer"), says=says)


def test_a_long_answer_of_a_set_up_is_cut_after_120_characters() -> None:
    says = f"administrator: a ({'x' * 120}), b"
    case = cases.test_nobody_becomes_administrator_without_proof
    assert fails_on_presence(case, seen("a", "x" * 200), seen("b", "y"), says=says)


def test_cases_that_send_changes_must_be_allowed() -> None:
    assert [needs(case) for case in CASES] == [("configure",), ("configure",), (), (), ()]
