import pytest

from drivers.network.web.probes.shown import is_telling


@pytest.mark.parametrize(
    "value", ["HV2-8f2622ab", "02:af:0d:c3:84:f7", "SN12345678", "9f1c2d3e-55aa-4b1c-8d2e-0123456789ab"]
)
def test_what_no_other_device_shows_tells_it_from_others(value: str) -> None:
    assert is_telling(value)


@pytest.mark.parametrize(
    "value",
    [
        "Europe/Vienna",
        "AES-256-GCM",
        "1920x1080",
        "udp/3702",
        "WPA2-PSK",
        "2026-11-22T08:45:41Z",
        "115200",
        "in order 7 of 9",
    ],
)
def test_what_pages_list_for_every_device_does_not(value: str) -> None:
    assert not is_telling(value)
