import pytest

from drivers.network.web.transport.json_names import is_masked, is_writable, lookup, nested


@pytest.mark.parametrize(
    "document",
    [
        {"password": ""},
        {"wifi": [{"ssid": "hall", "PSK": None}]},
        {"apiKey": "*"},
        {"tokens": ["", "a1"]},
        {"secret": "--------"},
        {"passwd": "hidden"},
        {"name": "********a"},
        {"name": "**"},
        {"name": "\u2022\u2022\u2022"},
        {"name": "<hidden>"},
        {"name": "(Masked)"},
        {"name": "[REDACTED]"},
        {"name": "xxxxxxxx"},
        ["a", "****1234"],
    ],
)
def test_what_stands_for_a_hidden_value_is_masked(document: object) -> None:
    assert is_masked(document)
    assert not is_writable(document)


@pytest.mark.parametrize(
    "document",
    [
        {"name": "", "note": None, "origin": "*", "schedule": "* * * * *", "files": "**/*.txt"},
        {"network": "hidden", "mode": "masked", "label": "xx", "level": "x"},
        {"password": "k3y", "token": 7, "has_password": True, "keys": []},
        [],
    ],
)
def test_a_document_that_shows_all_of_itself_is_not_masked(document: object) -> None:
    assert not is_masked(document)
    assert is_writable(document)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_document_with_a_number_that_json_cannot_hold_is_not_written(number: float) -> None:
    assert not is_writable({"a": [number]})


def test_dotted_names_find_scalars_only() -> None:
    document = {"firmware": {"version": "1.4.0", "slots": [{"id": "a"}]}, "count": 3}
    assert lookup(document, "firmware.version") == "1.4.0"
    assert lookup(document, "firmware.slots.0.id") == "a"
    assert lookup(document, "count") == "3"
    assert lookup(document, "firmware") is None
    assert lookup(document, "firmware.version.deeper") is None
    assert lookup(None, "a") is None
    assert nested("a.b", "c") == {"a": {"b": "c"}}
