"""Documents written for one test, and the time that they are compared with."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab_config.load import FOLDER

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REFERENCE = FOLDER / "products" / "reference_camera"


def now() -> datetime:
    return NOW


def reference(name: str) -> dict[str, Any]:
    """Return a JSON document of the reference product, to be spoilt."""
    document: dict[str, Any] = json.loads((REFERENCE / name).read_text("utf-8"))
    return document


def written(folder: Path, name: str, content: object) -> Path:
    """Write text, octets or JSON into a folder, and return the folder."""
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder
