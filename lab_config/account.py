"""An account of the product, as its manufacturer declares it, how the first one is made, and how logins are locked."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lab_config.base import Identifier, LongSeconds, Model, Role, UrlPath


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


class LockoutDeclaration(Model):
    """The effect of repeated failed logins: after `attempts` of them, a login is refused for `seconds`.

    Without `within`, those in a row count, and a valid login ends the row. With `within`, all of that time count.
    """

    attempts: Annotated[int, Field(ge=2, le=100_000)]
    seconds: LongSeconds
    within: LongSeconds | None = None
    """A moving window: only failed logins of the last so many seconds count."""
    reset_by_login: bool | None = None
    """Whether a valid login sets the count to zero. By default it does so only if `within` is not declared."""
    restarted_by_attempts: bool = False
    """Whether an attempt during the lock, even with the right password, makes it last for `seconds` again."""
    per: Literal["account", "source"]
    """Whether the account is refused, or the address from which the attempts come."""
    interfaces: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    """The interfaces that do this: services, and `console`."""

    @property
    def is_reset(self) -> bool:
        """Whether a valid login sets the count to zero."""
        return self.within is None if self.reset_by_login is None else self.reset_by_login

    @property
    def window(self) -> float:
        """The seconds after which a failed login no longer counts, as far as time alone decides it."""
        return self.within or self.seconds

    @property
    def rest(self) -> float:
        """The seconds from the last failed login after which the lock is over and the count is zero."""
        return max(self.seconds, self.window)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


Lockouts = Annotated[tuple[LockoutDeclaration, ...], BeforeValidator(_listed), Field(min_length=1, max_length=16)]
"""The lockouts of a product. A single one can be written without a list."""
