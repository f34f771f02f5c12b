"""The registers of planted flaws, one per virtual device: `virtual_lab/<device>/defects.yaml`.

A register is the only place that describes a flaw. The command, the matrix, the pages of docs/ and the tests read it.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from lab_config.load import load
from trustprobe.errors import ConfigurationError

REFERENCE: Final = "reference"
_HERE: Final = Path(__file__).parent
_NAME: Final = "defects.yaml"
FILES: Final = MappingProxyType({path.parent.name: path for path in sorted(_HERE.glob(f"*/{_NAME}"))})
"""The register of each virtual device."""

DefectId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]


class Edit(BaseModel):
    """A text in a file of the device, which must be there once, and the text that replaces it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    old: str
    new: str


class Change(BaseModel):
    """How the build or the factory makes the firmware device differ; the register explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edits: tuple[Edit, ...] = ()
    files: dict[str, str] = {}
    flash: dict[str, str] = {}
    unsigned_boot: bool = False
    other_hardware: str | None = None
    label: str | None = None


class Defect(BaseModel):
    """One planted flaw. `fails` names cases, or single rows as `case[row]`: these fail, and no others.

    `leaves_manual` names cases that a person has to look at because of it; they end MANUAL and fail nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    fails: tuple[str, ...] = ()
    leaves_manual: tuple[str, ...] = ()
    unjudged: str | None = None
    """Why no case finds it yet. It can be planted, and the matrix leaves it out."""
    alone: bool = False
    """Whether it changes what cases of other flaws see, so that it shares no device with another flaw."""
    not_beside: tuple[str, ...] = ()
    """Other flaws that it hides, or that hide it: no device has both."""
    module: str | None = None
    """A Python module of the development tools that the flaw is made with."""
    change: Change | None = None
    """What is changed in the firmware device. The code of the reference device asks for the id instead."""

    @property
    def cases(self) -> frozenset[str]:
        """The ids of the cases that it makes fail, or leaves to a person."""
        return frozenset(name.split("[", 1)[0] for name in (*self.fails, *self.leaves_manual))

    @model_validator(mode="after")
    def _is_found_by_a_case(self) -> Self:
        if bool(self.cases) == bool(self.unjudged):
            raise ValueError("name the cases that fail because of it (fails), or say why there is none (unjudged)")
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
    defects: dict[DefectId, Defect]


@cache
def _read(device: str) -> Register:
    return load(FILES[device], Register, {})


def file_name(device: str = REFERENCE) -> str:
    """Return the register of one virtual device as messages name it."""
    return FILES[device].relative_to(_HERE.parent).as_posix()


def plantable(device: str = REFERENCE) -> Mapping[str, Defect]:
    """Read every flaw that can be planted in one virtual device, by id."""
    return MappingProxyType(_read(device).defects)


@cache
def register(device: str = REFERENCE) -> Mapping[str, Defect]:
    """Read the flaws of one virtual device that cases have to find, by id."""
    return MappingProxyType({name: flaw for name, flaw in plantable(device).items() if flaw.unjudged is None})


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
        if name not in plantable(device):
            raise ConfigurationError(f"there is no defect {name!r} in {file_name(device)}.", _similar(name, device))
        module = plantable(device)[name].module
        if module is not None and find_spec(module) is None:
            raise ConfigurationError(
                f"the defect {name} is made with {module}, which is not installed.",
                "Install it: `uv sync` in a checkout, else `uv tool install --with` or `pipx inject` with tlslite-ng.",
            )


def require_judged(names: Iterable[str], device: str = REFERENCE) -> None:
    """Raise ConfigurationError for a defect that no case finds yet."""
    for name in names:
        if reason := plantable(device)[name].unjudged:
            raise ConfigurationError(
                f"no case finds the defect {name}: {reason}.", f"Name its cases under `fails` in {file_name(device)}."
            )


def _similar(name: str, device: str) -> str:
    near = get_close_matches(name, plantable(device))
    return f"Did you mean {' or '.join(near)}?" if near else "Choose one that the file lists."
