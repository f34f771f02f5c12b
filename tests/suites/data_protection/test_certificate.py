"""Each assertion about the TLS server's certificate, on made-up certificates."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drivers.network.clock import BenchClock
from drivers.network.tls.certificate import ServerCertificate
from drivers.network.tls.certificate_fields import CertificateKey
from lab_config.component import Component
from suites.data_protection import test_certificate as cases
from tests.suites.made_up import BROKEN, HOLDS, PROFILE, bench, component, fails, observed, passes, seen, stays_open
from trustprobe.judging.outcomes import NotApplicable
from trustprobe.probe import Asked, Witness

TLS = PROFILE.limits.tls
NOW = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CLOCK = observed(seen("ntp"), kind=BenchClock, witness=HOLDS)
GOOD: dict[str, Any] = {
    "started": NOW,
    "not_before": NOW - timedelta(days=1),
    "not_after": NOW + timedelta(days=1),
    "dns_names": ("box.example", "*.cameras.example"),
    "ip_addresses": ("192.0.2.7",),
    "issuer": "CN=product CA",
    "chain_trusted": True,
    "key_type": "EC",
    "key_bits": 256,
    "signature_hash": "sha256",
    "extended_key_usage": ("serverAuth",),
}


def certificate(**fields: Any) -> ServerCertificate:
    """A certificate without a fault, but for these fields."""
    return observed(seen("certificate"), kind=ServerCertificate, **(GOOD | fields))


ANY = (component(), bench())
"""A component without a certificate of its own, and a bench: for cases that compare only with a pin."""


def unread(*names: str) -> ServerCertificate:
    """A certificate without a fault in which these fields cannot be parsed."""
    empty = {name: ServerCertificate.model_fields[name].default for name in names}
    return certificate(**empty, unread=frozenset(names))


def key(kind: str, bits: int, used: str = "sha256") -> ServerCertificate:
    return certificate(key_type=kind, key_bits=bits, signature_hash=used)


# dates


@pytest.mark.parametrize(("first", "last"), [(NOW - SECOND, NOW + SECOND), (NOW, NOW)])
def test_a_certificate_is_in_force_from_its_first_to_its_last_second(first: datetime, last: datetime) -> None:
    assert passes(cases.test_certificate_is_in_force, certificate(not_before=first, not_after=last), *ANY, CLOCK)


def test_a_certificate_that_is_valid_one_second_later_fails() -> None:
    future = certificate(not_before=NOW + SECOND)
    assert fails(
        cases.test_certificate_is_in_force,
        future,
        *ANY,
        CLOCK,
        says=("valid from 2026-08-01 12:00:01", "read at 2026-08-01 12:00:00 UTC"),
    )


def test_a_certificate_that_expired_one_second_ago_fails() -> None:
    assert fails(
        cases.test_certificate_is_in_force,
        certificate(not_after=NOW - SECOND),
        *ANY,
        CLOCK,
        says="to 2026-08-01 11:59:59",
    )


@pytest.mark.parametrize("field", ["not_before", "not_after"])
def test_a_date_that_cannot_be_parsed_leaves_the_case_open(field: str) -> None:
    assert stays_open(cases.test_certificate_is_in_force, unread(field), *ANY, CLOCK, says=f"cannot be parsed: {field}")


def test_an_expired_certificate_fails_though_its_first_date_cannot_be_parsed() -> None:
    expired = unread("not_before").model_copy(update={"not_after": NOW - SECOND})
    assert fails(cases.test_certificate_is_in_force, expired, *ANY, CLOCK, says="valid from None")


def test_dates_do_not_fail_by_a_clock_that_nothing_confirms() -> None:
    case, expired = cases.test_certificate_is_in_force, certificate(not_after=NOW - SECOND)
    unconfirmed = CLOCK.model_copy(update={"witness": BROKEN})
    assert stays_open(case, expired, *ANY, unconfirmed, says=BROKEN.what)
    assert passes(case, certificate(), *ANY, unconfirmed)


@pytest.mark.parametrize("date", [NOW - SECOND, NOW + SECOND])
def test_dates_are_left_open_by_a_clock_that_is_proven_wrong(date: datetime) -> None:
    wrong = CLOCK.model_copy(update={"premise": Witness(what="a file is from 2031", holds=False)})
    assert stays_open(cases.test_certificate_is_in_force, certificate(not_after=date), *ANY, wrong, says="from 2031")


# names


def names_the_device(found: ServerCertificate, *declared: str, address: str | None = None) -> tuple[Any, ...]:
    """The arguments of the case: a certificate, a declaration and a bench."""
    declaration = {"certificate": {"issued_by": "product_ca", "names": declared}}
    network = {} if address is None else {"network": {"address": address}}
    return found, component(**declaration), bench(**network)


@pytest.mark.parametrize(
    "declared",
    ["box.example", "BOX.Example", "box.example.", "garden.cameras.example", "192.0.2.7"],
)
def test_a_declared_name_that_the_certificate_covers_passes(declared: str) -> None:
    assert passes(cases.test_certificate_names_the_device, *names_the_device(certificate(), declared))


def test_one_covered_name_among_the_declared_ones_is_enough() -> None:
    declared = ("other.example", "box.example")
    assert passes(cases.test_certificate_names_the_device, *names_the_device(certificate(), *declared))


def test_the_address_of_the_bench_is_a_name_of_the_device() -> None:
    arguments = names_the_device(certificate(), "other.example", address="192.0.2.7")
    assert passes(cases.test_certificate_names_the_device, *arguments)


@pytest.mark.parametrize(
    "declared", ["other.example", "cameras.example", "a.b.cameras.example", "boxes.example", "192.0.2.8"]
)
def test_a_certificate_for_other_names_fails(declared: str) -> None:
    arguments = names_the_device(certificate(), declared, address="192.0.2.9")
    carried, wanted = "['*.cameras.example', '192.0.2.7', 'box.example']", sorted([declared, "192.0.2.9"])
    assert fails(cases.test_certificate_names_the_device, *arguments, says=f"it names {carried}, but none of {wanted}")


def test_a_certificate_without_names_fails_also_on_a_bench_without_network() -> None:
    nameless = certificate(dns_names=(), ip_addresses=())
    assert fails(
        cases.test_certificate_names_the_device, *names_the_device(nameless, "box.example"), says="it names []"
    )


@pytest.mark.parametrize("field", ["dns_names", "ip_addresses"])
def test_names_that_cannot_be_parsed_leave_the_case_open(field: str) -> None:
    arguments = names_the_device(unread(field), "other.example")
    assert stays_open(cases.test_certificate_names_the_device, *arguments, says=f"cannot be parsed: {field}")


def test_a_covered_name_passes_though_the_addresses_cannot_be_parsed() -> None:
    arguments = names_the_device(unread("ip_addresses"), "box.example")
    assert passes(cases.test_certificate_names_the_device, *arguments)


# chain


def issued_by(issuer: str, found: ServerCertificate) -> tuple[Any, ...]:
    return found, component(certificate={"issued_by": issuer, "names": ["box.example"]}), bench()


@pytest.mark.parametrize("issuer", ["product_ca", "public_ca"])
def test_a_chain_that_leads_to_the_declared_ca_passes(issuer: str) -> None:
    assert passes(cases.test_certificate_is_issued_as_declared, *issued_by(issuer, certificate()))


@pytest.mark.parametrize("issuer", ["product_ca", "public_ca"])
def test_a_self_signed_certificate_fails_where_a_ca_is_declared(issuer: str) -> None:
    alone = certificate(chain_trusted=False, chain_error="self-signed certificate", self_signed=True)
    assert fails(
        cases.test_certificate_is_issued_as_declared,
        *issued_by(issuer, alone),
        says=f"declared as {issuer}: self-signed certificate",
    )


def test_a_self_signed_certificate_passes_where_it_is_declared() -> None:
    alone = certificate(chain_trusted=False, self_signed=True)
    assert passes(cases.test_certificate_is_issued_as_declared, *issued_by("self_signed", alone))


def test_a_certificate_of_a_ca_fails_where_a_self_signed_one_is_declared() -> None:
    assert fails(
        cases.test_certificate_is_issued_as_declared,
        *issued_by("self_signed", certificate()),
        says="declared self-signed, issued by CN=product CA",
    )


def test_a_signature_that_cannot_be_checked_leaves_open_whether_it_is_self_signed() -> None:
    arguments = issued_by("self_signed", unread("self_signed"))
    assert stays_open(cases.test_certificate_is_issued_as_declared, *arguments, says="cannot be parsed: self_signed")


# key and signature


@pytest.mark.parametrize(("kind", "bits"), TLS.key_bits.items())
def test_a_key_of_the_least_size_passes_and_of_one_bit_less_fails(kind: str, bits: int) -> None:
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert passes(case, key(kind, bits), PROFILE)
    short = f"its {kind} key has {bits - 1} bits, the profile requires {bits}"
    assert fails(case, key(kind, bits - 1), PROFILE, says=short)


@pytest.mark.parametrize(
    ("kind", "bits", "words"),
    [
        ("RSA", 1024, "its RSA key has 1024 bits, the profile requires 2048"),
        ("RSA-PSS", 1024, "its RSA-PSS key has 1024 bits, the profile requires 2048"),
        ("EC", 192, "its EC key has 192 bits, the profile requires 224"),
        ("DSA", 512, "its key is of the type DSA"),
        ("DSA", 3072, "its key is of the type DSA"),
    ],
)
def test_the_weak_keys_of_real_devices_fail(kind: str, bits: int, words: str) -> None:
    assert fails(cases.test_certificate_has_a_strong_key_and_signature, key(kind, bits), PROFILE, says=words)


@pytest.mark.parametrize(("kind", "bits"), [("RSA", 2048), ("EC", 224), ("Ed25519", 253), ("Ed448", 448)])
def test_the_usual_good_keys_pass(kind: str, bits: int) -> None:
    assert passes(cases.test_certificate_has_a_strong_key_and_signature, key(kind, bits), PROFILE)


@pytest.mark.parametrize("used", TLS.hashes)
def test_a_signature_with_an_accepted_hash_passes(used: str) -> None:
    assert passes(cases.test_certificate_has_a_strong_key_and_signature, key("EC", 256, used), PROFILE)


def test_the_profile_forbids_the_broken_hashes() -> None:
    assert set(TLS.forbidden_hashes) == {"md2", "md4", "md5", "sha1", "ripemd160"}
    assert not set(TLS.forbidden_hashes) & set(TLS.hashes)


@pytest.mark.parametrize("used", TLS.forbidden_hashes)
def test_a_signature_with_a_forbidden_hash_fails(used: str) -> None:
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert fails(case, key("EC", 256, used), PROFILE, says=f"signed with {used}")


def test_a_weak_key_and_a_weak_hash_are_both_reported() -> None:
    assert fails(
        cases.test_certificate_has_a_strong_key_and_signature,
        key("RSA", 1024, "md5"),
        PROFILE,
        says="its RSA key has 1024 bits, the profile requires 2048; signed with md5",
    )


@pytest.mark.parametrize("field", ["key_type", "key_bits", "signature_hash"])
def test_an_unread_key_or_signature_never_passes(field: str) -> None:
    lost = certificate(unread=frozenset({field}))
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert stays_open(case, lost, PROFILE, says=f"cannot be parsed: {field}")


def test_a_key_that_cannot_be_parsed_at_all_leaves_the_case_open() -> None:
    lost = unread("key_bits", "key_type")
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert stays_open(case, lost, PROFILE, says="cannot be parsed: key_bits, key_type")


def test_a_forbidden_hash_fails_though_the_key_cannot_be_parsed() -> None:
    lost = unread("key_type", "key_bits").model_copy(update={"signature_hash": "md4"})
    assert fails(cases.test_certificate_has_a_strong_key_and_signature, lost, PROFILE, says="signed with md4")


def test_a_type_of_key_that_the_profile_does_not_know_leaves_the_case_open() -> None:
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert stays_open(case, key("type 1457", 10_496), PROFILE, says="no size for a key of the type type 1457")


def test_a_hash_that_the_profile_does_not_know_leaves_the_case_open() -> None:
    number = "1.2.840.113549.1.1.127"
    case = cases.test_certificate_has_a_strong_key_and_signature
    assert stays_open(case, key("EC", 256, number), PROFILE, says=f"neither accepts nor forbids the signature {number}")


INTERMEDIATE = CertificateKey(subject="CN=issuing CA", key_type="RSA", key_bits=2048, signature_hash="sha256")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"signature_hash": "sha1"}, "the further certificate CN=issuing CA: signed with sha1"),
        ({"key_bits": 1024}, "the further certificate CN=issuing CA: its RSA key has 1024 bits"),
        ({"key_type": "DSA"}, "the further certificate CN=issuing CA: its key is of the type DSA"),
        ({"key_bits": 1024, "self_signed": True}, "the further certificate CN=issuing CA: its RSA key has 1024 bits"),
    ],
)
def test_a_weak_key_or_signature_anywhere_in_the_chain_fails(fault: dict[str, Any], words: str) -> None:
    chain = (INTERMEDIATE, INTERMEDIATE.model_copy(update=fault))
    weak = certificate(further=chain)
    assert fails(cases.test_certificate_has_a_strong_key_and_signature, weak, PROFILE, says=words)


def test_the_signature_of_a_root_that_the_server_sends_is_not_compared() -> None:
    root = INTERMEDIATE.model_copy(update={"signature_hash": "sha1", "self_signed": True})
    good = certificate(further=(INTERMEDIATE, root))
    assert passes(cases.test_certificate_has_a_strong_key_and_signature, good, PROFILE)


def test_the_faults_of_all_certificates_of_a_chain_are_reported() -> None:
    weak = certificate(
        key_type="RSA", key_bits=1024, further=(INTERMEDIATE.model_copy(update={"signature_hash": "md5"}),)
    )
    says = ("its RSA key has 1024 bits", "the further certificate CN=issuing CA: signed with md5")
    assert fails(cases.test_certificate_has_a_strong_key_and_signature, weak, PROFILE, says=says)


def test_a_chain_that_cannot_be_verified_leaves_open_who_issued_the_certificate() -> None:
    lost = certificate(chain_trusted=False, unread=frozenset({"chain_trusted"}))
    arguments = issued_by("product_ca", lost)
    assert stays_open(cases.test_certificate_is_issued_as_declared, *arguments, says="cannot be parsed: chain_trusted")


def test_why_a_date_cannot_be_parsed_is_said() -> None:
    words = "cannot be parsed: not_after ('99981130215959.125Z' is no time of RFC 5280, 4.1.2.5)"
    lost = observed(seen("certificate", words), kind=ServerCertificate, unread=frozenset({"not_after"}))
    assert stays_open(cases.test_certificate_is_in_force, lost, *ANY, CLOCK, says="'99981130215959.125Z' is no time")


# usage


@pytest.mark.parametrize("usage", [(), ("serverAuth",), ("clientAuth", "serverAuth")])
def test_a_certificate_for_servers_passes(usage: tuple[str, ...]) -> None:
    assert passes(cases.test_certificate_is_meant_for_a_server, certificate(extended_key_usage=usage), *ANY)


def test_a_certificate_for_other_uses_only_fails() -> None:
    other = certificate(extended_key_usage=("clientAuth", "codeSigning"))
    assert fails(
        cases.test_certificate_is_meant_for_a_server, other, *ANY, says="extendedKeyUsage is clientAuth, codeSigning"
    )


def test_a_ca_certificate_fails() -> None:
    assert fails(
        cases.test_certificate_is_meant_for_a_server, certificate(is_ca=True), *ANY, says="it is a CA certificate"
    )


def test_a_ca_certificate_for_other_uses_has_two_faults() -> None:
    both = certificate(is_ca=True, extended_key_usage=("clientAuth",))
    words = "extendedKeyUsage is clientAuth; it is a CA certificate"
    assert fails(cases.test_certificate_is_meant_for_a_server, both, *ANY, says=words)


@pytest.mark.parametrize("field", ["extended_key_usage", "is_ca"])
def test_a_usage_that_cannot_be_parsed_leaves_the_case_open(field: str) -> None:
    assert stays_open(
        cases.test_certificate_is_meant_for_a_server, unread(field), *ANY, says=f"cannot be parsed: {field}"
    )


@pytest.mark.parametrize(
    "case",
    [cases.test_certificate_names_the_device, cases.test_certificate_is_issued_as_declared],
)
def test_a_product_that_is_declared_to_have_no_certificate_fails(case: Callable[..., None]) -> None:
    arguments = (certificate(), component(), bench())[: case.__code__.co_argcount]
    assert fails(case, *arguments, says="declared to have no TLS certificate")


# a service that states its own expectation, and pins


PINS = {
    "certificate_sha256": "ab" * 32,
    "public_key_sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
}
OF_CERTIFICATE, OF_KEY = {"certificate": "ab" * 32}, {"public_key": PINS["public_key_sha256"]}
OTHER_CERTIFICATE, OTHER_KEY = (
    {"certificate": "cd" * 32},
    {"public_key": "//////////////////////////////////////////8="},
)
PIN_HOLDS = [OF_CERTIFICATE, OF_KEY]
PIN_DIFFERS = [OTHER_CERTIFICATE, OTHER_KEY]
UNNAMED = certificate(
    **PINS,
    dns_names=("syncthing",),
    ip_addresses=(),
    chain_trusted=False,
    chain_error="self-signed certificate",
    self_signed=True,
    not_after=NOW - SECOND,
    is_ca=True,
)
"""A certificate that only peers with its pin accept."""
IGNORED_BY_PEERS = {
    "date": cases.test_certificate_is_in_force,
    "name": cases.test_certificate_names_the_device,
    "usage": cases.test_certificate_is_meant_for_a_server,
}


def service(port: int = 443, expected: dict[str, Any] | None = None) -> dict[str, Any]:
    """A declared TLS service, at the door of the made-up certificate unless another port is given."""
    own = {} if expected is None else {"certificate": expected}
    return {"id": f"s{port}", "transport": "tcp", "port": port, "protocol": "other", "tls": True, "purpose": "-", **own}


def product(*services: dict[str, Any], general: dict[str, Any] | None = None) -> Component:
    """A component with these services. It declares a certificate of a CA for all others unless `general` is given."""
    ca = {"issued_by": "product_ca", "names": ["box.example"]}
    return component(services=services, certificate=ca if general is None else general)


def arguments(case: Callable[..., None], made: Component, found: ServerCertificate, pins: Any = None) -> list[Any]:
    """The arguments of a case: certificate, component, bench, and the clock if it compares dates."""
    clock = [CLOCK] if case is cases.test_certificate_is_in_force else []
    return [found, made, bench(pins=pins or {}), *clock]


def not_applicable(case: Callable[..., None], *given: Any) -> str:
    """The reason for which a case does not apply."""
    with pytest.raises(NotApplicable) as caught:
        case(*given)
    return caught.value.reason


@pytest.mark.parametrize("other", [certificate(), UNNAMED], ids=["of a CA", "self-signed"])
def test_each_service_is_judged_by_its_own_expectation(other: ServerCertificate) -> None:
    self_signed = service(22000, {"issued_by": "self_signed", "names": ["sync.local"]})
    at_22000 = other.model_copy(update={"asked": Asked(door="tcp/22000", shape="-"), "dns_names": ("sync.local",)})
    made = product(service(), self_signed)
    name, chain = cases.test_certificate_names_the_device, cases.test_certificate_is_issued_as_declared
    assert passes(name, *arguments(name, made, at_22000))
    assert fails(name, *arguments(name, made, UNNAMED), says="it names ['syncthing'], but none of ['', 'box.example']")
    assert passes(chain, *arguments(chain, made, certificate()))
    assert (passes if other.self_signed else fails_chain)(chain, *arguments(chain, made, at_22000))


def fails_chain(*given: Any) -> bool:
    return fails(*given, says="declared self-signed, issued by CN=product CA")


@pytest.mark.parametrize("door", ["tcp/8384", ""])
def test_a_service_without_an_expectation_of_its_own_has_that_of_the_component(door: str) -> None:
    found = UNNAMED.model_copy(update={"asked": Asked(door=door, shape="-") if door else None})
    made = product(service(8384), service(22000, {"pinned": OF_CERTIFICATE}))
    chain = cases.test_certificate_is_issued_as_declared
    assert fails(chain, *arguments(chain, made, found), says="declared as product_ca: self-signed certificate")


def test_a_service_states_its_certificate_though_the_component_is_declared_to_have_none() -> None:
    made = product(service(expected={"issued_by": "product_ca"}), general={"absent": "the other services use no TLS"})
    chain = cases.test_certificate_is_issued_as_declared
    assert passes(chain, *arguments(chain, made, certificate()))


@pytest.mark.parametrize(
    "case", [cases.test_certificate_names_the_device, cases.test_certificate_is_issued_as_declared]
)
def test_a_service_that_is_declared_to_have_no_certificate_fails(case: Callable[..., None]) -> None:
    made = product(service(expected={"absent": "this port shows none"}))
    assert fails(case, *arguments(case, made, certificate()), says="no TLS certificate (this port shows none)")


@pytest.mark.parametrize("pin", PIN_HOLDS)
def test_the_certificate_that_peers_pin_passes_whatever_its_issuer(pin: dict[str, str]) -> None:
    chain = cases.test_certificate_is_issued_as_declared
    assert passes(chain, *arguments(chain, product(service(expected={"pinned": pin})), UNNAMED))
    at_pairing = product(service(expected={"pinned": "at_pairing"}))
    assert passes(chain, *arguments(chain, at_pairing, UNNAMED, {"s443": pin}))


@pytest.mark.parametrize(
    ("pin", "says"),
    [
        (OTHER_CERTIFICATE, f"the SHA-256 of the certificate is {'cd' * 32}, but it is {'ab' * 32}"),
        (OTHER_KEY, f"the SHA-256 of the public key is {OTHER_KEY['public_key']}, but it is {OF_KEY['public_key']}"),
    ],
)
@pytest.mark.parametrize("found", [UNNAMED, certificate(**PINS)], ids=["self-signed", "of a CA"])
def test_a_certificate_that_is_not_the_pinned_one_fails(
    pin: dict[str, str], says: str, found: ServerCertificate
) -> None:
    chain = cases.test_certificate_is_issued_as_declared
    assert fails(chain, *arguments(chain, product(service(expected={"pinned": pin})), found), says=says)
    at_pairing = product(service(expected={"pinned": "at_pairing"}))
    assert fails(chain, *arguments(chain, at_pairing, found, {"s443": pin}), says=says)


@pytest.mark.parametrize(("what", "case"), IGNORED_BY_PEERS.items())
@pytest.mark.parametrize("pin", PIN_HOLDS)
def test_what_peers_with_a_pin_do_not_look_at_does_not_apply(
    what: str, case: Callable[..., None], pin: dict[str, str]
) -> None:
    made = product(service(expected={"pinned": pin}))
    says = f"peers of tcp/443 recognise the certificate by its pin, which fits, and look at no {what}"
    assert not_applicable(case, *arguments(case, made, UNNAMED)) == says


@pytest.mark.parametrize(("what", "case"), IGNORED_BY_PEERS.items())
@pytest.mark.parametrize("pin", PIN_DIFFERS)
def test_a_pin_that_does_not_fit_excuses_nothing(what: str, case: Callable[..., None], pin: dict[str, str]) -> None:
    given = arguments(case, product(service(expected={"pinned": pin})), UNNAMED)
    words = (
        f"peers look at no {what} of a certificate that they pin, but the certificate of tcp/443 is not the pinned one"
    )
    assert stays_open(case, *given, says=words)


@pytest.mark.parametrize("case", [*IGNORED_BY_PEERS.values(), cases.test_certificate_is_issued_as_declared])
def test_a_pin_of_pairing_that_the_bench_does_not_hold_leaves_the_case_open(case: Callable[..., None]) -> None:
    made = product(service(expected={"pinned": "at_pairing"}))
    line = 'add `pins: {s443: {certificate: "SHA-256"}}` to the bench file'
    assert stays_open(case, *arguments(case, made, UNNAMED, {"s22000": OF_CERTIFICATE}), says=line)


@pytest.mark.parametrize("case", [*IGNORED_BY_PEERS.values(), cases.test_certificate_is_issued_as_declared])
@pytest.mark.parametrize("pin", PIN_HOLDS)
def test_evidence_without_a_digest_leaves_a_pinned_certificate_open(
    case: Callable[..., None], pin: dict[str, str]
) -> None:
    made = product(service(expected={"pinned": pin}))
    old = UNNAMED.model_copy(update={"certificate_sha256": "", "public_key_sha256": ""})
    assert stays_open(case, *arguments(case, made, old), says="the evidence holds no SHA-256 that can be compared")


@pytest.mark.parametrize("where", ["service", "component"])
@pytest.mark.parametrize(
    ("case", "stated", "line"),
    [
        (cases.test_certificate_names_the_device, {"issued_by": "self_signed"}, "names: [device.local]"),
        (cases.test_certificate_is_issued_as_declared, {"names": ["box.example"]}, "issued_by: product_ca"),
    ],
)
def test_what_an_expectation_leaves_open_is_named_with_the_line_to_write(
    where: str, case: Callable[..., None], stated: dict[str, Any], line: str
) -> None:
    of_service = where == "service"
    made = product(service(expected=stated)) if of_service else product(service(), general=stated)
    place = "the service s443" if of_service else "`component`"
    words = f"about the certificate of tcp/443: add `{line}` to the `certificate` of {place}"
    assert stays_open(case, *arguments(case, made, UNNAMED), says=words)


def test_the_address_of_the_bench_passes_though_no_names_are_declared() -> None:
    made = product(service(expected={"issued_by": "self_signed"}))
    there = bench(network={"address": "192.0.2.7"})
    assert passes(cases.test_certificate_names_the_device, certificate(), made, there)


def test_a_weak_key_of_a_pinned_certificate_fails() -> None:
    weak = UNNAMED.model_copy(update={"key_type": "RSA", "key_bits": 1024})
    says = "its RSA key has 1024 bits"
    assert fails(cases.test_certificate_has_a_strong_key_and_signature, weak, PROFILE, says=says)
