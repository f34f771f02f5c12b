"""Each assertion about the factory reset, on made-up observations."""

from drivers.network.web.probes.factory_reset import ResetSeen
from suites.product_configuration import test_reset as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

AUTHORISATION = cases.test_factory_reset_requires_authorisation
DEFAULT = cases.test_factory_reset_leads_to_a_secure_default


def left(*facts: Fact, witness: Witness = HOLDS) -> ResetSeen:
    return observed(*facts, kind=ResetSeen, witness=witness, restarted=True)


def test_a_refused_reset_passes() -> None:
    assert passes(AUTHORISATION, observed(refused("anonymous"), silent("viewer"), witness=HOLDS))


def test_every_accepted_reset_is_reported() -> None:
    accepted = observed(seen("viewer", "status 202"), seen("anonymous", "status 200"), witness=BROKEN)
    assert fails(AUTHORISATION, accepted, says="the reset was accepted: status 200; status 202")


def test_an_invalid_session_of_the_administrator_leaves_the_reset_open() -> None:
    assert stays_open(AUTHORISATION, observed(silent("anonymous"), witness=BROKEN), says=BROKEN.what)


def test_a_reset_that_leaves_nothing_passes() -> None:
    assert passes(DEFAULT, left(refused("setting"), refused("user data"), silent("default password admin:admin")))


def test_everything_that_a_reset_leaves_is_reported() -> None:
    rest = left(seen("user data", "still there"), seen("setting", "old value"), refused("default password"))
    assert fails(DEFAULT, rest, says="after the reset: setting: old value; user data: still there")


def test_a_reset_that_did_not_happen_leaves_the_default_open() -> None:
    assert stays_open(DEFAULT, left(refused("setting"), witness=BROKEN), says=BROKEN.what)


def test_a_reset_must_be_allowed() -> None:
    assert needs(AUTHORISATION) == ("reset",)
    assert needs(DEFAULT) == ("configure", "reset")
