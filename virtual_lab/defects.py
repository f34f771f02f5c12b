"""The register of planted flaws: what each one is, and the cases that must fail because of it."""

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.errors import ConfigurationError
from lab_config.load import load

FILE = Path(__file__).parent / "defects.yaml"


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
    module: str | None = None
    """A Python module of the development tools that the flaw is made with."""

    @model_validator(mode="after")
    def _is_found_by_a_case(self) -> Self:
        if not self.fails and not self.leaves_manual:
            raise ValueError("name the cases that fail because of it, or that are left to a person")
        return self


class Register(BaseModel):
    """All defects of the reference device, by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    defects: dict[str, Defect]


@cache
def register() -> dict[str, Defect]:
    """Read virtual_lab/defects.yaml."""
    return load(FILE, Register, {}).defects


def require_defects(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a defect that the register does not hold, or that cannot be planted here."""
    for name in names:
        if name not in register():
            known = ", ".join(sorted(register()))
            raise ConfigurationError(f"there is no defect {name!r}.", f"There are {known}.")
        module = register()[name].module
        if module is not None and find_spec(module) is None:
            raise ConfigurationError(
                f"the defect {name} is made with {module}, which is not installed.",
                "Install the development tools with `uv sync`.",
            )
