"""A pin of a bench file is used, or it is refused in words."""

from pathlib import Path

import pytest

from lab_config.bench import Bench
from lab_config.load import load
from lab_config.pins import require_used_pins
from lab_config.product import Product
from tests.lab_config.test_load import BENCH, ENVIRONMENT, PRODUCT, product_with
from trustprobe.errors import ConfigurationError

STREAM = "port: 322, protocol: rtsp, tls: true"
FIXED = f"certificate: {{pinned: {{certificate: '{'cd' * 32}'}}}}"


def compared(folder: Path, name: str, *, written: str = "") -> None:
    """Compare the pin of one service with a declaration of the camera in which the stream has `written`."""
    product = load(product_with(folder, STREAM, f"{STREAM}{written}"), Product, {})
    path = folder / "bench.yaml"
    path.write_text(f"{BENCH}\npins: {{{name}: {{certificate: '{'ab' * 32}'}}}}\n", "utf-8")
    require_used_pins(load(path, Bench, ENVIRONMENT), path, product.component)


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
