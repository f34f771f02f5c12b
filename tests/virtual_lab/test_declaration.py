import json
from pathlib import Path

import pytest

from lab_config.load import find, load
from lab_config.papers import Answers, SupportPeriod
from lab_config.product import Product
from trustprobe.errors import ConfigurationError
from virtual_lab.declaration import flawed_copy, flaws_on_paper, merge_patch

REFERENCE = find("products", "reference_camera")


def test_a_copy_without_a_flaw_is_the_same_declaration(tmp_path: Path) -> None:
    assert load(flawed_copy(REFERENCE, (), tmp_path), Product) == load(REFERENCE, Product)
    assert load(tmp_path / "reference_camera" / "answers.yaml", Answers).answers


@pytest.mark.parametrize("flaw", sorted(flaws_on_paper()))
def test_every_flaw_can_be_planted_and_leaves_a_declaration_that_can_be_read(tmp_path: Path, flaw: str) -> None:
    product = load(flawed_copy(REFERENCE, (flaw,), tmp_path), Product)
    assert product.component == load(REFERENCE, Product).component
    load(tmp_path / "reference_camera" / "answers.yaml", Answers)


def test_a_merged_flaw_changes_its_own_fields_only(tmp_path: Path) -> None:
    product = load(flawed_copy(REFERENCE, ("support_over",), tmp_path), Product)
    assert isinstance(product.support, SupportPeriod)
    assert product.support.ends.year == 2024
    assert product.documents == load(REFERENCE, Product).documents
    record = json.loads((tmp_path / "reference_camera" / "registry_record.json").read_text("utf-8"))
    assert record["minimum_support_period_end_date"] == "2024-06-30"
    assert record["updates_automatic"] is True


def test_a_flaw_of_another_product_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("id: other\n", "utf-8")
    (tmp_path / "copy").mkdir()
    with pytest.raises(ConfigurationError, match="does not have"):
        flawed_copy(other, ("sbom_stale",), tmp_path / "copy")


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ([1, 2], {"a": "b"}, {"a": "b"}),
    ],
)
def test_patches_merge_as_rfc_7396_says(document: object, patch: object, merged: object) -> None:
    assert merge_patch(document, patch) == merged
