import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from lab_config.base import Absent
from lab_config.bench import Bench, NetworkBench, PowerBench
from lab_config.load import find, load, peek
from lab_config.product import Product
from trustprobe.errors import ConfigurationError

PRODUCT = find("products", "reference_camera").read_text("utf-8")
BENCH = find("benches", "reference").read_text("utf-8")
NAMED = re.findall(r"\$\{(REFERENCE_\w+)\}", BENCH)
ENVIRONMENT = {name: f"/tmp/{name}" for name in NAMED if not name.endswith("_PASSWORD")} | {
    "REFERENCE_PYTHON": "python3",
    "REFERENCE_MAC": "02:00:00:00:00:01",
    "REFERENCE_ADDRESS": "192.0.2.10",
    "REFERENCE_ADDRESS6": "",
    "REFERENCE_OTHER_SOURCE": "192.0.2.3",
    "REFERENCE_SECOND_ADDRESS": "192.0.2.11",
    "REFERENCE_COLLECTOR": "192.0.2.1",
    "REFERENCE_TIME_PORT": "123",
}


def product_with(folder: Path, old: str, new: str) -> Path:
    assert old in PRODUCT
    path = folder / "product.yaml"
    path.write_text(PRODUCT.replace(old, new, 1), "utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("port: 443", "port: 99999", r"line 15: component\.services\.0\.port: .*65535 \(found '99999'\)"),
        ("firmware: 1.4.0", "firmwares: 1.4.0", "firmware: is missing"),
        ("  boot_seconds: 20", "  boot_secs: 20", r"line 13: component\.boot_secs: is not a known field"),
        ("    service: admin\n    form", "    service: adm\n    form", "no service has the id adm"),
        ("{service: stream, paths", "{service: api, paths", "no service has the id api"),
        ("{id: api, service", "{id: ssh, service", "two services have the same id"),
        ("path: /cgi-bin/info", "path: /cgi bin/info", "component.http_api.*path: write blanks"),
        ("proof: '\"model\"'", "proof: '('", "not a regular expression"),
        ("  boot_seconds: 20", "  boot_seconds: 20\n  boot_seconds: 21", "line 14: boot_seconds is given twice"),
        ("elsewhere: [", "elsewhere: [[", "line 10: not YAML"),
        ("notice: 'Update available: {version}'", "notice: Update available", "notice does not contain the version"),
        ("request: '^GET /v1", "request: '(GET /v1", "is not a regular expression"),
        ("name: Halcyon", "name: ${NOT_SET} Halcyon", r"line 4: name: the environment variable NOT_SET is not set"),
    ],
)
def test_a_mistake_in_a_file_is_one_sentence_with_file_line_and_field(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    path = product_with(tmp_path, old, new)
    with pytest.raises(ConfigurationError, match=expected) as caught:
        load(path, Product, {})
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("content", "expected"), [(b"", "found none"), (b"\xff\xfe", "UTF-8"), (b"- 1", "found none")])
def test_a_file_that_holds_no_fields_says_so(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "bench.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected):
        load(path, Bench, {})


def test_a_name_that_is_not_shipped_lists_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"Use one of .*device_interfaces"):
        find("profiles", "no_such_profile")


def test_a_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml does not exist"):
        find("benches", "nowhere.yaml")


def test_a_power_switch_may_be_called_on_and_off(tmp_path: Path) -> None:
    bench = load(find("benches", "reference"), Bench, ENVIRONMENT)
    assert isinstance(bench.power, PowerBench)
    assert bench.power.on == "/tmp/REFERENCE_RELAY?turn=on"


def test_a_password_stays_a_reference(tmp_path: Path) -> None:
    bench = load(find("benches", "reference"), Bench, ENVIRONMENT)
    assert bench.credentials["admin"].password == "${REFERENCE_ADMIN_PASSWORD}"


def test_a_password_that_is_a_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bench.yaml"
    path.write_text(BENCH.replace('"${REFERENCE_ADMIN_PASSWORD}"', "hunter2hunter2"), "utf-8")
    with pytest.raises(ConfigurationError, match=r"credentials\.admin\.password"):
        load(path, Bench, ENVIRONMENT)


def test_what_is_declared_absent_says_why(tmp_path: Path) -> None:
    jtag = PRODUCT[PRODUCT.index("  jtag:") : PRODUCT.index("  cloud:")]
    path = product_with(tmp_path, jtag, "  jtag: {absent: fused off at the factory}\n")
    assert load(path, Product, {}).component.jtag == Absent(absent="fused off at the factory")


def test_a_notice_of_updates_needs_the_connection_that_the_product_asks_over(tmp_path: Path) -> None:
    cloud = PRODUCT[PRODUCT.index("  cloud:") : PRODUCT.index("  update:")]
    path = product_with(tmp_path, cloud, "  cloud: {absent: connects to nobody}\n")
    with pytest.raises(ConfigurationError, match="update_notice requires the connection of `cloud`"):
        load(path, Product, {})


def test_peek_reads_one_field_without_the_environment() -> None:
    assert peek(find("benches", "reference"), "virtual") == "reference"


def test_what_forwards_ports_may_send_from_an_address_of_its_own() -> None:
    ports = {"tcp/443": 10443}
    assert NetworkBench(address="127.0.8.20", sends_from="", port_map=ports).sender == "127.0.8.20"
    assert NetworkBench(address="127.0.8.20", sends_from="127.0.0.1", port_map=ports).sender == "127.0.0.1"
    with pytest.raises(ValidationError, match="router"):
        NetworkBench(address="127.0.8.20", sends_from="router")
