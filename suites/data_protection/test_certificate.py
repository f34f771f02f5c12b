"""The certificate of the device's TLS server, compared with how it is declared to be issued."""

from drivers.network.clock import BenchClock
from drivers.network.tls.certificate import ServerCertificate
from drivers.network.tls.certificate_fields import CertificateKey
from lab_config.bench import Bench
from lab_config.component import Component
from lab_config.rules import Profile, TlsNumbers
from suites.data_protection.expected_certificate import expected_of, fits, open_part, pin_of, require_verified_by_peers
from trustprobe.judging.case import case
from trustprobe.judging.outcomes import Inconclusive

COVERS = ["DP-3", "EN303645 5.5-1", "EN18031 SCM-2"]


def require_parsed(certificate: ServerCertificate, *fields: str) -> None:
    """Leave the case open if one of these fields could not be parsed: it shows neither a fault nor its absence."""
    unread = sorted(certificate.unread.intersection(fields))
    if unread:
        words = certificate.detail("certificate")
        raise Inconclusive(f"the certificate has fields that cannot be parsed: {', '.join(unread)} ({words})")


@case(
    "tls.server.certificate.dates",
    covers=COVERS,
    fails_on="absence",
    advice="Issue a certificate that covers the product's life, or one that the product renews automatically.",
)
def test_certificate_is_in_force(
    certificate: ServerCertificate, component: Component, bench: Bench, bench_clock: BenchClock
) -> None:
    """Read the certificate of each TLS port, and compare its dates with the time of the run.

    Peers look at no date of a certificate that they pin.

    Witness: the clock of this machine is synchronised by NTP, or the device shows the same day.
    """
    require_verified_by_peers(certificate, component, bench, "date")
    first, last, now = certificate.not_before, certificate.not_after, certificate.started
    in_force = (first is None or first <= now) and (last is None or now <= last)
    assert in_force, f"valid from {first} to {last}, read at {now:%Y-%m-%d %H:%M:%S %Z}"
    require_parsed(certificate, "not_before", "not_after")


@case(
    "tls.server.certificate.name",
    covers=COVERS,
    fails_on="absence",
    advice="Put the name that users type, or the address, into subjectAltName (RFC 9525).",
)
def test_certificate_names_the_device(certificate: ServerCertificate, component: Component, bench: Bench) -> None:
    """Compare the certificate's subjectAltName with the declared names and the address of the bench (RFC 9525, 6).

    The names are those of the service, if it declares a certificate of its own. Upper and lower case are the same, and
    a wildcard stands for the whole leftmost label. Peers look at no name of a certificate that they pin.
    """
    declared = expected_of(certificate, component).names
    require_verified_by_peers(certificate, component, bench, "name")
    wanted = [*(declared or ()), getattr(bench.network, "address", "")]
    covered = any(certificate.covers(name) for name in wanted)
    if not covered:
        require_parsed(certificate, "dns_names", "ip_addresses")
    if not covered and declared is None:
        raise open_part(certificate, component, "names: [device.local]")
    carried = sorted([*certificate.dns_names, *certificate.ip_addresses])
    assert covered, f"it names {carried}, but none of {sorted(wanted)}"


@case(
    "tls.server.certificate.chain",
    covers=COVERS,
    fails_on="absence",
    advice="Send the whole chain up to the CA that the declaration names, or the certificate that peers pin.",
)
def test_certificate_is_issued_as_declared(certificate: ServerCertificate, component: Component, bench: Bench) -> None:
    """Verify the chain that the device sends against the declared issuer: a CA, or the device itself.

    The issuer is that of the service, if it declares a certificate of its own. If peers pin the certificate, its
    SHA-256 or that of its public key is compared with the pin instead.
    """
    issued_by = expected_of(certificate, component).issued_by
    if (pin := pin_of(certificate, component, bench)) is not None:
        pinned = fits(certificate, pin)
        fault = "" if pinned else f"peers expect that {pin.words}, but it is {certificate.digest_for(pin)}"
    elif issued_by is None:
        raise open_part(certificate, component, "issued_by: product_ca")
    elif issued_by == "self_signed":
        require_parsed(certificate, "self_signed")
        fault = "" if certificate.self_signed else f"declared self-signed, issued by {certificate.issuer}"
    else:
        require_parsed(certificate, "chain_trusted")
        fault = "" if certificate.chain_trusted else f"declared as {issued_by}: {certificate.chain_error}"
    assert not fault, fault


@case(
    "tls.server.certificate.key",
    covers=[*COVERS, "EN18031 CRY-1"],
    fails_on="absence",
    advice="Use an EC key of 256 bits or an RSA key of 2048 bits or more, signed with SHA-256 or better.",
)
def test_certificate_has_a_strong_key_and_signature(certificate: ServerCertificate, profile: Profile) -> None:
    """Compare type and size of the certificate's key, and the hash of its signature, with the profile's numbers.

    The same applies to every further certificate that the server sends. The signature of a certificate that signs
    itself proves nothing and is not compared. If a key or a hash cannot be parsed, or if the profile neither accepts
    nor forbids it, the case stays open.
    """
    numbers = profile.limits.tls
    weak = weaknesses(certificate, numbers)
    assert not weak, "; ".join(weak)
    require_parsed(certificate, "key_type", "key_bits", "signature_hash")
    if certificate.key_type not in numbers.key_bits:
        raise Inconclusive(f"the profile states no size for a key of the type {certificate.key_type}")
    if certificate.signature_hash not in numbers.hashes:
        raise Inconclusive(f"the profile neither accepts nor forbids the signature {certificate.signature_hash}")


def weaknesses(certificate: ServerCertificate, numbers: TlsNumbers) -> list[str]:
    """Return what the profile forbids of the keys and signatures of the certificate and of its chain."""
    own = CertificateKey(
        key_type=certificate.key_type, key_bits=certificate.key_bits, signature_hash=certificate.signature_hash
    )
    weak = _weak("", own, numbers)
    for one in certificate.further:
        weak += _weak(f"the further certificate {one.subject}: ", one, numbers)
    return weak


def _weak(whose: str, one: CertificateKey, numbers: TlsNumbers) -> list[str]:
    weak = []
    if one.key_type in numbers.forbidden_keys:
        weak.append(f"{whose}its key is of the type {one.key_type}")
    if one.key_type in numbers.key_bits and one.key_bits < numbers.key_bits[one.key_type]:
        required = numbers.key_bits[one.key_type]
        weak.append(f"{whose}its {one.key_type} key has {one.key_bits} bits, the profile requires {required}")
    if one.signature_hash in numbers.forbidden_hashes and not one.self_signed:
        weak.append(f"{whose}signed with {one.signature_hash}")
    return weak


@case(
    "tls.server.certificate.usage",
    covers=COVERS,
    fails_on="absence",
    advice="Issue the certificate for serverAuth, and never as a CA.",
)
def test_certificate_is_meant_for_a_server(certificate: ServerCertificate, component: Component, bench: Bench) -> None:
    """Read extendedKeyUsage and basicConstraints, and check that the certificate is for serverAuth and not for a CA.

    RFC 5280 defines both fields. Peers look at no usage of a certificate that they pin.
    """
    require_verified_by_peers(certificate, component, bench, "usage")
    usage = certificate.extended_key_usage
    wrong = [f"extendedKeyUsage is {', '.join(usage)}"] if usage and "serverAuth" not in usage else []
    wrong += ["it is a CA certificate"] if certificate.is_ca else []
    assert not wrong, "; ".join(wrong)
    require_parsed(certificate, "extended_key_usage", "is_ca")
