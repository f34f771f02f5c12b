"""How the certificate of a TLS service is issued, or by which pin its peers recognise it."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, model_validator

from lab_config.base import Absent, Model, misplaced
from lab_config.load import place_of
from trustprobe.errors import ConfigurationError

_OCTETS = 32
_WRAPPED = re.compile(r'pin-sha256="([^"]*)"')


def _fingerprint(text: str) -> str:
    """Return a SHA-256 as 64 small hexadecimal digits. ValueError in the words of a file if it is none."""
    digits = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError(f"expected a SHA-256 as 64 hexadecimal digits, with or without colons (found {text[:80]!r})")
    return digits


def _public_key_pin(text: str) -> str:
    """Return a pin of RFC 7469, 2.4 as base64 alone. ValueError in the words of a file if it is none."""
    wrapped = _WRAPPED.fullmatch(text)
    bare = text if wrapped is None else wrapped[1]
    try:
        octets = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != _OCTETS:
        raise ValueError(f"expected a SHA-256 in base64, as in pin-sha256 of RFC 7469 (found {text[:80]!r})")
    return base64.b64encode(octets).decode()


class Pin(Model):
    """The SHA-256 by which peers recognise a certificate: that of its DER form, or that of its public key."""

    certificate: Annotated[str, AfterValidator(_fingerprint)] | None = None
    """Of the whole certificate, as 64 hexadecimal digits. Colons are allowed."""
    public_key: Annotated[str, AfterValidator(_public_key_pin)] | None = None
    """Of SubjectPublicKeyInfo, in base64 (RFC 7469, 2.4)."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.certificate is None) is (self.public_key is None):
            raise ValueError("a pin is either the SHA-256 of the certificate or that of its public_key: give one")
        return self

    @property
    def digest(self) -> str:
        """The expected SHA-256, in the form of the field that is given."""
        return self.certificate or self.public_key or ""

    @property
    def words(self) -> str:
        """The pin as a reason shows it."""
        return f"the SHA-256 of the {'certificate' if self.public_key is None else 'public key'} is {self.digest}"


def _pin_or_word(value: object) -> object:
    """Refuse what is neither `at_pairing` nor the fields of a pin, in words that name both."""
    if value is None or value == "at_pairing" or isinstance(value, Mapping | Pin):
        return value
    raise ValueError(f"expected 'at_pairing', or a pin with `certificate` or `public_key` (found {str(value)[:80]!r})")


def _kind_of_pin(value: object) -> str:
    return "word" if isinstance(value, str) else "pin_fields"


_Word = Annotated[Literal["at_pairing"], Tag("word")]
Pinned = Annotated[Annotated[Pin, Tag("pin_fields")] | _Word, Discriminator(_kind_of_pin)]
"""A pin, or `at_pairing`. Only the form that was written is checked, so that a mistake is one problem."""


class CertificateDeclaration(Model):
    """How a TLS server certificate is issued, or that peers recognise it by a pin.

    A case that needs a part that is not declared here is INCONCLUSIVE.
    """

    issued_by: Literal["product_ca", "public_ca", "self_signed"] | None = None
    names: tuple[str, ...] | None = None
    """DNS names. The address of the bench is also accepted if the certificate contains it."""
    pinned: Annotated[Pinned | None, BeforeValidator(_pin_or_word)] = None
    """Peers compare the certificate with this pin, and look at no name, issuer, date or usage.

    `at_pairing` if each unit has a certificate of its own, which its peers pin when they are paired. The bench then
    holds the pin of the sample.
    """

    @model_validator(mode="after")
    def _one_way_to_recognise_it(self) -> Self:
        issued = self.issued_by is not None or self.names is not None
        if issued is (self.pinned is not None):
            raise ValueError("a certificate has issued_by or names, or both, or else only pinned")
        return self


class _Certified(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def tls(self) -> bool: ...
    @property
    def certificate(self) -> CertificateDeclaration | Absent | None: ...


def browsed(services: Iterable[_Certified], parts: Mapping[str, object]) -> dict[str, str]:
    """Return the ids of the services that people open in a browser, each with the field that says so.

    `parts` are what the component declares of pages, by field. A field without a service belongs to the service of
    the login, otherwise to that of `http_api`, otherwise to the first web server.
    """
    declared = {name: part for name, part in parts.items() if part and not isinstance(part, Absent)}
    found = {part.service: name for name, part in reversed(declared.items()) if hasattr(part, "service")}
    unplaced = next((name for name, part in declared.items() if not hasattr(part, "service")), None)
    if unplaced is not None and not {"http_login", "http_api"} & declared.keys():
        web = next((one.id for one in services if one.protocol == "http" and one.transport == "tcp"), "")
        found.setdefault(web, unplaced)
    return found


def require_recognised(
    services: Iterable[_Certified], general: CertificateDeclaration | Absent, pages: Mapping[str, str]
) -> None:
    """Raise if a service without TLS over TCP has a certificate, or if one with `pages` is to be pinned."""
    for index, service in enumerate(services):
        if service.certificate is not None and not service.tls:
            raise misplaced("this service has no certificate: it does not use TLS", "services", index, "certificate")
        if service.certificate is not None and service.transport != "tcp":
            raise misplaced("only certificates of TCP services are read: remove it", "services", index, "certificate")
        own = general if service.certificate is None else service.certificate
        if service.tls and service.id in pages and not isinstance(own, Absent) and own.pinned is not None:
            place: tuple[str | int, ...] = ("services", index) if service.certificate is not None else ()
            raise misplaced(
                "people open the service {service} of {part} in a browser, and browsers pin no certificate: "
                "declare issued_by and names",
                *place,
                "certificate",
                service=service.id,
                part=pages[service.id],
            )


def require_used_pins(
    pins: Iterable[str], path: Path, services: Iterable[_Certified], general: CertificateDeclaration | Absent
) -> None:
    """Raise ConfigurationError for the first pin of a bench file, by the id of its service, that no case uses.

    Names that are no service are not its matter.
    """
    for service in services:
        own = general if service.certificate is None else service.certificate
        if service.id in pins and (reason := _unused(service, own)):
            raise ConfigurationError(
                f"{place_of(path, ('pins', service.id))} is not used: {reason}.",
                "Remove it, or declare `certificate: {pinned: at_pairing}` at a TCP service with `tls: true`.",
            )


def _unused(service: _Certified, declared: CertificateDeclaration | Absent) -> str:
    """Return why no certificate is compared with the pin of a service. Nothing if one is."""
    if not service.tls:
        return "the service does not use TLS"
    if service.transport != "tcp":
        return "only certificates of TCP services are read"
    if not isinstance(declared, Absent) and isinstance(declared.pinned, Pin):
        return "the declaration contains the pin of this service"
    if isinstance(declared, Absent) or declared.pinned is None:
        return "the certificate of this service is not declared as pinned"
    return ""
