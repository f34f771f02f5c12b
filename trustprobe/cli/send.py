"""`trustprobe send`: sends a malformed message from the evidence of a run again, and prints how its service answers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.network.malformed.sending.delivery import deliver
from drivers.network.malformed.sending.evidence import KeptMessage, read_kept
from drivers.network.malformed.sending.liveness import Life, Liveness
from drivers.network.target import Target
from lab_config.base import Absent
from lab_config.bench import Bench, NetworkBench, Permission
from lab_config.component import Service
from lab_config.connected import require_connected
from lab_config.load import find, load, peek
from lab_config.product import Product
from trustprobe.cli.labs import LabRequest, start
from trustprobe.errors import ConfigurationError
from trustprobe.judging.lock import bench_lock
from trustprobe.probe import printable

SHOWN = 120
SECONDS = 10.0
"""How long the command waits for a service that is silent."""
PAUSE = 0.1


def send(file: Path, bench_name: str, product_name: str | None, defects: tuple[str, ...], *, loopback: bool) -> int:
    """Probe, send and probe again. Return 0 if the service answered at once, else 1. Raises ConfigurationError."""
    kept = read_kept(file)
    path = find("benches", bench_name)
    if Permission.MALFORMED not in _allowed(path):
        raise ConfigurationError(
            f"{path} does not allow malformed messages, which can damage a device.", "Add `malformed` to its `allow`."
        )
    declaration = find("products", product_name or str(peek(path, "product")))
    service = _service(load(declaration, Product), kept, declaration)
    with _network(path, LabRequest(defects, ("interface_access_control",), False, loopback, declaration)) as network:
        return _send(Target(network), service, kept)


def _allowed(path: Path) -> tuple[str, ...]:
    allow = peek(path, "allow")
    return tuple(str(one) for one in allow) if isinstance(allow, list) else ()


def _service(product: Product, kept: KeptMessage, path: Path) -> Service:
    for service in product.component.declared:
        if (service.port, service.transport) == (kept.port, "udp" if kept.way == "udp" else "tcp"):
            return service
    raise ConfigurationError(
        f"{path} declares no service on port {kept.port}.", "Give the product that the message was sent to."
    )


@contextmanager
def _network(path: Path, wanted: LabRequest) -> Iterator[NetworkBench]:
    """Return the network to the sample. Start a virtual device, or take the lock of a real bench."""
    virtual = peek(path, "virtual")
    if virtual is None:
        with bench_lock(str(peek(path, "id"))):
            yield _network_of(path, {})
        return
    with start(virtual, wanted) as lab:
        yield _network_of(path, lab.port_map)


def _network_of(path: Path, port_map: dict[str, int]) -> NetworkBench:
    bench = load(path, Bench)
    if not port_map:
        require_connected(bench, path)
    network = bench.network
    if isinstance(network, Absent):
        raise ConfigurationError(f"{path} has no network to the device: {network.absent}.", "Give another bench.")
    return network.model_copy(update={"port_map": port_map}) if port_map else network


def _send(target: Target, service: Service, kept: KeptMessage) -> int:
    liveness = Liveness(target, service)
    before = liveness.ask()
    print(f"before:  {service.about} ({service.protocol}): {before.life} {before.words}".rstrip())
    liveness.before = before if before.life is Life.ANSWERED else None
    reaction = deliver(target, service.port, kept.way, kept.data)
    heard = f": {printable(reaction.heard, SHOWN)}" if reaction.heard else ""
    print(f"message: {kept.name}, {len(kept.data)} octets ({kept.origin}): {reaction.words}{heard}")
    began = time.monotonic()
    first = sign = liveness.ask()
    while sign.life is not Life.ANSWERED and time.monotonic() - began < SECONDS:
        time.sleep(PAUSE)
        sign = liveness.ask()
    later = "" if first.life is Life.ANSWERED else f", and {sign.life} after {time.monotonic() - began:.1f} s"
    print(f"after:   {service.about} ({service.protocol}): {first.life}{later}")
    return 0 if first.life is Life.ANSWERED else 1
