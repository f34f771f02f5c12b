"""The declaration of the software in the product's storage."""

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from lab_config.base import Identifier, Model


class StoredSoftware(Model):
    """The software that starts from the storage, part by part. Each part has a text that no program uses.

    The harness alters one letter of that text. Software that nothing verifies runs unchanged. Apart from the
    signature, no checksum may cover the text, because an image with a wrong checksum starts on no device.
    """

    parts: Annotated[dict[Identifier, str], Field(min_length=1)]
    """By name, a regular expression for the octets in the storage (Latin-1): `Linux version`, a FIT's description."""
    refusal: str | None = None
    """Regular expression of the console line that reports that the bootloader starts nothing."""

    @model_validator(mode="after")
    def _patterns_compile(self) -> Self:
        for pattern in (*self.parts.values(), *([self.refusal] if self.refusal else [])):
            try:
                re.compile(pattern.encode("latin-1"))
            except (re.error, UnicodeEncodeError, OverflowError, RecursionError) as error:
                raise ValueError(f"{pattern!r} is not a regular expression of octets: {error}") from error
        return self
