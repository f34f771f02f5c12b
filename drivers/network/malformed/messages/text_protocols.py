"""Malformed RTSP, SIP, FTP, SMTP, telnet and SOAP: protocols of lines, each with what their parsers trip over.

Nobody logs in: no message names a user that could exist with a password.
"""

from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_RTSP = "RFC 7826 clauses 5 to 7, messages"
_SIP = "RFC 3261 clause 7; RFC 4475, torture tests"
_FTP = "RFC 959 clause 5.3, commands"
_SMTP = "RFC 5321 clause 4.1, commands; clause 4.5.3.1, sizes"
_TELNET = "RFC 854, commands; RFC 1143, negotiation"
_SOAP = "SOAP 1.1 clause 6; UPnP Device Architecture 1.1 clause 3.2"


def rtsp(random: Random) -> Iterator[Message]:
    """Yield the RTSP requests that are named."""
    for name, data in (
        ("line_without_end", b"OPTIONS " + b"A" * 65_000),
        ("long_target", _rtsp(b"DESCRIBE", b"rtsp://device/" + b"A" * 32_000)),
        ("target_format", _rtsp(b"DESCRIBE", b"rtsp://device/" + FORMATS)),
        ("target_not_utf8", _rtsp(b"DESCRIBE", b"rtsp://device/" + NOT_UTF8)),
        ("target_traversal", _rtsp(b"DESCRIBE", b"rtsp://device/" + b"../" * 64 + b"etc/passwd")),
        ("target_authority", _rtsp(b"DESCRIBE", b"rtsp://[::1:99999]:-1/")),
        ("version_overflow", b"OPTIONS * RTSP/4294967297.0\r\nCSeq: 1\r\n\r\n"),
        ("number_missing", b"OPTIONS * RTSP/1.0\r\n\r\n"),
        ("number_negative", _rtsp(b"OPTIONS", b"*", number=b"-1")),
        ("number_overflow", _rtsp(b"OPTIONS", b"*", number=b"99999999999999999999")),
        ("number_long", _rtsp(b"OPTIONS", b"*", number=b"9" * 8_000)),
        ("header_long", _rtsp(b"OPTIONS", b"*", b"X-Long: " + b"A" * 32_000 + b"\r\n")),
        ("headers_many", _rtsp(b"OPTIONS", b"*", b"X: y\r\n" * 4_000)),
        ("no_colon", _rtsp(b"OPTIONS", b"*", b"Nothing\r\n" * 16)),
        ("transport_long", _rtsp(b"SETUP", b"rtsp://device/1", b"Transport: " + b"RTP/AVP;" * 2_000 + b"\r\n")),
        ("transport_ports", _rtsp(b"SETUP", b"rtsp://device/1", b"Transport: RTP/AVP;client_port=-1-99999\r\n")),
        ("transport_channels", _rtsp(b"SETUP", b"rtsp://device/1", b"Transport: RTP/AVP/TCP;interleaved=256-9999\r\n")),
        ("session_long", _rtsp(b"PLAY", b"rtsp://device/", b"Session: " + b"A" * 8_000 + b"\r\n")),
        ("session_unknown", _rtsp(b"TEARDOWN", b"rtsp://device/", b"Session: \x00\xff\r\n")),
        ("range_overflow", _rtsp(b"PLAY", b"rtsp://device/", b"Range: npt=1e400--1\r\n")),
        ("length_negative", _rtsp(b"ANNOUNCE", b"rtsp://device/", b"Content-Length: -1\r\n")),
        ("length_overflow", _rtsp(b"ANNOUNCE", b"rtsp://device/", b"Content-Length: 4294967296\r\n")),
        ("authorization_cut_off", _rtsp(b"DESCRIBE", b"rtsp://device/", b'Authorization: Digest response="\r\n')),
        ("base64_wrong", _rtsp(b"DESCRIBE", b"rtsp://device/", b"Authorization: Basic " + b"=" * 4_000 + b"\r\n")),
        ("interleaved_length", b"$\x00\xff\xff" + b"x" * 64),
        ("interleaved_channel", b"$\xff\x00\x04abcd" * 500),
        ("pipelined", _rtsp(b"OPTIONS", b"*") * 500),
        ("zeros", bytes(1_024)),
        ("ones", b"\xff" * 1_024),
        ("noise", random.randbytes(1_024)),
    ):
        yield Message(name, data, _RTSP)


