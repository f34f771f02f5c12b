"""The declaration of a product: the product as sold, the component that is judged, and its documents."""

from typing import Literal

from pydantic import Field

from lab_config.base import NOT_SAID, Absent, Identifier, Model
from lab_config.component import Component
from lab_config.papers import Condition, Documents, SupportPeriod


class Product(Model):
    """A declaration: the product as sold, and the component on the bench."""

    schema_version: Literal[1]
    id: Identifier
    name: str
    manufacturer: str
    model: str
    firmware: str
    component: Component
    elsewhere: tuple[str, ...] = ()
    """Further components of the product that this declaration does not describe. Reports list them as outside."""
    documents: Documents = Documents()
    support: SupportPeriod | Absent = NOT_SAID
    conditions: dict[str, Condition] = Field(default_factory=dict)
    """Conditions and features of EN 303 645 Table B.1, as `C:12` or `F:a`. A condition that is not stated holds."""
