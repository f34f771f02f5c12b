"""How long a login to the web administration lasts, and how a user ends it."""

from typing import Annotated, Literal

from pydantic import Field

from lab_config.base import Absent, Model, UrlPath

SessionSeconds = Annotated[float, Field(gt=0, le=366 * 86_400)]


class LogoutDeclaration(Model):
    """The request that logs out, if no page shows a form or link for it."""

    path: UrlPath
    method: Literal["POST", "GET", "DELETE"] = "POST"


class SessionDeclaration(Model):
    """The end of a session. If a value is not stated, the number of the profile applies."""

    idle_seconds: SessionSeconds | Absent | None = None
    """A session that was not used for this time ends."""
    absolute_seconds: SessionSeconds | None = None
    """A session ends after this time, even if it is in use."""
    logout: LogoutDeclaration | Absent | None = None
    """How a user logs out, if the page that proves the login does not show it."""


class SessionNumbers(Model):
    """How long a session may last in a profile."""

    idle_seconds: SessionSeconds = 1_800
    absolute_seconds: SessionSeconds = 43_200
