"""Each assertion about access over the other interfaces, on made-up answers."""

from collections.abc import Callable

import pytest

from suites.interface_access_control import test_interfaces as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import needs, seen

CASES = {
    cases.test_websocket_requires_authorisation: "sends messages without authorisation",
    cases.test_modbus_server_requires_authorisation: "serves anonymous clients",
    cases.test_coap_resource_requires_authorisation: "open without authorisation",
    cases.test_upnp_action_requires_authorisation: "done for anonymous clients",
    cases.test_publishing_over_mqtt_requires_authorisation: "published without authorisation",
    cases.test_receiving_over_mqtt_requires_authorisation: "delivered without authorisation",
    cases.test_snmp_agent_requires_a_credential: "shown without a credential",
    cases.test_files_require_a_login: "open to everybody",
    cases.test_registrar_requires_a_login: "open without a login",
    cases.test_administration_over_ipp_requires_a_login: "open without a login",
}


@pytest.mark.parametrize(("case", "words"), CASES.items(), ids=[case.__name__ for case in CASES])
def test_everything_that_is_open_is_reported_with_its_answer(case: Callable[..., None], words: str) -> None:
    says = f"{words}: a (one answer); b (another answer)"
    assert fails_on_presence(case, seen("b", "another answer"), seen("a", "one answer"), says=says)


def test_these_cases_run_without_a_permission() -> None:
    assert {needs(case) for case in CASES} == {()}
