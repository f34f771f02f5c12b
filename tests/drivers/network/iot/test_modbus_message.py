"""Modbus over TCP, with pymodbus as the server that parses the requests and builds the replies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from drivers.network.iot.modbus_message import (
    READS,
    ModbusReplyKind,
    identify,
    identity,
    read,
    reply_to,
    request,
    size_of,
    write,
)

WORDS, UNITS = st.integers(0, 0xFFFF), st.integers(0, 0xFF)
BITS = {"coils": ReadCoilsResponse, "discrete_inputs": ReadDiscreteInputsResponse}
REGISTERS = {"holding_registers": ReadHoldingRegistersResponse, "input_registers": ReadInputRegistersResponse}


def served(message: bytes) -> Any:
    """Return a request as a server of pymodbus parses it."""
    used, parsed = FramerSocket(DecodePDU(True)).handleFrame(message, 0, 0)
    assert used == len(message) == size_of(message[:7])
    return parsed


def answered(number: int, unit: int, reply: ModbusPDU) -> bytes:
    reply.transaction_id, reply.dev_id = number, unit
    return FramerSocket(DecodePDU(False)).buildFrame(reply)


@given(st.sampled_from(sorted(READS)), WORDS, UNITS, WORDS, st.integers(1, 125))
def test_a_server_parses_what_reads(table: str, number: int, unit: int, address: int, count: int) -> None:
    asked = served(request(number, unit, read(table, address, count)))
    assert (asked.transaction_id, asked.dev_id) == (number, unit)
    assert (asked.function_code, asked.address, asked.count) == (READS[table], address, count)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=100))
def test_a_server_parses_what_writes_registers(address: int, values: list[int]) -> None:
    data = b"".join(value.to_bytes(2, "big") for value in values)
    asked = served(request(1, 1, write("holding_registers", address, len(values), data)))
    assert (asked.address, asked.registers) == (address, values)


@given(WORDS, st.lists(st.booleans(), min_size=1, max_size=100))
def test_a_server_parses_what_writes_coils(address: int, values: list[bool]) -> None:
    octets = sum(value << place for place, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
    asked = served(request(1, 1, write("coils", address, len(values), octets)))
    assert (asked.address, asked.bits[: len(values)]) == (address, values)


@given(st.sampled_from(sorted(REGISTERS)), WORDS, UNITS, st.lists(WORDS, min_size=1, max_size=100))
def test_the_registers_of_a_server_are_parsed(table: str, number: int, unit: int, values: list[int]) -> None:
    message = answered(number, unit, REGISTERS[table](registers=values))
    assert size_of(message[:7]) == len(message)
    reply = reply_to(number, unit, read(table, 0, len(values)), message)
    assert reply is not None and reply.kind is ModbusReplyKind.DATA
    assert reply.data == b"".join(value.to_bytes(2, "big") for value in values)
    fewer = reply_to(number, unit, read(table, 0, len(values) + 1), message)
    assert fewer is not None and fewer.kind is ModbusReplyKind.NONSENSE


@given(st.sampled_from(sorted(BITS)), st.lists(st.booleans(), min_size=1, max_size=100))
def test_the_bits_of_a_server_are_parsed(table: str, values: list[bool]) -> None:
    message = answered(7, 1, BITS[table](bits=values))
    reply = reply_to(7, 1, read(table, 0, len(values)), message)
    assert reply is not None and reply.kind is ModbusReplyKind.DATA
    assert [bool(reply.data[place // 8] >> place % 8 & 1) for place in range(len(values))] == values


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 11])
def test_an_exception_of_a_server_is_one(code: int) -> None:
    message = answered(7, 1, ExceptionResponse(READS["coils"], code))
    reply = reply_to(7, 1, read("coils", 0), message)
    assert reply is not None and (reply.kind, reply.code) == (ModbusReplyKind.EXCEPTION, code)
    assert reply_to(8, 1, read("coils", 0), message) is None
    assert reply_to(7, 2, read("coils", 0), message) is None


def test_a_server_says_who_it_is() -> None:
    asked = served(request(7, 1, identify()))
    assert (asked.read_code, asked.object_id) == (1, 0)
    said = ReadDeviceInformationResponse(1, {0: b"Halcyon", 1: b"Vista", 2: b"1.4.0"})
    reply = reply_to(7, 1, identify(), answered(7, 1, said))
    assert reply is not None and identity(reply) == "Halcyon Vista 1.4.0"
