"""The declaration of a product: what is sold, the component that is judged, and its papers."""

from typing import Literal

from pydantic import Field

from lab_config.base import Absent, Identifier, Model
from lab_config.component import Component
from lab_config.papers import NOT_DECLARED, Condition, Documents, SupportPeriod


class Product(Model):
    """A declaration: what is sold, and the component that the bench holds."""

    schema_version: Literal[1]
    id: Identifier
    name: str
    manufacturer: str
    model: str
    firmware: str
    component: Component
    elsewhere: tuple[str, ...] = ()
    """Further components of the product that this declaration does not describe; reports name them as outside."""
    documents: Documents = Documents()
    support: SupportPeriod | Absent = NOT_DECLARED
    conditions: dict[str, Condition] = Field(default_factory=dict)
    """Conditions and features of EN 303 645 Table B.1, as `C:12` or `F:a`. One that is not stated holds."""
