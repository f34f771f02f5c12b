"""The malformed messages themselves: bounded, seeded, and the same on every machine."""

import hashlib
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.network.malformed.messages.message import MESSAGE_LIMIT, DeliveryWay, Message, bounded, mutations
from drivers.network.malformed.messages.table import LAYERS, layers_of, way_of
from lab_config.component import Service, Transport

UDP_OCTETS = 65_507
DATAGRAMS = ("dns", "mdns", "ws_discovery", "ssdp", "snmp", "coap", "ntp", "sip", "tftp")
layers = st.sampled_from(sorted(LAYERS))


def service(protocol: str, transport: str = "tcp", tls: bool = False) -> Service:
    return Service.model_validate(
        {"id": "one", "transport": transport, "port": 1, "protocol": protocol, "tls": tls, "purpose": "a test"}
    )


@given(layers, st.integers(0, 2**63 - 1), st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_a_seed_gives_so_many_messages_and_the_same_ones_each_time(layer: str, seed: int, count: int) -> None:
    messages = LAYERS[layer].messages(layer, seed, count)
    assert len(messages) == count
    assert messages == LAYERS[layer].messages(layer, seed, count)
    assert len({message.name for message in messages}) == count
    assert all(1 <= len(message.data) <= MESSAGE_LIMIT for message in messages)


@given(st.sampled_from(DATAGRAMS), st.integers(0, 1_000))
@settings(max_examples=30, deadline=None)
def test_what_goes_over_udp_fits_a_datagram(layer: str, seed: int) -> None:
    assert all(len(message.data) <= UDP_OCTETS for message in LAYERS[layer].messages(layer, seed, 120))


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), st.integers())
@settings(deadline=None)
def test_changes_of_any_octets_stay_below_the_limit(valid: list[bytes], seed: int) -> None:
    made = list(islice(mutations(tuple(valid), Random(seed), 512), 40))
    assert all(1 <= len(message.data) <= 512 for message in made)


def test_another_seed_gives_other_messages() -> None:
    for name, layer in LAYERS.items():
        assert layer.messages(name, 1, 120) != layer.messages(name, 2, 120)


def test_the_messages_of_a_seed_do_not_change_unawares() -> None:
    """A report names the seed; who changes a generator changes what the seed means, and says so in the changelog."""
    digest = hashlib.sha256()
    for name in sorted(LAYERS):
        for message in LAYERS[name].messages(name, 1, 80):
            digest.update(message.data)
    assert digest.hexdigest()[:16] == "dcc2c68637f7b8c4"


def test_each_message_says_where_its_idea_is_from() -> None:
    for name, layer in LAYERS.items():
        assert all(message.origin for message in layer.named(Random(1))), name


@pytest.mark.parametrize("data", [b"", b"x" * (MESSAGE_LIMIT + 1)])
def test_an_empty_message_and_a_flood_are_no_messages(data: bytes) -> None:
    with pytest.raises(ValueError, match="octets"):
        Message("one", data, "a test")


def test_the_named_messages_come_first_and_the_count_holds() -> None:
    named = [Message(f"m{number}", b"x", "a test") for number in range(5)]
    more = mutations((b"valid",), Random(1))
    assert [message.name for message in bounded(named, more, 3)] == ["m0", "m1", "m2"]
    assert [message.name for message in bounded(named, more, 6)][5] == "mutation_001"


def test_every_protocol_of_a_declaration_has_messages() -> None:
    protocols = Service.model_fields["protocol"].annotation.__args__  # type: ignore[union-attr]
    for protocol in protocols:
        for transport in Transport:
            assert all(layer in LAYERS for layer in layers_of(service(protocol, transport)))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (service("http", tls=True), {"tls": DeliveryWay.TCP, "http": DeliveryWay.TLS}),
        (service("http"), {"http": DeliveryWay.TCP}),
        (service("other", tls=True), {"tls": DeliveryWay.TCP}),
        (service("dns", "udp"), {"dns": DeliveryWay.UDP}),
        (service("dns"), {"dns_over_tcp": DeliveryWay.TCP}),
    ],
)
def test_a_service_gets_the_messages_of_each_of_its_layers(declared: Service, expected: dict[str, DeliveryWay]) -> None:
    assert {layer: way_of(declared, layer) for layer in layers_of(declared)} == expected
