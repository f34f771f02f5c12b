"""The declaration of interfaces with a password other than the login form, SSH and the serial console."""

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from lab_config.base import Identifier, Model

Path = Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=500)]
"""A path as it is requested: no blank and no control character."""
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class HttpApiDeclaration(Model):
    """Paths of an HTTP service that require HTTP authentication (Basic or Digest) and not a session."""

    id: Identifier
    """Its name in the `interfaces` of accounts and of the lockout, next to the ids of the services."""
    service: Identifier
    path: Path
    """Answers a GET without a login with 401 and a challenge, and with a login with 2xx. Reading it changes nothing."""
    proof: Pattern | None = None
    """Regular expression that only the answer to a login contains."""

    @model_validator(mode="after")
    def _proof_is_one(self) -> Self:
        if self.proof is not None:
            require_pattern(self.proof)
        return self


class StreamsDeclaration(Model):
    """The streams of an RTSP service. With a login each path is described, and without a login it is refused."""

    service: Identifier
    paths: Annotated[tuple[Path, ...], Field(min_length=1, max_length=64)]


class TelnetDeclaration(Model):
    """The output of a Telnet service, as regular expressions. An omitted one is recognised in its common forms."""

    service: Identifier
    login_prompt: Pattern | None = None
    password_prompt: Pattern | None = None
    refusal: Pattern | None = None
    shell_prompt: Pattern | None = None
    """A prompt that appears only after a login."""

    @model_validator(mode="after")
    def _patterns_are_some(self) -> Self:
        for pattern in (self.login_prompt, self.password_prompt, self.refusal, self.shell_prompt):
            if pattern is not None:
                require_pattern(pattern)
        return self


def require_pattern(pattern: str) -> None:
    """Raise ValueError if the text is not a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
