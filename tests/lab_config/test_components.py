from pathlib import Path

import pytest

from lab_config.load import load
from lab_config.product import Product
from tests.lab_config.test_load import product_with
from trustprobe.errors import ConfigurationError


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("service: sensors\n", "service: sensor\n", "door_sensor: no service has the id 'sensor'"),
        ("service: sensors\n", "service: ssh\n", "door_sensor: ssh speaks ssh, but messages of components use coap"),
        ("path: /sensors/door", "topic: sensors/door", "sensors speaks coap: name a path, and nothing else"),
        ("path: /sensors/door", "path: /a\n        topic: a", "sensors speaks coap: name a path, and nothing else"),
        ("shown: {service: admin, ", "shown: {service: sensor, ", "door_sensor: no service has the id 'sensor'"),
        ('message: \'{"open": "{nonce}"}\'', "message: open", "write {nonce} or {number} in its place, exactly once"),
        (
            'message: \'{"open": "{nonce}"}\'',
            "message: '{nonce}{number}'",
            "write {nonce} or {number} in its place, exactly once",
        ),
        ("- id: window_sensor", "- id: door_sensor", "two components have the same id"),
        (
            "path: /sensors/door",
            "path: /sensors/door\n        header: Authorization",
            "header: expected a header as NAME: VALUE",
        ),
    ],
)
def test_a_mistake_in_a_component_is_said(tmp_path: Path, old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(product_with(tmp_path, old, new), Product, {})
    assert expected in str(caught.value)
