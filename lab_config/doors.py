"""What a product declares of interfaces with a password beside the login form, SSH and the serial console."""

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from lab_config.base import Identifier, Model

Path = Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=500)]
"""A path as it is requested: no blank and no control character."""
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class HttpApiDeclaration(Model):
    """Paths of an HTTP service that ask for HTTP authentication, Basic or Digest, and not for a session."""

    id: Identifier
    """Its name among the `interfaces` of accounts and of the lockout, beside the ids of the services."""
    service: Identifier
    path: Path
    """Answers a GET with 401 and a challenge, and with 2xx to a login. Reading it changes nothing."""
    proof: Pattern | None = None
    """Regular expression that only the answer to a login contains."""

    @model_validator(mode="after")
    def _proof_is_one(self) -> Self:
        if self.proof is not None:
            require_pattern(self.proof)
        return self


class StreamsDeclaration(Model):
    """The streams of an RTSP service: each path is described to a login, and refused without one."""

    service: Identifier
    paths: Annotated[tuple[Path, ...], Field(min_length=1, max_length=64)]


class TelnetDeclaration(Model):
    """What a Telnet service shows, as regular expressions; what is left out is recognised as most makers have it."""

    service: Identifier
    login_prompt: Pattern | None = None
    password_prompt: Pattern | None = None
    refusal: Pattern | None = None
    shell_prompt: Pattern | None = None
    """A prompt that only a login shows."""

    @model_validator(mode="after")
    def _patterns_are_some(self) -> Self:
        for pattern in (self.login_prompt, self.password_prompt, self.refusal, self.shell_prompt):
            if pattern is not None:
                require_pattern(pattern)
        return self


def require_pattern(pattern: str) -> None:
    """Raise ValueError for what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
