"""The tables that drivers read: credentials, payloads, suites, algorithms; their meaning is in the drivers."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def table(name: str) -> Any:
    """Return the contents of `drivers/data/<name>.yaml`. Each caller gets the same object, and must not change it."""
    return yaml.load((Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
