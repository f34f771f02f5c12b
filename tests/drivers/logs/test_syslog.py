from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.logs.syslog import FRAME_LIMIT, Deframer, parse, split_datagram

RECORD = (
    b'<84>1 2026-11-21T22:14:15.003Z HV2-1 camera 77 LOGINFAIL [auth@32473 user="x \\"y\\" \\\\ \\]" src="192.0.2.1"]'
    b'[more@32473 a="\\n"] \xef\xbb\xbflogin failure'
)


def test_a_whole_record_is_read() -> None:
    record = parse(RECORD)
    assert record.error is None
    assert (record.priority, record.facility, record.severity) == (84, 10, 4)
    assert record.timestamp == datetime(2026, 11, 21, 22, 14, 15, 3000, UTC)
    assert (record.host, record.app, record.pid, record.msgid) == ("HV2-1", "camera", "77", "LOGINFAIL")
    assert record.structured == {
        "auth@32473": {"user": 'x "y" \\ ]', "src": "192.0.2.1"},
        "more@32473": {"a": "\\n"},
    }
    assert record.message == "login failure"


def test_nil_values_are_none_and_no_error() -> None:
    record = parse(b"<0>1 - - - - - -")
    assert record.error is None
    assert (record.priority, record.timestamp, record.host, record.msgid, record.message) == (0, None, None, None, "")


def test_a_time_with_an_offset_is_read() -> None:
    record = parse(b"<34>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - late")
    assert record.timestamp == datetime(2003, 8, 24, 5, 14, 15, 3, timezone(-timedelta(hours=7)))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"login failure",
        b"<192>1 - - - - - -",
        b"<007>1 - - - - - -",
        b"<34>2 - - - - - -",
        b"<34>Oct 11 22:14:15 mymachine su: failed",
        b"<34>1 yesterday - - - - -",
        b"<34>1 2026-02-30T00:00:00Z - - - - -",
        b"<34>1 2026-02-20T23:59:60Z - - - - -",
        b"<34>1 2026-02-20T23:59:59 - - - - -",
        b"<34>1 2026-02-20T23:59:59+99:99 - - - - -",
        b"<34>1 - - - - - [",
        b"<34>1 - - - - - []",
        b'<34>1 - - - - - [a b="c]',
        b'<34>1 - - - - - [a b="c"]x',
        b'<34>1 - - - - - [a][a b="c"]',
        b"<34>1 - - - - - -x",
        b"<34>1 - " + b"h" * 256 + b" - - - -",
        b"<34>1 - - - - - - " + b"x" * FRAME_LIMIT,
    ],
)
def test_what_is_no_record_has_an_error_and_its_bytes(frame: bytes) -> None:
    record = parse(frame)
    assert record.error
    assert record.raw == frame[:FRAME_LIMIT]


def test_what_was_read_before_an_error_is_kept() -> None:
    record = parse(b'<34>1 - host app 1 ID [a b="c"][broken rest')
    assert (record.host, record.msgid, record.structured) == ("host", "ID", {"a": {"b": "c"}})


def test_a_record_of_the_old_format_is_its_own_message() -> None:
    assert parse(b"<34>Oct 11 22:14:15 mymachine su: failed").message == "Oct 11 22:14:15 mymachine su: failed"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_octets_make_the_parser_raise(frame: bytes) -> None:
    assert parse(frame).raw == frame


