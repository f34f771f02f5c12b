"""What is expected of the certificate of one TLS service, and what a pin of its peers leaves to be judged."""

from drivers.network.tls.certificate import ServerCertificate
from fixtures.declared import CERTIFICATE, provided
from lab_config.base import Absent
from lab_config.bench import Bench
from lab_config.certificate import CertificateDeclaration, Pin
from lab_config.component import Component
from trustprobe.judging.outcomes import Inconclusive, NotApplicable


def expected_of(certificate: ServerCertificate, component: Component) -> CertificateDeclaration:
    """Return what is declared of the certificate: by its own service, else by the component."""
    return provided(component.certificate_at(_door(certificate)), CERTIFICATE)


def open_part(certificate: ServerCertificate, component: Component, line: str) -> Inconclusive:
    """Return the verdict about a part that the declaration leaves open: `line` declares it."""
    door = _door(certificate)
    own = next((one for one in component.declared if one.about == door and one.certificate is not None), None)
    where = "`component`" if own is None else f"the service {own.id}"
    return Inconclusive(
        f"the declaration leaves this open about the certificate of {door}: add `{line}` to the `certificate` of "
        f"{where}"
    )


def pin_of(certificate: ServerCertificate, component: Component, bench: Bench) -> Pin | None:
    """Return the pin by which peers recognise the certificate. None if peers verify its issuer and its names.

    INCONCLUSIVE if peers pin it at pairing and the bench holds no pin.
    """
    declared = component.certificate_at(_door(certificate))
    if isinstance(declared, Absent) or declared.pinned is None:
        return None
    if isinstance(declared.pinned, Pin):
        return declared.pinned
    door = _door(certificate)
    name = next((one.id for one in component.declared if one.about == door), "SERVICE")
    if name not in bench.pins:
        raise Inconclusive(
            f"peers pin the certificate of {door} at pairing, and the bench does not say which one a paired peer "
            f'pinned: add `pins: {{{name}: {{certificate: "SHA-256"}}}}` to the bench file, as the peer shows it'
        )
    return bench.pins[name]


def fits(certificate: ServerCertificate, pin: Pin) -> bool:
    """Whether a peer with this pin accepts the certificate. INCONCLUSIVE if the evidence holds no SHA-256 of it."""
    digest = certificate.digest_for(pin)
    if not digest:
        raise Inconclusive(f"the evidence holds no SHA-256 that can be compared: peers expect that {pin.words}")
    return digest == pin.digest


def require_verified_by_peers(certificate: ServerCertificate, component: Component, bench: Bench, what: str) -> None:
    """Let a case about `what` of a certificate run only if peers look at that.

    Peers that pin a certificate compare nothing else (as RFC 7671, 5.1 states for DANE-EE). NOT_APPLICABLE requires
    that the pin fits.
    """
    pin = pin_of(certificate, component, bench)
    if pin is None:
        return
    if not fits(certificate, pin):
        raise Inconclusive(
            f"peers look at no {what} of a certificate that they pin, but the certificate of {_door(certificate)} is "
            "not the pinned one"
        )
    raise NotApplicable(
        f"peers of {_door(certificate)} recognise the certificate by its pin, which fits, and look at no {what}"
    )


def _door(certificate: ServerCertificate) -> str:
    return "" if certificate.asked is None else certificate.asked.door
