import hashlib
import re
import ssl
from pathlib import Path

import pytest

from lab_config.bench import Bench
from lab_config.certificate import CertificateDeclaration, Pin, require_used_pins
from lab_config.load import load
from lab_config.product import Product
from trustprobe.errors import BenchError, ConfigurationError
from virtual_lab.field.device import CONFIGURATIONS, FieldDevice, names
from virtual_lab.field.lab import FieldLab
from virtual_lab.field.machine import LOG
from virtual_lab.field.table import COLUMNS

CASES = Path(__file__).resolve().parents[3] / "suites"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "field.md"


@pytest.fixture(scope="module")
def cases() -> str:
    return "\n".join(path.read_text("utf-8") for path in CASES.rglob("test_*.py"))


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("name", names())
def test_every_device_has_a_declaration_and_a_bench_that_load(name: str, configuration: str, tmp_path: Path) -> None:
    lab = FieldLab(tmp_path / "device", FieldDevice(name), configuration, tmp_path)
    lab.write_files()
    product = load(lab.product, Product, lab.environment)
    bench = load(lab.bench, Bench, lab.environment)
    assert bench.product == product.id == f"{name}_{configuration}"
    declared = {account.id for account in product.component.users}
    assert declared <= bench.credentials.keys()
    references = {one.password.strip("${}") for one in bench.credentials.values()}
    assert references <= lab.environment.keys()


@pytest.mark.parametrize("name", names())
def test_every_finding_names_a_case_that_there_is(name: str, cases: str) -> None:
    truth = FieldDevice(name).truth
    named = {one.case for word in CONFIGURATIONS for one in truth.findings(word)}
    assert not [case for case in named if "*" not in case and f'"{case}"' not in cases]


@pytest.mark.parametrize("name", names())
def test_a_badly_configured_device_has_findings_that_the_same_device_configured_well_has_not(name: str) -> None:
    truth = FieldDevice(name).truth
    assert set(truth.findings("badly")) - set(truth.findings("well"))


@pytest.mark.parametrize("name", names())
def test_the_page_says_what_each_device_is(name: str) -> None:
    device = FieldDevice(name)
    row = next(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| {name} | a"))
    software = row.strip("| ").rpartition("| ")[2].split(", ")
    assert all(word in device.file.title for word in software), device.file.title


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("name", names())
def test_an_agent_has_each_user_of_snmp_that_is_declared(name: str, configuration: str, tmp_path: Path) -> None:
    lab = FieldLab(tmp_path / "device", FieldDevice(name), configuration, tmp_path)
    lab.write_files()
    component = load(lab.product, Product, lab.environment).component
    bench = load(lab.bench, Bench, lab.environment)
    agents = {service.id for service in component.declared if service.protocol == "snmp"}
    files = "\n".join(FieldDevice(name).file.merged(configuration).files.values())
    logins = [bench.credentials[one.id] for one in component.users if agents & set(one.interfaces)]
    passwords = {f"${{{variable}}}": value for variable, value in lab.environment.items()}
    for login in logins:
        assert re.search(rf"^createUser {login.user} SHA-256 {passwords[login.password]} ", files, re.MULTILINE)
        assert re.search(rf"^rouser {login.user} priv ", files, re.MULTILINE)


def lab_of_a_unit_with(folder: Path, configuration: str, certificate: bytes | None) -> FieldLab:
    """The lab of the file synchroniser after the unit has made its own certificate."""
    lab = FieldLab(folder / "device", FieldDevice("sync_box"), configuration, folder)
    lab.write_files()
    (lab.folder / LOG).touch()
    if certificate is not None:
        path = lab.folder / "changes" / "srv" / "sync" / "cert.pem"
        path.parent.mkdir(parents=True)
        path.write_bytes(certificate)
    return lab


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("der", [b"a unit", b"another unit"])
def test_the_bench_has_the_pin_of_the_certificate_that_the_unit_made(
    tmp_path: Path, configuration: str, der: bytes
) -> None:
    lab = lab_of_a_unit_with(tmp_path, configuration, ssl.DER_cert_to_PEM_cert(der).encode())
    lab.read_pins()
    product, bench = load(lab.product, Product, lab.environment), load(lab.bench, Bench, lab.environment)
    assert bench.pins == {"sync": Pin(certificate=hashlib.sha256(der).hexdigest())}
    require_used_pins(bench.pins, lab.bench, product.component.declared, product.component.certificate)
    certificate = product.component.certificate
    assert isinstance(certificate, CertificateDeclaration)
    assert certificate.names == ("sync.local",)


@pytest.mark.parametrize("certificate", [None, b"", b"no certificate", b"\xff", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_unit_that_made_no_certificate_is_named_with_the_file(tmp_path: Path, certificate: bytes | None) -> None:
    lab = lab_of_a_unit_with(tmp_path, "well", certificate)
    with pytest.raises(BenchError, match=r"sync_box \(well\) did not start: /srv/sync/cert\.pem holds no certificate"):
        lab.read_pins()


def results() -> list[list[str]]:
    """The cells of the table of results on the page: one row per device and configuration, and the sum."""
    table = PAGE.read_text("utf-8").partition(f"| {' | '.join(COLUMNS)} |\n")[2]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


@pytest.mark.parametrize("name", names())
def test_the_page_shows_the_results_of_each_device_in_both_configurations(name: str) -> None:
    assert [row[1] for row in results() if row[0] == name] == list(CONFIGURATIONS)


def test_the_last_line_of_the_results_sums_the_others() -> None:
    *rows, total = results()
    of_findings = [[int(number) for number in row[2].split("/")] for row in rows]
    numbers = [[int(row[column]) for row in rows] for column in (3, 4, 5, 7)]
    settled = [int(row[6].removesuffix("%")) for row in rows]
    assert total[2] == "/".join(str(sum(column)) for column in zip(*of_findings, strict=True))
    assert [int(total[column]) for column in (3, 4, 5)] == [sum(column) for column in numbers[:3]]
    assert abs(int(total[7]) - sum(numbers[3])) <= len(rows) / 2  # each row is rounded
    assert abs(int(total[6].removesuffix("%")) - sum(settled) / len(rows)) <= 1


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="no field device 'toaster'") as raised:
        FieldDevice("toaster")
    assert names()[0] in raised.value.next_step


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "toaster"
    folder.mkdir()
    (folder / "device.yaml").write_text(
        "schema_version: 1\ntitle: x\nsoftware: {}\nready: {port: 1, prot: 1}\nwell: {}\nbadly: {}\n"
    )
    with pytest.raises(ConfigurationError, match=r"toaster/device.yaml, line 4: ready.prot: is not a known field"):
        FieldDevice("toaster", tmp_path)
