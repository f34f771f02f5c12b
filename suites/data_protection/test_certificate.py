"""The certificate of the device's TLS server, against how it is declared to be issued."""

from drivers.network.tls.certificate import ServerCertificate
from fixtures.bench import provided
from lab_config.bench import Bench
from lab_config.component import Component
from lab_config.rules import Profile
from trustprobe.judging.case import case

COVERS = ["DP-3", "EN303645 5.5-1", "EN18031 SCM-2"]


@case(
    "tls.server.certificate.dates",
    covers=COVERS,
    fails_on="absence",
    advice="Issue a certificate that covers the product's life, or one that the product renews by itself.",
)
def test_certificate_is_in_force(certificate: ServerCertificate) -> None:
    """Read the certificate of each TLS port, and compare its dates with the time of the run."""
    first, last = certificate.not_before, certificate.not_after
    assert first and last and first <= certificate.started <= last, (
        f"valid from {first} to {last}, read at {certificate.started:%Y-%m-%d %H:%M:%S %Z}"
    )


@case(
    "tls.server.certificate.name",
    covers=COVERS,
    fails_on="absence",
    advice="Put the name that users type, or the address, into subjectAltName (RFC 9525).",
)
def test_certificate_names_the_device(certificate: ServerCertificate, component: Component, bench: Bench) -> None:
    """Compare the certificate's subjectAltName with the declared names and the address of the bench."""
    declared = provided(component.certificate, "TLS certificate").names
    address = getattr(bench.network, "address", "")
    carried = {*certificate.dns_names, *certificate.ip_addresses}
    assert carried & {*declared, address}, f"it names {sorted(carried)}, none of {sorted([*declared, address])}"


@case(
    "tls.server.certificate.chain",
    covers=COVERS,
    fails_on="absence",
    advice="Send the whole chain up to the CA that the declaration names.",
)
def test_certificate_is_issued_as_declared(certificate: ServerCertificate, component: Component) -> None:
    """Verify the chain that the device sends against the declared issuer: a CA, or the device itself."""
    issued_by = provided(component.certificate, "TLS certificate").issued_by
    if issued_by == "self_signed":
        assert certificate.self_signed, f"declared self-signed, issued by {certificate.issuer}"
    else:
        assert certificate.chain_trusted, f"declared as {issued_by}: {certificate.chain_error}"


@case(
    "tls.server.certificate.key",
    covers=[*COVERS, "EN18031 CRY-1"],
    fails_on="absence",
    advice="Use an EC key of 256 bits or an RSA key of 2048 bits or more, signed with SHA-256 or better.",
)
def test_certificate_has_a_strong_key_and_signature(certificate: ServerCertificate, profile: Profile) -> None:
    """Compare type and size of the certificate's key, and the hash of its signature, with the profile's numbers."""
    numbers = profile.limits.tls
    least = {"RSA": numbers.rsa_bits, "EC": numbers.ec_bits}.get(certificate.key_type or "", 0)
    bits = certificate.key_bits or 0
    assert bits >= least, f"an {certificate.key_type} key of {bits} bits, the profile asks for {least}"
    weak = certificate.signature_hash in {"md5", "sha1"}
    assert not weak, f"signed with {certificate.signature_hash}"


@case(
    "tls.server.certificate.usage",
    covers=COVERS,
    fails_on="absence",
    advice="Issue the certificate for serverAuth, and never as a CA.",
)
def test_certificate_is_meant_for_a_server(certificate: ServerCertificate) -> None:
    """Read extendedKeyUsage and basicConstraints: a server's certificate is for serverAuth and is no CA (RFC 5280)."""
    usage = certificate.extended_key_usage
    assert not usage or "serverAuth" in usage, f"extendedKeyUsage is {', '.join(usage)}"
    assert not certificate.is_ca, "the certificate is a CA certificate"
