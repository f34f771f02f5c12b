"""The registers of planted flaws, one a device: what each flaw is, and the cases that must fail because of it."""

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab_config.load import load
from trustprobe.errors import ConfigurationError

REFERENCE: Final = "reference"
FILES: Final = MappingProxyType(
    {
        REFERENCE: Path(__file__).parent / "defects.yaml",
        "firmware": Path(__file__).parent / "firmware" / "defects.yaml",
    }
)
"""The register of each virtual device."""


class Defect(BaseModel):
    """One planted flaw. `fails` names cases, or single rows as `case[row]`: these fail, and no others.

    `leaves_manual` names cases that a person has to look at because of it; they end MANUAL and fail nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    capabilities: Annotated[tuple[str, ...], Field(min_length=1)]
    """Folders of suites/ that hold the cases in `fails`."""
    fails: tuple[str, ...] = ()
    leaves_manual: tuple[str, ...] = ()
    alone: bool = False
    """Whether it changes what cases of other flaws see, so that it shares no device with another flaw."""
    not_beside: tuple[str, ...] = ()
    """Other flaws that it hides, or that hide it: no device has both."""
    module: str | None = None
    """A Python module of the development tools that the flaw is made with."""

    @model_validator(mode="after")
    def _is_found_by_a_case(self) -> Self:
        if not self.fails and not self.leaves_manual:
            raise ValueError("name the cases that fail because of it, or that are left to a person")
        return self


class Hardened(BaseModel):
    """What is known of the device without a planted flaw: cases, or single rows as `case[row]`, that fail there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fails: tuple[str, ...] = ()
    """They fail whatever is planted, so they count for no defect."""


class Register(BaseModel):
    """All defects of one virtual device, by id, and what fails without any of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hardened: Hardened = Hardened()
    defects: dict[str, Defect]


@cache
def _read(device: str) -> Register:
    return load(FILES[device], Register, {})


def register(device: str = REFERENCE) -> dict[str, Defect]:
    """Read the register of one virtual device."""
    return _read(device).defects


def known_failures(device: str = REFERENCE) -> tuple[str, ...]:
    """Return the cases and rows that fail on this virtual device without a planted flaw."""
    return _read(device).hardened.fails


def found_elsewhere(device: str = REFERENCE) -> frozenset[str]:
    """Return the cases that a flaw of another virtual device makes fail."""
    others = (register(other) for other in FILES if other != device)
    return frozenset(name.split("[", 1)[0] for flaws in others for flaw in flaws.values() for name in flaw.fails)


def require_defects(names: Iterable[str], device: str = REFERENCE) -> None:
    """Raise ConfigurationError for a defect that the register does not hold, or that cannot be planted here."""
    for name in names:
        if name not in register(device):
            known = ", ".join(sorted(register(device)))
            raise ConfigurationError(f"there is no defect {name!r}.", f"There are {known}.")
        module = register(device)[name].module
        if module is not None and find_spec(module) is None:
            raise ConfigurationError(
                f"the defect {name} is made with {module}, which is not installed.",
                "Install the development tools with `uv sync`.",
            )
