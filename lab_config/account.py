"""An account of the product, as its manufacturer declares it."""

from lab_config.base import Identifier, Model, Role


class Account(Model):
    """An account that the product ships with. Its password is a secret of the bench, under `credentials`."""

    id: Identifier
    role: Role
    interfaces: tuple[Identifier, ...]
    """Services, and `console` for the serial console, on which this account may log in."""
