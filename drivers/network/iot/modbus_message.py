"""Modbus over TCP: requests of our own, and what a server answers (MODBUS Messaging on TCP/IP 1.0b, Application 1.1b3).

What an answer means for access is said in `modbus.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

READS = {"coils": 1, "discrete_inputs": 2, "holding_registers": 3, "input_registers": 4}
"""The function codes that read, by table (clauses 6.1 to 6.4)."""
_WRITES = {"coils": 15, "holding_registers": 16}
_IDENTIFY = bytes([0x2B, 0x0E, 0x01, 0x00])
"""Read Device Identification, basic, from the first object on (clause 6.21)."""
HEADER = 7
_LONGEST = 254
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Exception codes (clause 7)."""
_BITS = {"coils", "discrete_inputs"}


class ModbusReplyKind(StrEnum):
    """What a reply is."""

    DATA = "data"
    EXCEPTION = "exception"
    NONSENSE = "nonsense"
    """An answer to this request by its header, and none by its body."""
    NOTHING = "nothing"
    """No answer."""


@dataclass(frozen=True)
class ModbusReply:
    """One answer: its data, or the code of its exception. Or the reason why there is none."""

    kind: ModbusReplyKind
    data: bytes = b""
    code: int = 0
    reason: str = ""
    """Why there is no answer."""
    is_reset: bool = False
    """The device answered this request with an RST."""

    @property
    def words(self) -> str:
        """The exception, the data in hexadecimal digits, or the reason why there is no answer."""
        if self.kind is ModbusReplyKind.NOTHING:
            return self.reason
        if self.kind is ModbusReplyKind.EXCEPTION:
            return f"exception {self.code}, {EXCEPTIONS.get(self.code, 'unknown')}"
        return self.data[:16].hex(" ") if self.kind is ModbusReplyKind.DATA else "nonsense"


def request(number: int, unit: int, pdu: bytes) -> bytes:
    """Return a request with its header (Messaging clause 3.1.3)."""
    return number.to_bytes(2, "big") + b"\0\0" + (1 + len(pdu)).to_bytes(2, "big") + bytes([unit]) + pdu


def read(table: str, address: int, count: int = 1) -> bytes:
    """Return the question for some bits or registers."""
    return bytes([READS[table]]) + address.to_bytes(2, "big") + count.to_bytes(2, "big")


def write(table: str, address: int, count: int, data: bytes) -> bytes:
    """Return the request that writes what `read` returned for the same bits or registers (clauses 6.11, 6.12)."""
    place = address.to_bytes(2, "big") + count.to_bytes(2, "big")
    return bytes([_WRITES[table]]) + place + bytes([len(data)]) + data


def write_nothing(table: str) -> bytes:
    """Return the request that writes zero bits or registers. A server looks at the count before it writes any.

    One that serves the function answers "illegal data value" (clauses 6.11, 6.12), another one "illegal function".
    """
    return write(table, 0, 0, b"")


WRITABLE = tuple(_WRITES)
"""The tables that can be written."""


def identify() -> bytes:
    """Return the question for vendor, product and version."""
    return _IDENTIFY


def size_of(head: bytes) -> int | None:
    """Return how many octets a message has in all by its first seven; None where they are no header of Modbus."""
    length = int.from_bytes(head[4:6], "big")
    return None if head[2:4] != b"\0\0" or not 3 <= length <= _LONGEST else HEADER - 1 + length


def reply_to(number: int, unit: int, pdu: bytes, message: bytes) -> ModbusReply | None:
    """Return the answer to a request; None where a message answers another one."""
    if message[:2] != number.to_bytes(2, "big") or message[6] != unit:
        return None
    function, body = message[7], message[8:]
    if function == pdu[0] | 0x80 and len(body) == 1:
        return ModbusReply(ModbusReplyKind.EXCEPTION, code=body[0])
    if function != pdu[0]:
        return ModbusReply(ModbusReplyKind.NONSENSE)
    return ModbusReply(ModbusReplyKind.DATA, body) if not _is_read(pdu) else _values(pdu, body)


def _is_read(pdu: bytes) -> bool:
    return pdu[0] in READS.values()


def _values(pdu: bytes, body: bytes) -> ModbusReply:
    """Check that as much came as was asked for (clauses 6.1 to 6.4)."""
    count = int.from_bytes(pdu[3:5], "big")
    bits = pdu[0] in {READS[table] for table in _BITS}
    size = (count + 7) // 8 if bits else 2 * count
    whole = len(body) == 1 + size and body[0] == size
    return ModbusReply(ModbusReplyKind.DATA, body[1:]) if whole else ModbusReply(ModbusReplyKind.NONSENSE)


def identity(reply: ModbusReply) -> str:
    """Return what a device says of itself in a Read Device Identification, as `Vendor Product 1.2`."""
    data, words = reply.data, []
    at = 6
    for _ in range(data[5] if len(data) > 5 else 0):
        if len(data) < at + 2:
            break
        size = data[at + 1]
        words.append(data[at + 2 : at + 2 + size].decode("latin-1"))
        at += 2 + size
    return " ".join(words)
