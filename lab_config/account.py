"""An account of the product, as its manufacturer declares it, and how the first one is made."""

from typing import Literal

from lab_config.base import Identifier, Model, Role, UrlPath


class Account(Model):
    """An account that the product ships with. Its password is a secret of the bench, under `credentials`."""

    id: Identifier
    role: Role
    interfaces: tuple[Identifier, ...]
    """Services, and `console` for the serial console, on which this account may log in."""


class FirstUse(Model):
    """A page of set-up, and what a person must have to complete it."""

    service: Identifier
    path: UrlPath
    """Shows the set-up on first use. After the set-up, it is refused."""
    proof: Literal["none", "label_code", "button", "local"]
    """What only a person at the product has: a code on its label, a button, or a local connection (USB, Bluetooth)."""
