"""Flaws on paper: plants them into a copy of the declaration and its documents, since it is the product that is flawed.

A defect on paper has a folder in virtual_lab/documents/ that mirrors lab_config/products/. A file there replaces the
one of the same name; `NAME.merge` is merged into NAME instead, as a JSON merge patch (RFC 7396), written as YAML.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from trustprobe.errors import ConfigurationError

FOLDER = Path(__file__).parent / "documents"
_MERGE = ".merge"


def flaws_on_paper() -> frozenset[str]:
    """Return the ids of the defects that are in documents, not in the device."""
    return frozenset(path.name for path in FOLDER.iterdir() if path.is_dir())


def flawed_copy(declaration: Path, defects: Sequence[str], folder: Path) -> Path:
    """Copy a declaration and the documents beside it into `folder`, plant the defects, and return the copy.

    The documents are those in the folder that is named like the declaration's file. ConfigurationError where a defect
    belongs to another product.
    """
    copy = folder / declaration.name
    shutil.copyfile(declaration, copy)
    beside = declaration.with_suffix("")
    if beside.is_dir():
        shutil.copytree(beside, folder / beside.name)
    for defect in defects:
        for flaw in sorted(path for path in (FOLDER / defect).rglob("*") if path.is_file()):
            _plant(flaw, folder / flaw.relative_to(FOLDER / defect), defect)
    return copy


def _plant(flaw: Path, target: Path, defect: str) -> None:
    merged = flaw.suffix == _MERGE
    target = target.with_name(target.name.removesuffix(_MERGE)) if merged else target
    if not target.is_file():
        raise ConfigurationError(
            f"the defect {defect} is in {target.name}, which this product does not have.", "Take another product."
        )
    if not merged:
        shutil.copyfile(flaw, target)
        return
    document = merge_patch(read_document(target), read_document(flaw))
    as_json = target.suffix == ".json"
    text = json.dumps(document, indent=2) if as_json else yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    target.write_text(text + "\n", "utf-8")


def merge_patch(document: Any, patch: Any) -> Any:
    """Merge a patch into a document as RFC 7396 says: objects field by field, null removes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


class _Words(yaml.CSafeLoader):
    """Reads `yes`, `on` and dates as words, so that what is not changed stays as it was written."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":int", ":float", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Words.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), ["t", "f"])


def read_document(path: Path) -> Any:
    """Return a YAML or JSON document as it was written."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=_Words)
