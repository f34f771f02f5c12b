"""The fields that 47 CFR 8.222 requires in a registry record."""

from pathlib import Path

import yaml

FILE = Path(__file__).parent / "fcc_cyber_trust_mark.yaml"
_WHEN_ASKED = frozenset({"additional_elements"})
"""Fields that a record needs only after the Bureau has requested them."""


def registry_fields() -> tuple[str, ...]:
    """Return the keys of the fields that every record needs, in the order of the rule."""
    fields = yaml.load(FILE.read_text("utf-8"), Loader=yaml.CSafeLoader)["registry_8_222_b"]["fields"]
    return tuple(field["key"] for field in fields if field["key"] not in _WHEN_ASKED)
