from drivers.network.web.transport.json_names import lookup, nested


def test_dotted_names_find_scalars_only() -> None:
    document = {"firmware": {"version": "1.4.0", "slots": [{"id": "a"}]}, "count": 3}
    assert lookup(document, "firmware.version") == "1.4.0"
    assert lookup(document, "firmware.slots.0.id") == "a"
    assert lookup(document, "count") == "3"
    assert lookup(document, "firmware") is None
    assert lookup(document, "firmware.version.deeper") is None
    assert lookup(None, "a") is None
    assert nested("a.b", "c") == {"a": {"b": "c"}}
