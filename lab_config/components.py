"""Further components of the product that were paired with this one, and a message that identifies each.

The bench holds their credentials: `credentials` by the component's id, or `peers` if the credential is a certificate.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lab_config.base import Identifier, Model, Role, Seconds, UrlPath
from lab_config.interfaces import TopicName

_PATHS = {"coap": "path", "http": "path", "mqtt": "topic"}
SPOKEN = tuple(_PATHS)
"""The protocols over which a message of a component can be sent and read."""


class _Place(Model):
    """A resource of CoAP or HTTP by its path, or a topic of MQTT."""

    path: UrlPath | None = None
    topic: TopicName | None = None

    def objection(self, protocol: str) -> str | None:
        """Return why this is not a place of a service with this protocol, or None if it is one."""
        wanted = _PATHS.get(protocol)
        if wanted is None:
            return f"speaks {protocol}, but messages of components use {', '.join(SPOKEN)}"
        given = {name for name in ("path", "topic") if getattr(self, name) is not None}
        return None if given == {wanted} else f"speaks {protocol}: name a {wanted}, and nothing else"


class ShownAt(_Place):
    """Where an accepted message appears: a resource that is read, or a topic that is subscribed to."""

    service: Identifier | None = None
    """The service of that place. By default it is the service to which the message is sent."""
    role: Role
    """The role that is authorised to read it."""
    seconds: Seconds = 2
    """The longest time from a message to its appearance."""


class Talk(_Place):
    """A message of the component: a harmless reading, sent over one declared service."""

    service: Identifier
    method: Literal["PUT", "POST"] = "PUT"
    """Of CoAP and HTTP."""
    message: Annotated[str, StringConstraints(max_length=4_000)]
    """`{nonce}` becomes a new word each time, `{number}` a new number of five digits."""
    content_type: Annotated[str, StringConstraints(pattern=r"^[!-~ ]+$", max_length=100)] = "application/json"
    """Of HTTP."""
    header: Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [ -~]+$", max_length=400)] = (
        "Authorization: Bearer {password}"
    )
    """Of HTTP: how a credential is sent, with `{user}` and `{password}` in their places."""
    account: Identifier | None = None
    """The key of the bench's `credentials` if the component shares one. By default it is the component's own id."""
    shown: ShownAt

    @model_validator(mode="after")
    def _holds_what_is_looked_for(self) -> Self:
        if sum(self.message.count(place) for place in ("{nonce}", "{number}")) != 1:
            raise ValueError(
                "message does not contain the reading: write {nonce} or {number} in its place, exactly once"
            )
        return self


class PairedComponent(Model):
    """A component of the product that was paired with this one: a sensor, an app, a hub."""

    id: Identifier
    talks: Talk

    @property
    def credential(self) -> str:
        """The key of the bench's `credentials` for it."""
        return self.talks.account or self.id


def _told_apart(components: tuple[PairedComponent, ...]) -> tuple[PairedComponent, ...]:
    if len({one.id for one in components}) < len(components):
        raise ValueError("two components have the same id")
    return components


Components = Annotated[tuple[PairedComponent, ...], Field(max_length=32), AfterValidator(_told_apart)]
