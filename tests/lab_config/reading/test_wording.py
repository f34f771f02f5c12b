"""The errors of a file are in words: no pattern of a field is shown as a regular expression."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_config.bench import Bench
from lab_config.load import load
from lab_config.product import Product
from lab_config.reading.wording import expected
from lab_config.rules import Profile
from tests.lab_config.test_load import product_with
from trustprobe.errors import ConfigurationError
from virtual_lab.field.device import DeviceFile


def patterns(schema: Any) -> Iterator[str]:
    """The patterns of all fields, and of the names of all fields that a file chooses."""
    if isinstance(schema, list):
        for one in schema:
            yield from patterns(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", ())
        for one in schema.values():
            yield from patterns(one)


FILES = (Product, Bench, Profile, DeviceFile)
PATTERNS = sorted({pattern for model in FILES for pattern in patterns(model.model_json_schema())})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_of_a_file_has_words(pattern: str) -> None:
    words = expected({"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}, "input": "?"})
    assert words.startswith("expected ")
    assert pattern not in words.removeprefix("expected a path that begins with ")


OF_A_NAME = "expected the name of a header or cookie, without blanks and colons"


@pytest.mark.parametrize("field", ["headers", "cookies"])
@pytest.mark.parametrize("name", ["X-{Nope}", "X Token", "X:Token", "X-{}", "{a b}"])
def test_a_name_that_no_header_has_is_refused_in_words(tmp_path: Path, field: str, name: str) -> None:
    recipe = f'recipe: {{steps: [{{get: /a}}], carry: {{{field}: {{"{name}": "b"}}}}}}'
    path = product_with(tmp_path, "    form: /login\n", f"    {recipe}\n")
    with pytest.raises(ConfigurationError, match=f"{field}.*{OF_A_NAME}") as caught:
        load(path, Product, {})
    assert "[A-Za-z" not in str(caught.value)
    assert "more problem" not in str(caught.value)
