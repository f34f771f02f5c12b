"""Each assertion about TLS as the device speaks it, on made-up connections to its cloud."""

from drivers.network.servers.client_trust import ClientOffersSeen, ClientTrustSeen
from suites.data_protection import test_tls_client as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Witness

TRUST = cases.test_device_refuses_a_server_that_it_must_not_trust
OFFERS = cases.test_device_offers_no_weak_version_and_no_weak_suite


def shown(*facts: Fact, witness: Witness | None = HOLDS) -> ClientTrustSeen:
    """What became of certificates that the device was shown."""
    kinds = frozenset(fact.about for fact in facts)
    return observed(*facts, kind=ClientTrustSeen, witness=witness, connected=kinds)


def hello(*facts: Fact, witness: Witness | None = HOLDS) -> ClientOffersSeen:
    """What the device offers."""
    return observed(
        *facts, kind=ClientOffersSeen, witness=witness, versions=("TLS1.3",), suites=(), server_name="cloud.example"
    )


def test_a_refused_certificate_passes() -> None:
    assert passes(TRUST, shown(refused("expired", "alert certificate_expired")))


def test_silence_after_a_certificate_passes_only_with_a_witness() -> None:
    assert passes(TRUST, shown(silent("expired")))
    assert stays_open(TRUST, shown(silent("expired"), witness=BROKEN), says=BROKEN.what)
    assert stays_open(TRUST, shown(silent("expired"), witness=None), says="no answer on expired")


def test_application_data_over_a_wrong_certificate_fails() -> None:
    trusted = shown(seen("expired", "sent 42 bytes over a certificate that expired"))
    words = "trusts a server with the wrong certificate: sent 42 bytes over a certificate that expired"
    assert fails(TRUST, trusted, says=words)


def test_every_certificate_that_is_trusted_is_reported() -> None:
    both = shown(seen("wrong_name", "another name"), refused("expired"), seen("other_ca", "an unknown CA"))
    assert fails(TRUST, both, says="certificate: an unknown CA; another name")


def test_an_offer_without_a_weak_version_or_suite_passes() -> None:
    assert passes(OFFERS, hello(refused("TLS1.0"), refused("RC4")))


def test_a_hello_that_was_not_parsed_whole_leaves_the_case_open() -> None:
    assert stays_open(OFFERS, hello(silent("TLS1.0"), witness=BROKEN), says=BROKEN.what)


def test_every_weak_offer_is_reported() -> None:
    weak = hello(seen("TLS1.0", "in supported_versions"), refused("TLS1.1"), seen("RC4", "0x0005"))
    assert fails(OFFERS, weak, says="offers RC4 (0x0005), TLS1.0 (in supported_versions)")


def test_one_weak_offer_fails() -> None:
    assert fails(OFFERS, hello(seen("RC4", "0x0005")), says="offers RC4 (0x0005)")


def test_the_cases_need_no_permission() -> None:
    assert needs(TRUST) == needs(OFFERS) == ()
