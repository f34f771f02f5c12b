from urllib.parse import urlsplit

import pytest

from drivers.network.target import Target
from drivers.network.web.login.within import is_device
from lab_config.bench import NetworkBench
from lab_config.component import Transport

FORWARDED = Target(NetworkBench(address="127.0.8.10", port_map={"tcp/443": 10443, "tcp/80": 80, "udp/53": 10053}))


@pytest.mark.parametrize("url", ["https://127.0.8.10:10443/login", "http://127.0.8.10/login"])
def test_behind_forwarded_ports_a_page_reaches_these(url: str) -> None:
    assert is_device(urlsplit(url), FORWARDED.address, FORWARDED.ports(Transport.TCP))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.8.10/",
        "http://127.0.8.10:8080/",
        "http://127.0.8.10:10053/",
        "http://127.0.8.11:10443/",
        "http://127.0.8.10:99999/",
    ],
)
def test_no_other_port_and_no_other_machine(url: str) -> None:
    assert not is_device(urlsplit(url), FORWARDED.address, FORWARDED.ports(Transport.TCP))


def test_without_forwarded_ports_every_port_is_the_device_s_own() -> None:
    target = Target(NetworkBench(address="192.0.2.10"))
    assert target.ports(Transport.TCP) is None
    assert is_device(urlsplit("http://192.0.2.10:8080/"), target.address, None)
