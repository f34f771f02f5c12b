"""The datagrams of `udp_payloads.yaml`, with scapy as the peer that parses them to their ends."""

import dns.message
import pytest
from aiocoap import Code, Message, Type
from scapy.asn1.asn1 import ASN1_STRING
from scapy.contrib.coap import CoAP
from scapy.contrib.enipTCP import ENIPTCP
from scapy.contrib.knx import KNX, KNXDescriptionRequest
from scapy.contrib.modbus import ModbusADURequest, ModbusPDU2B0EReadDeviceIdentificationRequest
from scapy.contrib.oncrpc import RPC, RPC_Call
from scapy.contrib.stun import STUN
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS
from scapy.layers.isakmp import ISAKMP, ISAKMP_payload, ISAKMP_payload_SA
from scapy.layers.l2tp import L2TP
from scapy.layers.netbios import NBNSHeader, NBNSNodeStatusRequest
from scapy.layers.ntp import NTP, NTPHeader
from scapy.layers.rip import RIP, RIPEntry
from scapy.layers.snmp import SNMP
from scapy.layers.tftp import TFTP, TFTP_RRQ
from scapy.packet import Packet

from drivers.network.questions import udp_questions

PARSED: tuple[tuple[str, type[Packet], type[Packet]], ...] = (
    ("dns", DNS, DNS),
    ("mdns", DNS, DNS),
    ("dhcp", BOOTP, DHCP),
    ("tftp", TFTP, TFTP_RRQ),
    ("rpcbind", RPC, RPC_Call),
    ("nfs", RPC, RPC_Call),
    ("ntp", NTP, NTPHeader),
    ("netbios_ns", NBNSHeader, NBNSNodeStatusRequest),
    ("modbus", ModbusADURequest, ModbusPDU2B0EReadDeviceIdentificationRequest),
    ("rip", RIP, RIPEntry),
    ("stun", STUN, STUN),
    ("knx", KNX, KNXDescriptionRequest),
    ("coap", CoAP, CoAP),
    ("ethernet_ip", ENIPTCP, ENIPTCP),
)
"""Services, and the first and last layer that scapy finds in what they are asked."""


def payload(service: str, number: int = 0) -> bytes:
    return [row.payload() for row in udp_questions() if row.service == service][number]


@pytest.mark.parametrize(("service", "first", "last"), PARSED, ids=[service for service, *_ in PARSED])
def test_scapy_parses_a_question_to_its_end_and_builds_the_same(
    service: str, first: type[Packet], last: type[Packet]
) -> None:
    parsed = first(payload(service))
    assert isinstance(parsed.lastlayer(), last)
    parsed.clear_cache()
    assert bytes(parsed) == payload(service)


def test_a_dhcp_question_gives_no_address_away() -> None:
    options = BOOTP(payload("dhcp"))[DHCP].options
    assert ("message-type", 8) in options, "an INFORM (RFC 2131 clause 4.3.5)"


def test_a_time_server_is_asked_as_by_a_client() -> None:
    header = NTP(payload("ntp"))
    assert (header.version, header.mode, header.leap) == (4, 3, 0)


@pytest.mark.parametrize(("number", "version"), [(0, 0), (1, 1)])
def test_snmp_is_asked_for_the_description_of_the_system(number: int, version: int) -> None:
    asked = SNMP(payload("snmp", number))
    assert (asked.version.val, asked.community) == (version, ASN1_STRING(b"public"))
    assert [one.oid.val for one in asked.PDU.varbindlist] == ["1.3.6.1.2.1.1.1.0"]


@pytest.mark.parametrize(("number", "major", "last"), [(0, 1, ISAKMP_payload_SA), (1, 2, ISAKMP_payload)])
def test_ike_is_asked_in_both_versions(number: int, major: int, last: type[Packet]) -> None:
    asked = ISAKMP(payload("ike", number))
    assert (asked.version >> 4, asked.length) == (major, len(payload("ike", number)))
    assert isinstance(asked.lastlayer(), last)


def test_l2tp_is_asked_by_a_control_message_of_the_right_length() -> None:
    asked = L2TP(payload("l2tp"))
    assert asked.len == len(payload("l2tp"))
    assert asked.hdr.control


@pytest.mark.parametrize(
    ("service", "asked"), [("dns", "version.bind. CH TXT"), ("mdns", "_services._dns-sd._udp.local. CLASS32769 PTR")]
)
def test_dnspython_parses_the_questions_of_dns(service: str, asked: str) -> None:
    message = dns.message.from_wire(payload(service))
    assert [str(one) for one in message.question] == [asked]
    assert message.to_wire() == payload(service)


def test_aiocoap_parses_the_question_of_coap() -> None:
    asked = Message.decode(payload("coap"))
    assert (asked.code, asked.opt.uri_path) == (Code.GET, (".well-known", "core"))
    assert asked.mtype is Type.CON
