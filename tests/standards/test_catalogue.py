import pytest

from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError


def test_ir_8425_has_its_items_in_the_order_of_the_document() -> None:
    leaves = catalogues().leaves
    assert leaves[:2] == ("AI-1", "AI-2")
    assert leaves[-1] == "PEA-1e"
    assert len(leaves) == 65


@pytest.mark.parametrize("clause", ["IAC-1a", "EN303645 5.6-4A", "EN18031 AUM-5-1", "CRA I(2)(m)", "SP800-213A LA:IFC"])
def test_a_clause_of_each_catalogue_resolves(clause: str) -> None:
    catalogues().require([clause], "this test")


@pytest.mark.parametrize("clause", ["IAC-9", "EN303645 5.6-4B-1", "EN18031 AUM", "CRA (2)(m)", "ISO27001 5.1", ""])
def test_a_clause_that_no_catalogue_holds_names_who_cites_it(clause: str) -> None:
    with pytest.raises(ConfigurationError, match="this test cites"):
        catalogues().require([clause], "this test")


def test_every_row_of_the_mapping_is_about_an_item_of_ir_8425() -> None:
    assert set(catalogues().mapping) <= set(catalogues().requirements)
