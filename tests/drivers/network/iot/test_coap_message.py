"""CoAP messages of our own, with aiocoap as the peer that parses and builds the same."""

import aiocoap
from aiocoap.numbers.optionnumbers import OptionNumber
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.iot.coap_message import METHODS, OBSERVE, CoapMessage, Type, parse, path_options

OPAQUE = st.tuples(st.integers(2_000, 60_000), st.binary(max_size=300))
"""Options that no specification gives a form (elective and critical ones alike)."""
MESSAGES = st.builds(
    CoapMessage,
    type=st.sampled_from(Type),
    code=st.sampled_from([*METHODS.values(), 0x45, 0x81, 0xA0]),
    number=st.integers(0, 0xFFFF),
    token=st.binary(max_size=8),
    options=st.lists(OPAQUE, max_size=5).map(lambda options: tuple(sorted(options, key=lambda one: one[0]))),
    payload=st.binary(max_size=200),
)


@given(MESSAGES)
def test_aiocoap_parses_what_is_built_here(message: CoapMessage) -> None:
    parsed = aiocoap.Message.decode(message.octets())
    assert (parsed.mtype, parsed.code, parsed.mid, parsed.token) == (
        message.type,
        message.code,
        message.number,
        message.token,
    )
    assert [(int(one.number), one.encode()) for one in parsed.opt.option_list()] == list(message.options)
    assert parsed.payload == message.payload


@given(MESSAGES)
def test_what_aiocoap_builds_is_parsed_here(message: CoapMessage) -> None:
    built = aiocoap.Message(code=aiocoap.Code(message.code), payload=message.payload)
    built.mtype, built.mid, built.token = aiocoap.Type(message.type), message.number, message.token
    for number, value in message.options:
        built.opt.add_option(OptionNumber(number).create_option(decode=value))
    assert parse(built.encode()) == message


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="/?&", exclude_categories=["Cc"]), min_size=1)))
def test_a_path_is_the_options_that_aiocoap_makes_of_it(parts: list[str]) -> None:
    asked = aiocoap.Message(code=aiocoap.GET, uri_path=tuple(parts), observe=0)
    built = CoapMessage(Type.CON, METHODS["GET"], 7, options=((OBSERVE, b""), *path_options("/" + "/".join(parts))))
    asked.mtype, asked.mid = aiocoap.CON, 7
    assert built.octets() == asked.encode()


@given(st.binary(max_size=60))
def test_octets_of_any_kind_are_a_message_or_none(octets: bytes) -> None:
    parsed = parse(octets)
    assert parsed is None or len(parsed.token) <= 8
