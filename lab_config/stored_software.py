"""What a product declares of the software that lies in its storage."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from lab_config.base import Identifier, Model


class StoredSoftware(Model):
    """What starts from the storage, part by part, each known by a text in it that no program looks at.

    The harness alters one letter of it: of software that nothing verifies, this changes nothing. So no checksum may
    cover it beside the signature: an image with a wrong one starts on no device.
    """

    parts: Annotated[dict[Identifier, str], Field(min_length=1)]
    """By name, a regular expression of the octets in the storage (Latin-1): `Linux version`, a FIT's description."""
    refusal: str | None = None
    """Regular expression of the console's line that says that the bootloader starts nothing."""

    @model_validator(mode="after")
    def _patterns_compile(self) -> Self:
        for pattern in (*self.parts.values(), *([self.refusal] if self.refusal else [])):
            try:
                re.compile(pattern.encode("latin-1"))
            except (re.error, UnicodeEncodeError) as error:
                raise ValueError(f"{pattern!r} is no regular expression of octets: {error}") from error
        return self
