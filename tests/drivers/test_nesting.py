import json

import pytest

from drivers.nesting import DEEPEST, deeper_than, parsed


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("levels", [DEEPEST, 900, 5_000, 100_000])
def test_what_is_nested_too_deep_is_no_json_on_any_python(opened: str, closed: str, levels: int) -> None:
    assert parsed(opened * levels + "1" + closed * levels) is None


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_as_deep_as_allowed_can_be_compared_and_printed(opened: str, closed: str) -> None:
    levels = DEEPEST - 1
    document = parsed(opened * levels + "1" + closed * levels)
    assert document == parsed(opened * levels + "1" + closed * levels)
    assert json.dumps(document).startswith(opened)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", "no JSON"])
def test_what_is_no_json_is_none(data: bytes | str) -> None:
    assert parsed(data) is None


def test_scalars_and_siblings_add_no_depth() -> None:
    assert not deeper_than(1, 1)
    assert not deeper_than([[1], [2], {"a": 3}], 3)
    assert deeper_than([[1]], 2)
