"""What the steps of `trustprobe bench check` look at: a bench, the declaration of the product, and who is told.

Nothing here opens a port or a socket.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from drivers.network.target import Target
from lab_config.base import Absent
from lab_config.bench import Bench, ConsoleBench, NetworkBench
from lab_config.component import ConsoleDeclaration, Service, Transport
from lab_config.load import find, load, peek
from lab_config.product import Product
from trustprobe.errors import ConfigurationError, Fault, TrustprobeError

Part = TypeVar("Part")
Mark = Literal["ok", "no", "do"]
"""What a line says: what was expected, something else, or what the reader does now."""


class UnexpectedAnswerError(TrustprobeError):
    """The device answers, and otherwise than its files say; which of the two is wrong is for the reader to find."""

    fault = Fault.DEVICE


class Telling(Protocol):
    """Tells the reader a line at once."""

    def __call__(self, line: str, mark: Mark = "ok") -> None:
        """Print the line with its mark."""


class NoRecord:
    """A recorder for probes whose evidence nobody keeps."""

    def keep(self, name: str, data: bytes) -> None:
        """Drop it."""

    def note(self, line: str) -> None:
        """Drop it."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Drop it."""


@dataclass(frozen=True)
class Desk:
    """One bench with its product, and the way to the reader."""

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
                f"{path} starts a virtual device: nothing is plugged in that could be checked.",
                "Run `trustprobe run` with it, or remove `virtual` and name the ports of a board.",
            )
        read = load(path, Bench)
        product_path = find("products", product or read.product)
        declared = load(product_path, Product)
        if declared.id != read.product:
            raise ConfigurationError(
                f"the bench {read.id} holds a {read.product}, the product is {declared.id}.",
                "Give the declaration with --product, or correct `product` of the bench file.",
            )
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
        """The declared TCP service that shows that the sample is up; None where the bench leads to none."""
        tcp = [one for one in self.product.component.declared if one.transport is Transport.TCP]
        tcp = [one for one in tcp if self.target.reaches(one.transport, one.port)]
        return next((one for one in tcp if one.canary), tcp[0] if tcp else None)

    def named(self, part: Part | Absent, field: str, example: str) -> Part:
        """Return a part of the bench; ConfigurationError with an example line where the file says it is absent."""
        if isinstance(part, Absent):
            raise ConfigurationError(
                f"{self.bench_path} names no {field} ({part.absent}).", f"Connect it, and write `{example}`."
            )
        return part

    def declared(self, part: Part | Absent, field: str) -> Part:
        """Return a part of the declaration; ConfigurationError where the product has none."""
        if isinstance(part, Absent):
            raise ConfigurationError(
                f"{self.product_path} declares no {field} ({part.absent}).", f"Declare it under `component.{field}`."
            )
        return part
