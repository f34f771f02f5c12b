"""What may be declared of the certificate of a service, and of the pin by which its peers recognise it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from lab_config.bench import Bench
from lab_config.certificate import CertificateDeclaration, Pin, require_used_pins
from lab_config.component import Component
from lab_config.load import load
from lab_config.product import Product
from tests.lab_config.test_load import BENCH, ENVIRONMENT, PRODUCT, product_with
from trustprobe.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
STREAM = "port: 322, protocol: rtsp, tls: true"
WEB = "port: 443, protocol: http, tls: true"
PIN_OR_WORD = "pinned: expected 'at_pairing', or a pin with `certificate` or `public_key`"
KEY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def declared(folder: Path, certificate: str, service: str = STREAM) -> Product:
    return load(product_with(folder, service, f"{service}, certificate: {certificate}"), Product, {})


@pytest.mark.parametrize(
    ("written", "digest"),
    [
        (f"{{certificate: '{'ab' * 32}'}}", "ab" * 32),
        (f"{{certificate: '{'AB:' * 31}AB'}}", "ab" * 32),
        (f"{{public_key: '{KEY}'}}", KEY),
        (f"{{public_key: 'pin-sha256=\"{KEY}\"'}}", KEY),
    ],
)
def test_a_pin_is_read_in_the_usual_forms(tmp_path: Path, written: str, digest: str) -> None:
    found = declared(tmp_path, f"{{pinned: {written}}}").component.certificate_at("tcp/322")
    assert isinstance(found, CertificateDeclaration)
    assert isinstance(found.pinned, Pin)
    assert found.pinned.digest == digest
    assert digest in found.pinned.words


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{pinned: {certificate: abc}}", "expected a SHA-256 as 64 hexadecimal digits"),
        (f"{{pinned: {{certificate: '{'ag' * 32}'}}}}", "expected a SHA-256 as 64 hexadecimal digits"),
        (f"{{pinned: {{certificate: '{KEY}'}}}}", "expected a SHA-256 as 64 hexadecimal digits"),
        (f"{{pinned: {{public_key: '{'ab' * 32}'}}}}", "expected a SHA-256 in base64"),
        ("{pinned: {public_key: 'QUJD'}}", "expected a SHA-256 in base64"),
        ("{pinned: {public_key: 'ü'}}", "expected a SHA-256 in base64"),
        ("{pinned: at_paring}", f"{PIN_OR_WORD} (found 'at_paring')"),
        ("{pinned: At_Pairing}", f"{PIN_OR_WORD} (found 'At_Pairing')"),
        (f"{{pinned: '{'ab' * 32}'}}", f"{PIN_OR_WORD} (found 'abab"),
        ("{pinned: ''}", f"{PIN_OR_WORD} (found '')"),
        ("{pinned: true}", f"{PIN_OR_WORD} (found 'True')"),
        ("{pinned: [at_pairing]}", PIN_OR_WORD),
        ("{pinned: {sha256: ab}}", "pinned.sha256: is not a known field"),
        ("{pinned: {}}", "either the SHA-256 of the certificate or that of its public_key"),
        (f"{{pinned: {{certificate: '{'ab' * 32}', public_key: '{KEY}'}}}}", "or that of its public_key"),
        ("{pinned: at_pairing, issued_by: self_signed}", "issued_by or names, or both, or else only pinned"),
        ("{pinned: at_pairing, names: [a]}", "issued_by or names, or both, or else only pinned"),
        ("{}", "issued_by or names, or both, or else only pinned"),
    ],
)
def test_an_expectation_that_cannot_be_is_refused_with_its_place(tmp_path: Path, written: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=r"services\.2\.certificate") as caught:
        declared(tmp_path, written)
    assert says in str(caught.value)
    assert "more problem" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("{issued_by: self_signed}", ("self_signed", None)),
        ("{names: [a.local]}", (None, ("a.local",))),
        ("{issued_by: public_ca, names: [a.local]}", ("public_ca", ("a.local",))),
    ],
)
def test_an_issuer_or_names_are_enough_as_the_page_says(
    tmp_path: Path, written: str, parts: tuple[str | None, tuple[str, ...] | None]
) -> None:
    found = declared(tmp_path, written).component.certificate_at("tcp/322")
    assert isinstance(found, CertificateDeclaration)
    assert (found.issued_by, found.names) == parts
    assert "has `issued_by` or `names`, or both" in (ROOT / "docs" / "certificates.md").read_text("utf-8")


def test_a_service_without_tls_has_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"services\.1\.certificate: this service has no certificate"):
        declared(tmp_path, "{issued_by: self_signed}", "port: 22, protocol: ssh")


def test_what_people_open_in_a_browser_is_not_pinned(tmp_path: Path) -> None:
    says = "browsers pin no certificate"
    with pytest.raises(ConfigurationError, match=rf"services\.0\.certificate: .*{says}"):
        declared(tmp_path, "{pinned: at_pairing}", WEB)
    old = "certificate:\n    issued_by: product_ca\n    names: [camera.local]"
    with pytest.raises(ConfigurationError, match=rf"component\.certificate: .*{says}"):
        load(product_with(tmp_path, old, "certificate: {pinned: at_pairing}"), Product, {})


WEB_SERVICE = {"id": "web", "transport": "tcp", "port": 443, "protocol": "http", "tls": True, "purpose": "pages"}
SYNC_SERVICE = WEB_SERVICE | {"id": "sync", "port": 22000, "protocol": "other"}
PAGES: dict[str, Any] = {
    "first_use": {"service": "web", "path": "/setup", "proof": "none"},
    "http_api": {"id": "api", "service": "web", "path": "/api"},
    "http_resources": [{"path": "/info", "read": ["viewer"]}],
    "http_crawl": {"public": ["/help/*"]},
    "setting": {"path": "/name", "field": "name", "example": "Attic"},
}


def with_pages(part: str, web: Any = None, general: Any = None) -> Component:
    """A component with a web server and another TLS service, and with one declared part about its pages."""
    nothing = {"absent": "this component is made up"}
    fields = dict.fromkeys(("http_login", "console", "jtag", "update", "logging", "certificate"), nothing)
    web_service = WEB_SERVICE if web is None else WEB_SERVICE | {"certificate": web}
    given = {"services": [SYNC_SERVICE, web_service], part: PAGES.get(part, nothing)}
    given |= {} if general is None else {"certificate": general}
    return Component.model_validate({"id": "box", "kind": "device", **fields, **given})


@pytest.mark.parametrize(
    "written", [{"issued_by": "self_signed"}, {"pinned": "at_pairing"}, {"absent": "none is sent"}]
)
def test_a_certificate_that_no_case_reads_is_refused(written: dict[str, str]) -> None:
    nothing = {"absent": "this component is made up"}
    fields: dict[str, Any] = dict.fromkeys(("console", "jtag", "update", "logging"), nothing)
    over_udp = SYNC_SERVICE | {"transport": "udp", "certificate": written}
    with pytest.raises(ValidationError, match="only certificates of TCP services are read"):
        Component.model_validate({"id": "box", "kind": "device", **fields, "services": [over_udp]})


@pytest.mark.parametrize("part", list(PAGES))
def test_no_service_with_pages_for_people_is_pinned(part: str) -> None:
    says = f"people open the service web of {part} in a browser, and browsers pin no certificate"
    pinned, issued = {"pinned": "at_pairing"}, {"issued_by": "self_signed"}
    for given in ({"web": pinned}, {"general": pinned}, {"web": pinned, "general": issued}):
        with pytest.raises(ValidationError, match=says):
            with_pages(part, **given)
    with_pages(part, web=issued, general=pinned)
    with_pages(part, general=issued)


def test_a_web_server_without_any_page_for_people_can_be_pinned() -> None:
    assert with_pages("identity", general={"pinned": "at_pairing"}).certificate_at("tcp/443")


@pytest.mark.parametrize("part", ["http_resources", "http_crawl", "setting"])
def test_paths_belong_to_the_service_of_the_login(part: str) -> None:
    api = {"id": "api", "service": "gui", "path": "/"}
    gui = WEB_SERVICE | {"id": "gui", "port": 8443}
    pinned = WEB_SERVICE | {"certificate": {"pinned": "at_pairing"}}
    nothing = {"absent": "this component is made up"}
    fields: dict[str, Any] = dict.fromkeys(("console", "jtag", "update", "logging"), nothing)
    fields |= {"id": "box", "kind": "device", "http_api": api, part: PAGES[part]}
    assert Component.model_validate({**fields, "services": [pinned, gui]})
    with pytest.raises(ValidationError, match="the service web of"):
        Component.model_validate({**fields, "services": [pinned, gui], "http_api": nothing})


def test_a_service_has_its_own_certificate_and_every_other_door_that_of_the_component(tmp_path: Path) -> None:
    component = declared(tmp_path, "{issued_by: self_signed}").component
    own = component.certificate_at("tcp/322")
    assert isinstance(own, CertificateDeclaration)
    assert (own.issued_by, own.names) == ("self_signed", None)
    for door in ("tcp/443", "udp/322", "tcp/9", ""):
        assert component.certificate_at(door) == component.certificate
    assert "issued_by: product_ca" in PRODUCT


def test_the_examples_of_the_page_are_read() -> None:
    page = (ROOT / "docs" / "certificates.md").read_text("utf-8")
    product, bench = (yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S))
    nothing = {"absent": "this component is made up"}
    fields = dict.fromkeys(("console", "jtag", "update", "logging"), nothing)
    component = Component.model_validate({"id": "box", "kind": "device", **fields, **product["component"]})
    found = component.certificate_at("tcp/22000")
    assert isinstance(found, CertificateDeclaration)
    assert found.pinned == "at_pairing"
    absent = dict.fromkeys(("network", "console", "jtag", "power", "collector"), nothing)
    pins = Bench.model_validate({"schema_version": 1, "id": "a", "product": "b", "sample": "c", **absent, **bench}).pins
    assert list(pins) == ["sync"]


FIXED = f"certificate: {{pinned: {{certificate: '{'cd' * 32}'}}}}"


def compared(folder: Path, name: str, *, written: str = "") -> None:
    """Compare the pin of one service with a declaration of the camera in which the stream has `written`."""
    product = load(product_with(folder, STREAM, f"{STREAM}{written}"), Product, {})
    path = folder / "bench.yaml"
    path.write_text(f"{BENCH}\npins: {{{name}: {{certificate: '{'ab' * 32}'}}}}\n", "utf-8")
    pins, component = load(path, Bench, ENVIRONMENT).pins, product.component
    require_used_pins(pins, path, component.declared, component.certificate)


@pytest.mark.parametrize(
    ("name", "written", "says"),
    [
        ("ssh", "", "the service does not use TLS"),
        ("mdns", "", "the service does not use TLS"),
        ("sensors", "", "only certificates of TCP services are read"),
        ("stream", "", "the certificate of this service is not declared as pinned"),
        ("admin", ", certificate: {pinned: at_pairing}", "the certificate of this service is not declared as pinned"),
        ("stream", ", certificate: {issued_by: self_signed}", "is not declared as pinned"),
        ("stream", ", certificate: {absent: none is shown}", "is not declared as pinned"),
        ("stream", f", {FIXED}", "the declaration contains the pin of this service"),
    ],
)
def test_a_pin_that_no_case_uses_is_refused(tmp_path: Path, name: str, written: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"bench\.yaml, line \d+: pins\.{name} is not used: .*{says}"):
        compared(tmp_path, name, written=written)


def test_a_pin_at_pairing_is_used(tmp_path: Path) -> None:
    assert STREAM in PRODUCT
    compared(tmp_path, "stream", written=", certificate: {pinned: at_pairing}")
