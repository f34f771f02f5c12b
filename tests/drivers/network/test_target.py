"""What a target says of the link to the device."""

import socket
from types import SimpleNamespace

import psutil
import pytest

from drivers.network.target import Target
from lab_config.bench import NetworkBench


def inet(address: str, netmask: str | None, family: socket.AddressFamily = socket.AF_INET) -> SimpleNamespace:
    return SimpleNamespace(family=family, address=address, netmask=netmask)


@pytest.mark.parametrize(
    ("device", "known"),
    [
        ("192.0.2.10", {"192.0.2.255"}),
        ("198.51.100.70", {"198.51.100.127"}),
        ("203.0.113.1", set()),  # two stations and no address for all
        ("10.1.1.1", set()),
        ("fe80::2", set()),
    ],
)
def test_the_address_for_all_stations_is_that_of_the_device_s_subnet(
    device: str, known: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [inet("198.51.100.66", "255.255.255.192"), inet("203.0.113.0", "255.255.255.254"), inet("10.9.9.9", None)]
    lab = [inet("192.0.2.1", "255.255.255.0"), inet("fe80::1%lab0", "ffff:ffff:ffff:ffff::", socket.AF_INET6)]
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": own, "lab0": lab})
    assert Target(NetworkBench(address=device)).broadcasts() == known
