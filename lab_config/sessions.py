"""How long a login to the web administration lasts, and how somebody ends it."""

from typing import Annotated, Literal

from pydantic import Field

from lab_config.base import Absent, Model

SessionSeconds = Annotated[float, Field(gt=0, le=366 * 86_400)]


class LogoutDeclaration(Model):
    """The request that logs out, where no page shows a form or link for it."""

    path: str
    method: Literal["POST", "GET", "DELETE"] = "POST"


class SessionDeclaration(Model):
    """What ends a session. What is not stated is judged by the numbers of the profile."""

    idle_seconds: SessionSeconds | Absent | None = None
    """A session that nobody used for so long ends."""
    absolute_seconds: SessionSeconds | None = None
    """A session ends after so long, used or not."""
    logout: LogoutDeclaration | Absent | None = None
    """How somebody logs out, where the page that proves the login does not show it."""


class SessionNumbers(Model):
    """How long a profile lets a session last."""

    idle_seconds: SessionSeconds = 1_800
    absolute_seconds: SessionSeconds = 43_200