def rtsp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end."""
    setup = _rtsp(b"SETUP", b"rtsp://device/1", b"Transport: RTP/AVP;unicast;client_port=5000-5001\r\n")
    return mutations((_rtsp(b"OPTIONS", b"*"), _rtsp(b"DESCRIBE", b"rtsp://device/"), setup), random, 16_000)


def _rtsp(method: bytes, target: bytes, headers: bytes = b"", number: bytes = b"1") -> bytes:
    return b"%s %s RTSP/1.0\r\nCSeq: %s\r\n%s\r\n" % (method, target, number, headers)


def sip(random: Random) -> Iterator[Message]:
    """Yield the SIP requests that are named. None is an INVITE that could ring."""
    for name, data in (
        ("line_without_end", b"OPTIONS " + b"A" * 8_000),
        ("target_long", _sip(target=b"sip:" + b"A" * 8_000)),
        ("target_format", _sip(target=b"sip:" + FORMATS)),
        ("target_not_utf8", _sip(target=b"sip:" + NOT_UTF8 + b"@device")),
        ("target_empty", _sip(target=b"")),
        ("version_overflow", _sip().replace(b"SIP/2.0\r\n", b"SIP/99999999999.0\r\n", 1)),
        ("via_missing", _sip(via=b"")),
        ("via_long", _sip(via=b"Via: SIP/2.0/UDP " + b"a" * 4_000 + b";branch=z9hG4bK1\r\n")),
        ("via_many", _sip(via=b"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n" * 150)),
        ("via_port", _sip(via=b"Via: SIP/2.0/UDP a:99999999999;branch=z9hG4bK1;rport=-1\r\n")),
        ("number_overflow", _sip(number=b"4294967296")),
        ("number_negative", _sip(number=b"-1")),
        ("hops_negative", _sip(b"Max-Forwards: -1\r\n")),
        ("hops_overflow", _sip(b"Max-Forwards: 99999999999\r\n")),
        ("length_negative", _sip(b"Content-Length: -1\r\n")),
        ("length_overflow", _sip(b"Content-Length: 4294967297\r\n")),
        ("length_beyond_end", _sip(b"Content-Type: application/sdp\r\nContent-Length: 4096\r\n") + b"v=0\r\n"),
        ("sdp_cut_off", _sip(b"Content-Type: application/sdp\r\nContent-Length: 9\r\n") + b"v=0\r\no=\r\n"),
        ("contact_long", _sip(b"Contact: <sip:" + b"A" * 4_000 + b">\r\n")),
        ("contact_quote", _sip(b'Contact: "\\' + b"\\" * 64 + b" <sip:a@b\r\n")),
        ("parameters_many", _sip(b"Accept: a/b" + b";q=0.1" * 600 + b"\r\n")),
        ("folded", _sip(b"Subject: a\r\n" + b" \r\n" * 500)),
        ("response_unasked", b"SIP/2.0 4294967297 OK\r\n\r\n"),
        ("zeros", bytes(1_024)),
        ("ones", b"\xff" * 1_024),
        ("noise", random.randbytes(1_024)),
    ):
        yield Message(name, data, _SIP)


def sip_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end."""
    return mutations((_sip(), _sip(b"Accept: application/sdp\r\nContent-Length: 0\r\n")), random, 8_000)


_VIA = b"Via: SIP/2.0/UDP trustprobe;branch=z9hG4bK1\r\n"


def _sip(more: bytes = b"", *, target: bytes = b"sip:device", via: bytes = _VIA, number: bytes = b"1") -> bytes:
    who = b"From: <sip:tp@trustprobe>;tag=1\r\nTo: <sip:device>\r\nCall-ID: tp\r\nCSeq: %s OPTIONS\r\n" % number
    return b"OPTIONS %s SIP/2.0\r\n%s%s%s\r\n" % (target, via, who, more)


def ftp(random: Random) -> Iterator[Message]:
    """Yield the FTP commands that are named, before a login."""
    for name, data in (
        ("line_without_end", b"A" * 65_000),
        ("user_long", b"USER " + b"A" * 32_000 + b"\r\n"),
        ("user_format", b"USER " + FORMATS + b"\r\n"),
        ("user_not_utf8", b"USER " + NOT_UTF8 + b"\r\n"),
        ("user_zero", b"USER a\x00b\r\n"),
        ("user_empty", b"USER\r\nUSER \r\n"),
        ("password_first", b"PASS\r\n"),
        ("port_overflow", b"PORT 256,999,-1,4294967296,1,1\r\n"),
        ("port_cut_off", b"PORT 1,2,3\r\n"),
        ("port_many", b"PORT " + b"1," * 8_000 + b"\r\n"),
        ("extended_port", b"EPRT |9|" + b"A" * 4_000 + b"|99999|\r\n"),
        ("extended_passive", b"EPSV 99999999999\r\n"),
        ("path_long", b"CWD " + b"A/" * 16_000 + b"\r\n"),
        ("path_traversal", b"RETR " + b"../" * 200 + b"etc/passwd\r\n"),
        ("path_pattern", b"LIST " + b"{a,*" * 100 + b"\r\n"),
        ("pattern_deep", b"STAT " + b"*/.." * 200 + b"\r\n"),
        ("restart_overflow", b"REST 18446744073709551616\r\n"),
        ("allocate_negative", b"ALLO -1\r\n"),
        ("site_long", b"SITE " + b"A" * 8_000 + b"\r\n"),
        ("site_exec", b"SITE EXEC %p%p%n\r\n"),
        ("time_wrong", b"MDTM 99999999999999 x\r\n"),
        ("help_long", b"HELP " + b"A" * 8_000 + b"\r\n"),
        ("security_data", b"AUTH TLS\r\nADAT " + b"=" * 8_000 + b"\r\n"),
        ("telnet_inside", b"\xff\xf4\xff\xf2ABOR\r\n" * 64),
        ("commands_many", b"NOOP\r\n" * 4_000),
        ("line_ends", b"\r\n" * 4_000),
        ("zeros", bytes(1_024)),
        ("ones", b"\xff" * 1_024),
        ("noise", random.randbytes(1_024)),
    ):
        yield Message(name, data, "CVE-2001-0550, patterns of wu-ftpd" if "pattern" in name else _FTP)


