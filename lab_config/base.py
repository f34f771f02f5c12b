"""The base of every model of a lab: frozen, without unknown fields, and with a model for declared absence."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Model(BaseModel):
    """Frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    """The rights of a declared account."""

    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"
    MAINTENANCE = "maintenance"


class Absent(Model):
    """The manufacturer declares that the product has no such thing, and why. The harness still probes for it."""

    absent: Annotated[str, StringConstraints(min_length=8)]
