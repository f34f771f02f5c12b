"""Each assertion about TLS as the device serves it, on made-up answers to a ClientHello."""

from collections.abc import Callable

import pytest

from suites.data_protection import test_tls_server as cases
from tests.suites.made_up import BROKEN, HOLDS, PROFILE, fails, observed, passes, refused, seen, silent, stays_open

CASES = {
    cases.test_forbidden_tls_version_is_refused: PROFILE.limits.tls.forbidden_versions,
    cases.test_forbidden_tls_suite_is_refused: PROFILE.limits.tls.forbidden_suites,
}
every_case = pytest.mark.parametrize("case", CASES, ids=[case.__name__ for case in CASES])


@every_case
def test_a_refusal_in_the_devices_own_bytes_passes_without_a_witness(case: Callable[..., None]) -> None:
    for name in CASES[case]:
        assert passes(case, observed(refused(name, "alert protocol_version")))


@every_case
def test_silence_passes_only_with_a_witness(case: Callable[..., None]) -> None:
    assert passes(case, observed(silent("443"), witness=HOLDS))
    assert stays_open(case, observed(silent("443"), witness=BROKEN), says=BROKEN.what)
    assert stays_open(case, observed(silent("443")), says="no answer on 443")


@every_case
def test_a_server_hello_fails_with_what_was_accepted(case: Callable[..., None]) -> None:
    for name in CASES[case]:
        assert fails(case, observed(seen(name, "ServerHello")), says=f"accepted {name} (ServerHello)")


@every_case
def test_everything_that_was_accepted_is_reported(case: Callable[..., None]) -> None:
    both = observed(seen("tcp/8443", "ServerHello of TLS1.0"), refused("tcp/9443"), seen("tcp/443", "TLS1.1"))
    assert fails(case, both, says="accepted tcp/443 (TLS1.1), tcp/8443 (ServerHello of TLS1.0)")
