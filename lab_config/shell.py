"""The declaration of a shell that an account gets, and of the files that the account must not read there."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from lab_config.account import Account
from lab_config.base import Identifier, Model, Role

FilePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]+$", max_length=200)]
"""An absolute path without control characters."""


class ShellDeclaration(Model):
    """A POSIX shell over SSH for an account that is not an administrator."""

    service: Identifier
    account: Identifier
    secret_files: Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=20)]
    """Files that contain a secret while the product runs. This account must not read them."""

    def objection(self, ssh_services: Collection[str], accounts: Iterable[Account]) -> str | None:
        """Return the first conflict with the declared SSH services and accounts, or None if there is none."""
        if self.service not in ssh_services:
            return f"shell: no service of protocol ssh has the id {self.service}"
        account = next((one for one in accounts if one.id == self.account), None)
        if account is None or self.service not in account.interfaces:
            return f"shell: no account with the id {self.account} may log in on {self.service}"
        if account.role is Role.ADMINISTRATOR:
            return f"shell: {self.account} is an administrator, who may read secrets. Name an account that may not"
        return None
