"""The input of the steps of `trustprobe bench check`: a bench, the declaration of its product, and the printer.

Nothing here opens a port or a socket.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from drivers.network.target import Target
from lab_config.base import Absent
from lab_config.bench import Bench, ConsoleBench, NetworkBench
from lab_config.certificate import require_used_pins
from lab_config.component import ConsoleDeclaration, Service, Transport
from lab_config.load import find, load, peek
from lab_config.product import Product
from trustprobe.errors import ConfigurationError, Fault, TrustprobeError

Part = TypeVar("Part")
Mark = Literal["ok", "no", "do"]
"""The kind of a line: expected, not as expected, or an action for the reader."""


class UnexpectedAnswerError(TrustprobeError):
    """The device answers, but not as its files state. The reader must find which of the two is wrong."""

    fault = Fault.DEVICE


class Telling(Protocol):
    """Prints a line immediately."""

    def __call__(self, line: str, mark: Mark = "ok") -> None:
        """Print the line with its mark."""


class NoRecord:
    """A recorder that keeps no evidence."""

    def keep(self, name: str, data: bytes) -> None:
        """Drop it."""

    def note(self, line: str) -> None:
        """Drop it."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Drop it."""


@dataclass(frozen=True)
class Desk:
    """One bench with its product, and the function that prints lines."""

    bench: Bench
    product: Product
    bench_path: Path
    product_path: Path
    say: Telling

    @classmethod
    def read(cls, bench: str, product: str | None, say: Telling) -> "Desk":
        """Read both files; ConfigurationError for the first mistake, and for a bench that starts a virtual device."""
        path = find("benches", bench)
        if peek(path, "virtual") is not None:
            raise ConfigurationError(
                f"{path} starts a virtual device, so there is no connected board to check.",
                "Use it with `trustprobe run`, or remove `virtual` and name the ports of a board.",
            )
        read = load(path, Bench)
        product_path = find("products", product or read.product)
        declared = load(product_path, Product)
        if declared.id != read.product:
            raise ConfigurationError(
                f"the bench {read.id} holds a {read.product}, but the product is {declared.id}.",
                "Give the declaration with --product, or correct `product` in the bench file.",
            )
        require_used_pins(read.pins, path, declared.component.declared, declared.component.certificate)
        return cls(read, declared, path, product_path, say)

    @property
    def console(self) -> tuple[ConsoleBench, ConsoleDeclaration]:
        """The serial port and what the product prints on it."""
        bench = self.named(self.bench.console, "console", "console: {url: /dev/ttyUSB0}")
        return bench, self.declared(self.product.component.console, "console")

    @property
    def network(self) -> NetworkBench:
        """The sample's address."""
        return self.named(self.bench.network, "network", "network: {address: ..., interface: ...}")

    @property
    def target(self) -> Target:
        """The way to the sample's ports."""
        return Target(self.network)

    @property
    def canary(self) -> Service | None:
        """The declared TCP service that shows that the sample is up. None if the bench reaches none."""
        tcp = [one for one in self.product.component.declared if one.transport is Transport.TCP]
        tcp = [one for one in tcp if self.target.reaches(one.transport, one.port)]
        return next((one for one in tcp if one.canary), tcp[0] if tcp else None)

    def named(self, part: Part | Absent, field: str, example: str) -> Part:
        """Return a part of the bench. If the file declares it absent, raise ConfigurationError with an example."""
        if isinstance(part, Absent):
            raise ConfigurationError(
                f"{self.bench_path} names no {field} ({part.absent}).", f"Connect it, and add `{example}`."
            )
        return part

    def declared(self, part: Part | Absent, field: str) -> Part:
        """Return a part of the declaration. If the product has none, raise ConfigurationError."""
        if isinstance(part, Absent):
            raise ConfigurationError(
                f"{self.product_path} declares no {field} ({part.absent}).", f"Declare it under `component.{field}`."
            )
        return part
