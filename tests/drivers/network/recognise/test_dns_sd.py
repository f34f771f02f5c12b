"""DNS by dnspython, with scapy as the peer that builds and parses the same messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR

from drivers.network.recognise.dns_sd import (
    CNAME,
    PTR,
    TXT,
    DnsDecodeError,
    ResourceRecord,
    asked,
    query,
    records,
    records_until_cut,
)

LABELS = st.lists(st.from_regex(rb"[a-z0-9_-]{1,20}", fullmatch=True), min_size=1, max_size=5).map(tuple)
NAME, OTHER = (b"camera", b"example"), (b"host", b"example")
ANSWERS = (
    (DNSRR(rrname="camera.example.", type="CNAME", rdata="host.example."), ResourceRecord(NAME, CNAME, target=OTHER)),
    (DNSRR(rrname="camera.example.", type="PTR", rdata="host.example."), ResourceRecord(NAME, PTR, target=OTHER)),
    (DNSRR(rrname="host.example.", type="A", rdata="192.0.2.7"), ResourceRecord(OTHER, 1, address="192.0.2.7")),
    (DNSRR(rrname="host.example.", type="AAAA", rdata="2001:db8::7"), ResourceRecord(OTHER, 28, address="2001:db8::7")),
    (
        DNSRR(rrname="host.example.", type="TXT", rdata=[b"a=1", b"b"]),
        ResourceRecord(OTHER, TXT, strings=(b"a=1", b"b")),
    ),
)


def response(*answers: DNSRR) -> bytes:
    return bytes(DNS(id=1, qr=1, qd=[DNSQR(qname="camera.example.")], an=list(answers)))


@settings(deadline=None)
@given(LABELS, st.sampled_from([1, PTR, TXT, 255]))
def test_scapy_parses_a_query_as_one_question_for_a_unicast_answer(labels: tuple[bytes, ...], kind: int) -> None:
    parsed = DNS(query(labels, kind))
    assert (parsed.qr, parsed.qdcount, parsed.ancount) == (0, 1, 0)
    question = parsed.qd[0]
    assert (question.qname, question.qtype) == (b".".join(labels) + b".", kind)
    assert (question.unicastresponse, question.qclass) == (1, 1)
    assert asked(query(labels, kind)) == (labels,)


@settings(deadline=None)
@given(st.lists(st.sampled_from(ANSWERS), max_size=8))
def test_a_response_that_scapy_built_has_its_records_in_their_order(
    answers: list[tuple[DNSRR, ResourceRecord]],
) -> None:
    assert records(response(*(built for built, _ in answers))) == tuple(record for _, record in answers)


def test_of_a_response_that_is_cut_what_came_before_the_cut_is_kept() -> None:
    whole = response(*(built for built, _ in ANSWERS))
    for size in range(len(whole)):
        kept = records_until_cut(whole[:size])
        assert kept == tuple(record for _, record in ANSWERS[: len(kept)])
        with pytest.raises(DnsDecodeError):
            records(whole[:size])
    assert len(records_until_cut(whole[:-1])) == len(ANSWERS) - 1


def test_a_record_that_breaks_a_rule_hides_no_other_one_of_a_capture() -> None:
    broken = response(DNSRR(rrname="host.example.", type="A", rdata="192.0.2.7", rdlen=3), ANSWERS[2][0])
    answer = bytes(DNS(id=1, qr=1, qd=[], an=[DNSRR(rrname="host.example.", type=99, rdata=b"x"), ANSWERS[2][0]]))
    assert ANSWERS[2][1] in records_until_cut(answer)
    with pytest.raises(DnsDecodeError):
        records(broken)


def test_a_response_asks_for_nothing() -> None:
    assert asked(response(ANSWERS[0][0])) == ()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_octets_of_any_kind_are_records_or_a_decode_error(message: bytes) -> None:
    for parse in (records, records_until_cut, asked):
        try:
            parse(message)
        except DnsDecodeError:
            assert parse is not records_until_cut
