"""A field device as data: the software, its configurations, the manufacturer's declaration, the bench, the truth.

Each device is a folder in devices/ with four YAML files: device, product, bench and truth.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from lab_config.base import Model, Port
from lab_config.load import load
from trustprobe.errors import ConfigurationError
from virtual_lab.declaration import merge_patch, read_document

FOLDER: Final = Path(__file__).parent / "devices"
CONFIGURATIONS: Final = ("well", "badly")
Words = Annotated[tuple[str, ...], Field(min_length=1)]
Command = Words | str
"""The words of a command, or a line for the shell."""
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text


Expression = Annotated[str, AfterValidator(_expression)]


class Software(Model):
    """Where the software comes from: packages by name, with a version where the registry has several."""

    debian: tuple[str, ...] = ()
    """Installed with everything that they depend on, as the device's file system."""
    pypi: tuple[str, ...] = ()
    """Installed into /opt/pypi."""
    npm: tuple[str, ...] = ()
    """Installed into /opt/npm."""


class Ready(Model):
    """What answers once the device has started: a TCP port, and there a path that is not answered with an error."""

    port: Port
    path: str | None = None
    seconds: Annotated[float, Field(gt=0, le=600)] = 60


class Configuration(Model):
    """What one configuration adds to the device, the declaration and the bench."""

    files: dict[str, str] = Field(default_factory=dict)
    """Contents by absolute path. A file that begins with `#!` is executable."""
    prepare: tuple[Command, ...] = ()
    """Run once in the device, in this order, before anything starts."""
    start: dict[str, Command] = Field(default_factory=dict)
    """Services by name. Each stays in the foreground, and starts again a second after it ended."""
    product: dict[str, Any] = Field(default_factory=dict)
    """A merge patch (RFC 7396) for the declaration, if another model of the product is sold like this."""
    bench: dict[str, Any] = Field(default_factory=dict)
    """A merge patch for the bench."""
    passwords: dict[Variable, str] = Field(default_factory=dict)
    """Values of the environment variables to which the bench refers."""
    pins: dict[Variable, Annotated[str, StringConstraints(pattern=r"^/")]] = Field(default_factory=dict)
    """Environment variables with the SHA-256 of a certificate that `prepare` makes: the file of each, in PEM form.

    A paired peer would show this pin. It is read from the file system of the device, and never over TLS.
    """


class DeviceFile(Configuration):
    """The file `device.yaml`: what both configurations share, and what each of them adds."""

    schema_version: Literal[1]
    title: str
    """The kind of device, and the software that it consists of."""
    software: Software
    ready: Ready
    well: Configuration
    badly: Configuration

    def merged(self, configuration: str) -> Configuration:
        """Return what is shared together with one configuration, which has the last word."""
        own: Configuration = getattr(self, configuration)
        return Configuration(
            files=self.files | own.files,
            prepare=self.prepare + own.prepare,
            start=self.start | own.start,
            product=own.product,
            bench=own.bench,
            passwords=self.passwords | own.passwords,
            pins=self.pins | own.pins,
        )


class Finding(Model):
    """A fault of the device that is certain from its software's documentation and from its configuration."""

    about: str
    case: str
    """The id of the case that must fail because of it."""
    row: str = "*"
    """The row of that case, as a pattern with `*`."""
    words: Expression = ""
    """Regular expression that the reason of the row contains. The same row may fail for several faults."""


class Truth(Model):
    """The truth about one configuration. Every failed row that nothing here names is a false FAIL."""

    findings: tuple[Finding, ...] = ()
    disputed: dict[str, str] = Field(default_factory=dict)
    """Rows about which two readers of the standards may disagree, as `case[row]` patterns, each with the reason."""


class TruthFile(Model):
    """The file `truth.yaml`: what holds for both configurations, and what for one of them."""

    schema_version: Literal[1]
    declared: dict[str, str] = Field(default_factory=dict)
    """Rows that fail because of what the declaration says, as `case[row]` patterns, each with the reason."""
    beyond_the_bench: dict[str, str] = Field(default_factory=dict)
    """Rows that no bench without further parts can settle, in the same form."""
    both: Truth = Truth()
    well: Truth = Truth()
    badly: Truth = Truth()

    def findings(self, configuration: str) -> tuple[Finding, ...]:
        """Return the findings of one configuration."""
        own: Truth = getattr(self, configuration)
        return self.both.findings + own.findings

    def disputed(self, configuration: str) -> dict[str, str]:
        """Return the disputed rows of one configuration."""
        own: Truth = getattr(self, configuration)
        return self.both.disputed | own.disputed


class FieldDevice:
    """One device: `FieldDevice("panel")`. Raises ConfigurationError for a mistake in one of its files."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self.name = name
        self.folder = folder / name
        if not (self.folder / "device.yaml").is_file():
            raise ConfigurationError(f"there is no field device {name!r}.", f"Give one of {', '.join(names(folder))}.")
        self.file = load(self.folder / "device.yaml", DeviceFile, {})
        shared = load(FOLDER.parent / "truth.yaml", TruthFile, {})
        own = load(self.folder / "truth.yaml", TruthFile, {})
        self.truth = own.model_copy(
            update={
                "declared": shared.declared | own.declared,
                "beyond_the_bench": shared.beyond_the_bench | own.beyond_the_bench,
            }
        )

    def product(self, configuration: str) -> Any:
        """Return the declaration of one configuration, as it is written to YAML."""
        return merge_patch(read_document(self.folder / "product.yaml"), self.file.merged(configuration).product)

    def bench(self, configuration: str) -> Any:
        """Return the bench of one configuration: that of all field devices, of this one, of the configuration."""
        shared = merge_patch(read_document(FOLDER.parent / "bench.yaml"), read_document(self.folder / "bench.yaml"))
        return merge_patch(shared, self.file.merged(configuration).bench)


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all devices."""
    return sorted(path.parent.name for path in folder.glob("*/device.yaml"))