@settings(deadline=None)
@given(st.text('<>0123456789- []"\\=ab1T:Z\x00é', max_size=120))
def test_nothing_that_looks_like_a_record_makes_the_parser_raise(tail: str) -> None:
    parse(b"<34>1 - - - - - " + tail.encode())
    parse(b"<34>1 " + tail.encode())


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=30), max_size=4))
def test_escaped_values_come_back_as_they_were(values: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")

    parameters = "".join(f' {name}="{escaped(value)}"' for name, value in values.items())
    record = parse(f"<34>1 - - - - - [id{parameters}] end".encode())
    assert record.error is None
    assert record.structured == {"id": values}
    assert record.message == "end"


def fed(stream: bytes, *cuts: int) -> list[bytes]:
    deframer = Deframer()
    edges = [0, *sorted(cuts), len(stream)]
    frames = [frame for start, end in pairwise(edges) for frame in deframer.feed(stream[start:end])]
    return [*frames, *deframer.close()]


def test_octet_counting_and_lines_are_told_apart_at_each_frame() -> None:
    assert fed(b"5 <1>\nx<2>line\r\n3 abc\n\n<3>end\n") == [b"<1>\nx", b"<2>line", b"abc", b"<3>end"]


RECORDS = [b"<38>1 - box auth - - - one", b"<38>1 - box auth - - - two", b"<38>Oct 11 22:14:15 box su: three"]
STREAMS = {
    "LF": b"".join(one + b"\n" for one in RECORDS),
    "CRLF": b"".join(one + b"\r\n" for one in RECORDS),
    "NUL": b"".join(one + b"\0" for one in RECORDS),
    "LF and NUL": b"".join(one + b"\n\0" for one in RECORDS),
    "octet counting": b"".join(b"%d %s" % (len(one), one) for one in RECORDS),
    "octet counting and LF": b"".join(b"%d %s\n" % (len(one) + 1, one) for one in RECORDS),
    "each in another way": RECORDS[0] + b"\0" + b"%d %s" % (len(RECORDS[1]), RECORDS[1]) + RECORDS[2] + b"\r\n",
}


@pytest.mark.parametrize("how", STREAMS)
@pytest.mark.parametrize("cut", [1, 7, 1_000])
def test_each_record_comes_out_when_it_is_complete_and_not_at_the_end(how: str, cut: int) -> None:
    deframer, stream = Deframer(), STREAMS[how]
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    found = [frame for piece in pieces for frame in deframer.feed(piece)]
    assert [frame.rstrip(b"\n") for frame in found] == RECORDS
    assert deframer.close() == []


@pytest.mark.parametrize("how", [how for how in STREAMS if how != "each in another way"])
def test_several_records_in_one_datagram_are_told_apart(how: str) -> None:
    assert [frame.rstrip(b"\n") for frame in split_datagram(STREAMS[how])] == RECORDS


@pytest.mark.parametrize("end", [b"", b"\0", b"\n", b"\r\n", b"\n\0"])
def test_one_record_in_a_datagram_keeps_its_lines_and_loses_its_end(end: bytes) -> None:
    record = b"<38>1 - box auth - - - first line\nsecond <b>line</b>"
    assert split_datagram(record + end) == [record]
    assert split_datagram(b"12 <38> no count" + end) == [b"12 <38> no count"]
    assert split_datagram(end) == []


def test_a_frame_that_is_cut_off_comes_out_at_the_end() -> None:
    assert fed(b"20 <1>half") == [b"20 <1>half"]
    assert fed(b"<1>half") == [b"<1>half"]


def test_a_count_that_is_none_is_a_line() -> None:
    assert fed(b"0 abc\n1234567890 abc\n12x\n") == [b"0 abc", b"1234567890 abc", b"12x"]


@pytest.mark.parametrize("long", [b"<1>" + b"x" * 3 * FRAME_LIMIT + b"\n", b"200000 " + b"y" * 200_000])
def test_a_frame_beyond_the_limit_is_cut_and_the_next_one_is_whole(long: bytes) -> None:
    frames = fed(long + b"3 abc")
    assert [len(frame) for frame in frames] == [FRAME_LIMIT + 1, 3]
    assert "no RFC 5424" in (parse(frames[0]).error or "") or parse(frames[0]).error == "no priority"


def test_a_huge_count_holds_no_more_than_the_limit() -> None:
    deframer = Deframer()
    lengths = [len(frame) for _ in range(40) for frame in deframer.feed(b"999999999 " if _ == 0 else b"z" * 65536)]
    assert lengths == [FRAME_LIMIT + 1]
    assert len(deframer._buffer) == 0


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 250), max_size=6))
def test_counted_frames_survive_any_cut_of_the_stream(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(b"%d %s" % (len(frame), frame) for frame in frames)
    assert fed(stream, *(cut for cut in cuts if cut <= len(stream))) == frames


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_frames_do_not_depend_on_how_the_stream_was_cut(stream: bytes, cuts: list[int]) -> None:
    assert fed(stream, *(cut for cut in cuts if cut <= len(stream))) == fed(stream)
