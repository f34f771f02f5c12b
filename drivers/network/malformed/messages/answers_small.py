"""Malformed answers of a time server, and what a log collector says that should be silent (RFC 5905, RFC 5425)."""

import struct
from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

RAW = "raw_"
"""Names of data that is written outside the TLS session, so that it breaks the session, begin so."""
_PACKET = "RFC 5905 clause 7.3, the packet"
_FIELDS = "RFC 4330 clause 5, what a client checks"
_EXTENSIONS = "RFC 7822 clause 3, extension fields"
_TALK = "RFC 5425 clause 4.3: a collector sends no application data"
_RECORDS = "RFC 8446 clause 5.1, records"


def time_answers(random: Random) -> Iterator[Message]:
    """Yield the answers that are named. The server writes the question's stamp in, and the right times where none is.

    What carries other times says by its leap indicator that they are not to be believed: nobody's clock is to move.
    """
    plain = _answer()
    for name, data, origin in (
        ("empty_but_one", b"\x24", _PACKET),
        ("cut_off_at_23", plain[:23], _PACKET),
        ("cut_off_at_47", plain[:47], _PACKET),
        ("zeros", bytes(48), _PACKET),
        ("ones", b"\xff" * 48, _PACKET),
        ("version_0", b"\x04" + plain[1:], _PACKET),
        ("version_7", b"\x3c" + plain[1:], _PACKET),
        ("mode_client", b"\x23" + plain[1:], _FIELDS),
        ("mode_broadcast", b"\x25" + plain[1:], "RFC 5905 clause 3, an unsolicited broadcast"),
        ("mode_control", b"\x26\x82" + bytes(8) + b"\xff\xff" + bytes(36), "RFC 9327 clause 2"),
        ("mode_private", b"\x27" + plain[1:], "CVE-2013-5211, mode 7"),
        ("stratum_0", plain[:1] + b"\0" + plain[2:], "RFC 5905 clause 7.4, an invalid kiss code"),
        ("kiss_code_not_ascii", plain[:1] + b"\0" + plain[2:12] + b"\xff\x00\x1b[" + plain[16:], "RFC 5905 clause 7.4"),
        ("stratum_255", plain[:1] + b"\xff" + plain[2:], _FIELDS),
        ("poll_127", b"\xe4\x01\x7f" + plain[3:], "RFC 5905 clause 7.3, 2 to the power of 127 seconds"),
        ("poll_negative", b"\xe4\x01\x80" + plain[3:], "RFC 5905 clause 7.3, a poll of less than a second"),
        ("precision_127", b"\xe4\x01\x06\x7f" + plain[4:], _PACKET),
        ("root_delay_ones", b"\xe4" + plain[1:4] + b"\xff" * 8 + plain[12:], _FIELDS),
        ("times_ones", b"\xe4" + plain[1:32] + b"\xff" * 16, "RFC 5905 clause 6, the last second of the era"),
        ("times_backwards", b"\xe4" + plain[1:32] + b"\xe0" + bytes(7) + b"\x10" + bytes(7), _FIELDS),
        ("transmit_zero", b"\xe4" + plain[1:32] + b"\xe0" + bytes(15), _FIELDS),
        ("extension_of_0", plain + b"\x01\x04\x00\x00" * 8, _EXTENSIONS),
        ("extension_beyond_end", plain + b"\x01\x04\xff\xff" + bytes(24), _EXTENSIONS),
        ("extension_odd", plain + b"\x01\x04\x00\x1d" + bytes(25), _EXTENSIONS),
        ("extensions_many", plain + (b"\x01\x04\x00\x10" + bytes(12)) * 80, _EXTENSIONS),
        ("cookie_long", plain + b"\x02\x04\x05\x00" + b"\xa5" * 1_276, "RFC 8915 clause 5.4, an unsolicited cookie"),
        ("key_unknown", plain + b"\xff" * 20, "RFC 5905 clause 7.3, a message digest"),
        ("key_cut_off", plain + b"\xff" * 3, "RFC 5905 clause 7.3, a message digest"),
        ("crypto_nak", plain + bytes(4), "CVE-2015-7871"),
        ("left_over", plain + b"\xff" * 1_400, _PACKET),
    ):
        yield Message(name, data, origin)
    yield Message("noise", b"\xe4" + random.randbytes(400), "random octets from the seed")


def time_answer_changes(random: Random) -> Iterator[Message]:
    """Yield answers that were changed, without end; each says that it is not synchronised."""
    for message in mutations((_answer()[1:], _answer()[1:] + b"\x01\x04\x00\x10" + bytes(12)), random, 1_400):
        yield Message(message.name, b"\xe4" + message.data, message.origin)


def _answer() -> bytes:
    """Return an answer whose stamps the server writes in."""
    return struct.pack("!BBBbII4s", 0x24, 1, 6, -20, 0, 0, b"LOCL") + bytes(32)


def collector_talk(random: Random) -> Iterator[Message]:
    """Yield what a collector says: inside the session, and as records that break it."""
    for name, data, origin in (
        ("one_octet", b"x", _TALK),
        ("lines", b"HELLO\r\n" * 100, _TALK),
        ("frame_of_nothing", b"0 ", "RFC 5425 clause 4.3.1, octet counting"),
        ("frame_of_digits", b"9" * 4_000 + b" ", "RFC 5425 clause 4.3.1, octet counting"),
        ("frame_negative", b"-1 <13>1 - - - - - -", "RFC 5425 clause 4.3.1, octet counting"),
        ("frame_cut_off", b"4096 <13>1 ", "RFC 5425 clause 4.3.1, octet counting"),
        ("record", b"22 <13>1 - tp - - - - hello", "RFC 5424 clause 6, a record sent to the logging client"),
        ("zeros", bytes(4_096), _TALK),
        ("ones", b"\xff" * 4_096, _TALK),
        ("formats", FORMATS * 64, "CWE-134"),
        ("not_utf8", NOT_UTF8 * 64, "RFC 3629 clause 3"),
        ("relp", b"1 rsp 65535 200 OK\n" * 10, "RELP, a protocol that is not in use here"),
        ("much", b"A" * 100_000, "CWE-400, unnecessary data"),
        (f"{RAW}no_record", b"GET / HTTP/1.1\r\n\r\n", _RECORDS),
        (f"{RAW}record_of_65535", b"\x17\x03\x03\xff\xff" + b"x" * 4_096, _RECORDS),
        (f"{RAW}record_of_0", b"\x17\x03\x03\x00\x00" * 64, _RECORDS),
        (f"{RAW}record_not_sealed", b"\x17\x03\x03\x00\x40" + b"x" * 64, _RECORDS),
        (f"{RAW}alert_of_1", b"\x15\x03\x03\x00\x01\x02", "RFC 8446 clause 6, alerts"),
        (f"{RAW}hello_again", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00", "RFC 5246 clause 7.4.1.1, HelloRequest"),
        (f"{RAW}record_cut_off", b"\x17\x03", _RECORDS),
    ):
        yield Message(name, data, origin)
    yield Message("noise", random.randbytes(1_024), "random octets from the seed")


def collector_changes(random: Random) -> Iterator[Message]:
    """Yield talk that was changed, without end."""
    return mutations((b"22 <13>1 - tp - - - - hello", b"HELLO\r\n", bytes(range(256))), random, 16_000)
