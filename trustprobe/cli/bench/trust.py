"""The step that verifies the certificates of the bench as a strict device would, before a device is judged by them."""

from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from drivers.network.tls.bad_certificate import Authority, issue
from drivers.network.tls.strict import Objection, objections_to_ca, objections_to_server, refused_by_strict_client
from lab_config.base import Absent
from lab_config.bench import CloudBench, CollectorBench
from trustprobe.cli.bench.desk import Desk
from trustprobe.errors import BenchError, ConfigurationError

_ANY_HOST = "cloud.invalid"
_HOW = "docs/connect_a_board.md shows how to make one."


def trust(desk: Desk) -> None:
    """Verify the collector's certificate and the cloud's CA as a strict device does; nothing is opened or sent."""
    collector, cloud = desk.bench.collector, desk.bench.cloud
    if isinstance(collector, Absent) and isinstance(cloud, Absent):
        raise ConfigurationError(
            f"{desk.bench_path} names no collector and no cloud: it shows the device no certificate.",
            "There is nothing to check.",
        )
    refused: list[BenchError] = []
    if isinstance(collector, CollectorBench):
        refused += _collector(desk, collector)
    if isinstance(cloud, CloudBench):
        refused += _cloud(desk, cloud)
    if refused:
        raise refused[0]


def _collector(desk: Desk, bench: CollectorBench) -> list[BenchError]:
    name = f"the collector's certificate {bench.certificate.name}"
    try:
        chain = x509.load_pem_x509_certificates(bench.certificate.read_bytes())
        found = objections_to_server(chain)
        refused = refused_by_strict_client(bench.certificate, bench.key, bench.certificate, None)
    except (OSError, ValueError) as error:
        raise BenchError(
            f"{name} cannot be used with the key {bench.key.name}: {error}.",
            "Correct `collector.certificate` and `collector.key` of the bench file; both are PEM files.",
        ) from error
    return _tell(desk, name, chain[0], found, refused)


def _cloud(desk: Desk, bench: CloudBench) -> list[BenchError]:
    declared = desk.product.component.cloud
    host = _ANY_HOST if isinstance(declared, Absent) else declared.host
    authority = Authority.load(bench.ca_certificate, bench.ca_key)
    with TemporaryDirectory() as folder:
        good = issue("good", host, authority, Path(folder))
        refused = refused_by_strict_client(good.certificate, good.key, bench.ca_certificate, host)
    name = f"the cloud's CA {bench.ca_certificate.name}"
    return _tell(desk, name, authority.certificate, objections_to_ca(authority.certificate), refused)


def _tell(
    desk: Desk, name: str, certificate: x509.Certificate, objections: tuple[Objection, ...], refused: str
) -> list[BenchError]:
    """Print a line for each objection; the error that names the first, where there is one."""
    if refused and not objections:
        objections = (Objection(f"is refused by a strict client: {refused}", "Make it again."),)
    for one in objections:
        desk.say(f"{name} {one.what}. {one.remedy}", "no")
    if not objections:
        desk.say(f"{name}: a strict client accepts it, until {certificate.not_valid_after_utc:%Y-%m-%d}")
        return []
    first = objections[0]
    step = f"{first.remedy} Then let the sample trust the new one. {_HOW}"
    return [BenchError(f"{name} {first.what}, and strict devices refuse it.", step)]
