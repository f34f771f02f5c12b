"""The declaration of doors other than the login form, SSH and the serial console: with a password, or for debugging."""

from typing import Annotated

from pydantic import Field, StringConstraints

from lab_config.base import Expression, Identifier, Model, UrlPath

Pattern = Annotated[Expression, StringConstraints(min_length=1, max_length=500)]


class HttpApiDeclaration(Model):
    """Paths of an HTTP service that require HTTP authentication (Basic or Digest) and not a session."""

    id: Identifier
    """Its name in the `interfaces` of accounts and of the lockout, next to the ids of the services."""
    service: Identifier
    path: UrlPath
    """Answers a GET without a login with 401 and a challenge, and with a login with 2xx. Reading it changes nothing."""
    proof: Pattern | None = None
    """Regular expression that only the answer to a login contains."""


class StreamsDeclaration(Model):
    """The streams of an RTSP service. With a login each path is described, and without a login it is refused."""

    service: Identifier
    paths: Annotated[tuple[UrlPath, ...], Field(min_length=1, max_length=64)]


class TelnetDeclaration(Model):
    """The output of a Telnet service, as regular expressions. An omitted one is recognised in its common forms."""

    service: Identifier
    login_prompt: Pattern | None = None
    password_prompt: Pattern | None = None
    refusal: Pattern | None = None
    shell_prompt: Pattern | None = None
    """A prompt that appears only after a login."""


class JtagDeclaration(Model):
    """The debug port as shipped: TAPs by IDCODE, from TDO to TDI, and an address that is readable if unlocked."""

    idcodes: tuple[int, ...]
    ir_lengths: tuple[int, ...]
    probe_address: int
    """A word at this address is read to find out whether memory can be read."""


class GdbDeclaration(Model):
    """A GDB remote port as shipped: the address at which memory is read if a stub answers."""

    probe_address: Annotated[int, Field(ge=0, lt=2**64)]
