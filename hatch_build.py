"""Puts the tree into the wheel, as `trustprobe/tree`. An editable install runs the checkout and needs no copy of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES: Final = ("conftest.py", "pyproject.toml")
FOLDERS: Final = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "virtual_lab")
LEFT_OUT: Final = frozenset({"__pycache__", "node_modules"})


class TreeHook(BuildHookInterface):
    """Adds each file of the tree to what hatchling includes by force: to wheels only, and not to editable ones."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; `version` is the kind of wheel, "standard" or "editable"."""
        if version == "standard":
            root = Path(self.root)
            for path in tree_files(root):
                build_data["force_include"][str(path)] = f"trustprobe/tree/{path.relative_to(root).as_posix()}"


def tree_files(root: Path) -> Iterator[Path]:
    """Yield the files of the tree, without what tools have left there."""
    yield from (root / name for name in FILES)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and LEFT_OUT.isdisjoint(path.relative_to(root).parts):
                yield path
