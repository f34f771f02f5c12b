"""A user name and the password that belongs to it, as the bench has them for an account of the product."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Login:
    """Somebody who may log in. The password shows in no evidence, so that it is in no repr either."""

    user: str
    password: str = field(repr=False)