def ftp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid commands that were changed, without end."""
    return mutations((b"NOOP\r\nSYST\r\n", b"TYPE I\r\nPASV\r\n", b"FEAT\r\nHELP\r\nQUIT\r\n"), random, 8_000)


def smtp(random: Random) -> Iterator[Message]:
    """Yield the SMTP commands that are named. No mail is handed in."""
    for name, data in (
        ("line_without_end", b"A" * 65_000),
        ("name_long", b"EHLO " + b"A" * 32_000 + b"\r\n"),
        ("name_literal", b"EHLO [IPv6:" + b":" * 512 + b"]\r\n"),
        ("name_format", b"EHLO " + FORMATS + b"\r\n"),
        ("name_not_utf8", b"EHLO " + NOT_UTF8 + b"\r\n"),
        ("sender_quote", b'EHLO tp\r\nMAIL FROM:<"\\' + b"\\" * 999 + b"@a>\r\n"),
        ("sender_comments", b"EHLO tp\r\nMAIL FROM:<" + b"(" * 4_000 + b"@a>\r\n"),
        ("sender_long", b"EHLO tp\r\nMAIL FROM:<" + b"a" * 8_000 + b"@a>\r\n"),
        ("size_overflow", b"EHLO tp\r\nMAIL FROM:<> SIZE=18446744073709551616\r\n"),
        ("data_first", b"DATA\r\n"),
        ("chunk_overflow", b"EHLO tp\r\nBDAT 4294967297 LAST\r\n"),
        ("login_cut_off", b"EHLO tp\r\nAUTH PLAIN =\r\n"),
        ("tls_and_more", b"EHLO tp\r\nSTARTTLS\r\nNOOP\r\nNOOP\r\n"),
        ("verify_long", b"VRFY " + b"A" * 8_000 + b"\r\n"),
        ("expand_pattern", b"EXPN " + b"*" * 4_000 + b"\r\n"),
        ("commands_many", b"NOOP\r\n" * 4_000),
        ("zeros", bytes(1_024)),
        ("ones", b"\xff" * 1_024),
        ("noise", random.randbytes(1_024)),
    ):
        yield Message(name, data, _SMTP)


def smtp_mutations(random: Random) -> Iterator[Message]:
    """Yield valid commands that were changed, without end."""
    return mutations((b"EHLO trustprobe\r\nNOOP\r\nRSET\r\nQUIT\r\n", b"HELO a\r\nHELP\r\n"), random, 8_000)


def telnet(random: Random) -> Iterator[Message]:
    """Yield the telnet streams that are named: negotiation, and lines at the login that name nobody."""
    begin, end = b"\xff\xfa", b"\xff\xf0"
    for name, data in (
        ("subnegotiation_without_end", begin + b"\x18\x00" + b"A" * 32_000),
        ("subnegotiation_empty", (begin + end) * 500),
        ("terminal_long", begin + b"\x18\x00" + b"A" * 8_000 + end),
        ("terminal_format", begin + b"\x18\x00" + FORMATS + end),
        ("speed_overflow", begin + b"\x20\x00" + b"9" * 2_000 + b"," + b"9" * 2_000 + end),
        ("window_cut_off", begin + b"\x1f\x00" + end),
        ("window_zero", begin + b"\x1f\x00\x00\x00\x00" + end),
        ("window_65535", begin + b"\x1f" + b"\xff" * 8 + end),
        ("environment_cut_off", begin + b"\x27\x00\x00USER" + end),
        ("environment_root", begin + b"\x27\x00\x00USER\x01-f tp" + end),
        ("environment_long", begin + b"\x27\x00" + b"\x00A\x01B" * 2_000 + end),
        ("environment_escapes", begin + b"\x27\x00" + b"\x02" * 1_000 + end),
        ("key_long", begin + b"\x26\x07\x00" + b"k" * 2_000 + end),
        ("lines_mode", begin + b"\x22\x03" + b"\xff\xff" * 500 + end),
        ("all_will", b"".join(b"\xff\xfb" + bytes([one]) for one in range(255)) * 8),
        ("all_do", b"".join(b"\xff\xfd" + bytes([one]) for one in range(255)) * 8),
        ("will_and_wont", b"\xff\xfb\x01\xff\xfc\x01" * 4_000),
        ("command_cut_off", b"\xff"),
        ("option_cut_off", b"\xff\xfd"),
        ("are_you_there", b"\xff\xf6" * 4_000),
        ("interrupts", b"\xff\xf4\xff\xf2" * 1_000),
        ("erases", b"\xff\xf7\xff\xf8" * 2_000),
        ("line_long", b"A" * 8_000 + b"\r\n"),
        ("line_without_end", b"A" * 65_000),
        ("line_format", FORMATS + b"\r\n"),
        ("line_zeros", bytes(512) + b"\r\n"),
        ("line_escapes", b"\x1b[2J\x1b[6n" * 64 + b"\r\n"),
        ("noise", random.randbytes(1_024)),
    ):
        origin = {"key_long": "CVE-2011-4862", "environment_root": "CVE-2007-0882; CVE-2026-24061"}.get(name, _TELNET)
        yield Message(name, data, "CVE-2020-10188, netkit" if name == "interrupts" else origin)


def telnet_mutations(random: Random) -> Iterator[Message]:
    """Yield valid negotiation that was changed, without end."""
    valid = b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfa\x18\x00xterm\xff\xf0"
    return mutations((valid,), random, 8_000)


def soap(random: Random) -> Iterator[Message]:
    """Yield the SOAP requests that are named: control of UPnP, an action that nobody has."""
    deep = b"<a>" * 15_000
    for name, body in (
        ("nested", deep + b"</a>" * 15_000),
        ("nested_open", deep),
        ("cut_off", b"<?xml version='1.0'?><s:Envelope"),
        ("entities", b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>" + b"&c;" * 500 + b"</a>"),
        ("entity_outside", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///dev/null'>]><a>&b;</a>"),
        ("attributes_many", b"<a " + b" ".join(b"b%d='c'" % one for one in range(8_000)) + b"/>"),
        ("attribute_long", b"<a b='" + b"c" * 60_000 + b"'/>"),
        ("name_long", b"<" + b"a" * 60_000 + b"/>"),
        ("not_utf8", b"<a>" + NOT_UTF8 * 100 + b"</a>"),
        ("format", b"<a>" + FORMATS * 100 + b"</a>"),
        ("namespace_unknown", b"<s:Envelope><s:Body><u:A/></s:Body></s:Envelope>"),
        ("action_twice", _envelope(b"<u:A xmlns:u='urn:a'/>" * 500)),
        ("argument_long", _envelope(b"<u:A xmlns:u='urn:a'><B>" + b"c" * 60_000 + b"</B></u:A>")),
        ("argument_overflow", _envelope(b"<u:A xmlns:u='urn:a'><B>99999999999999999999</B></u:A>")),
        ("empty", b" "),
        ("noise", random.randbytes(1_024)),
    ):
        yield Message(name, _soap(body), _SOAP)
    for name, action in (
        ("missing", b""),
        ("long", b'SOAPACTION: "' + b"A" * 8_000 + b'"\r\n'),
        ("no_quote", b'SOAPACTION: "urn:a#b\r\n'),
        ("no_hash", b"SOAPACTION: urn:a\r\n"),
    ):
        yield Message(f"soapaction_{name}", _soap(_envelope(b""), action), _SOAP)
    subscribe = b"SUBSCRIBE / HTTP/1.1\r\nHost: device\r\nNT: upnp:event\r\nTIMEOUT: Second--1\r\n"
    callback = b"CALLBACK: <http://[::1:9>" + b"<" * 4_000 + b"\r\n\r\n"
    yield Message("callback_wrong", subscribe + callback, "UPnP Device Architecture 1.1 clause 4.1.2; CVE-2020-12695")


def soap_mutations(random: Random) -> Iterator[Message]:
    """Yield valid requests that were changed, without end."""
    return mutations((_soap(_envelope(b"<u:A xmlns:u='urn:a'><B>1</B></u:A>")),), random, 16_000)


def _envelope(body: bytes) -> bytes:
    start = b"<?xml version='1.0'?><s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
    return start + body + b"</s:Body></s:Envelope>"


def _soap(body: bytes, action: bytes = b'SOAPACTION: "urn:a#A"\r\n') -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: device\r\nContent-Type: text/xml\r\n%sContent-Length: %d\r\n\r\n"
    return head % (action, len(body)) + body
