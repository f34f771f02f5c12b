"""Malformed SOAP for WS-Discovery: inputs on which an XML parser and its caller may fail (SOAP 1.2, XML 1.0)."""

from collections.abc import Iterator
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, mutations

_PROBE = (
    b'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    b' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
    b"<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
    b"<a:MessageID>%s</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>"
    b"<s:Body><d:Probe><d:Types>%s</d:Types>%s</d:Probe></s:Body></s:Envelope>"
)
_ID = b"urn:uuid:7a1b9f2c-0000-4000-8000-000000000001"
_DATAGRAM = 60_000
_OVERLONG = "SOAP-over-UDP 1.1: a datagram of up to 65,507 octets (CWE-120)"
_WELL_FORMED = "XML 1.0 clause 2.1, well-formed documents"


def ws_discovery(random: Random) -> Iterator[Message]:
    """Yield the datagrams that are named."""
    yield from _documents()
    yield from _entities()
    yield from _values()
    yield Message("noise", random.randbytes(512), "random octets from the seed")


def ws_discovery_mutations(random: Random) -> Iterator[Message]:
    """Yield valid probes that were changed, without end."""
    valid = (_probe(), _probe(types=b"dn:NetworkVideoTransmitter"), _probe(more=b"<d:Scopes>onvif://a/b</d:Scopes>"))
    return mutations(valid, random, _DATAGRAM)


def _probe(message: bytes = _ID, types: bytes = b"", more: bytes = b"") -> bytes:
    return _PROBE % (message, types, more)


def _documents() -> Iterator[Message]:
    whole = _probe()
    yield Message("one_octet", b"<", _WELL_FORMED)
    yield Message("zeros", b"\x00" * 1_024, _WELL_FORMED)
    yield Message("ones", b"\xff" * 1_024, _WELL_FORMED)
    yield Message("cut_off_in_header", whole[: whole.index(b"<a:MessageID>") + 8], _WELL_FORMED)
    yield Message("cut_off_in_body", whole[:-20], _WELL_FORMED)
    yield Message("twice", whole * 2, _WELL_FORMED)
    yield Message("not_closed", whole.replace(b"</s:Body>", b""), _WELL_FORMED)
    yield Message("closed_crosswise", whole.replace(b"</d:Probe></s:Body>", b"</s:Body></d:Probe>"), _WELL_FORMED)
    yield Message(
        "empty_envelope", b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"/>', "SOAP 1.2 clause 5.1"
    )
    no_body = whole[: whole.index(b"<s:Body>")] + b"</s:Envelope>"
    yield Message("no_body", no_body, "SOAP 1.2 clause 5.1")
    yield Message("nested_elements", _probe(more=b"<x>" * 9_000 + b"</x>" * 8_500), "CWE-674")
    yield Message("nested_closed", _probe(more=b"<x>" * 1_000 + b"</x>" * 1_000), "CWE-674")
    yield Message("many_elements", _probe(more=b"<x/>" * 14_000), "CWE-770")
    attributes = b"".join(b' a%d=""' % number for number in range(4_000))
    yield Message("many_attributes", _probe(more=b"<x" + attributes + b"/>"), "CWE-770")
    yield Message("attribute_twice", _probe(more=b'<x a="" a=""/>'), "XML 1.0 clause 3.1")
    names = b"".join(b' xmlns:n%d="u%d"' % (number, number) for number in range(2_000))
    yield Message("many_namespaces", _probe(more=b"<x" + names + b"/>"), "CWE-770")
    yield Message("namespace_unbound", whole.replace(b"xmlns:d=", b"xmlns:e="), "Namespaces in XML 1.0 clause 5")
    yield Message("long_name", _probe(more=b"<" + b"x" * 40_000 + b"/>"), _OVERLONG)
    yield Message("long_prefix", _probe(more=b"<" + b"x" * 20_000 + b":y/>"), _OVERLONG)
    yield Message("instruction", b"<?xml " + b"version='1.0' " * 500 + b"?>" + whole, "XML 1.0 clause 2.8")


def _entities() -> Iterator[Message]:
    bomb = b"<!DOCTYPE s [<!ENTITY a0 'aaaaaaaaaa'>"
    for number in range(1, 10):
        bomb += b"<!ENTITY a%d '%s'>" % (number, b"&a%d;" % (number - 1) * 10)
    expansion = "CWE-776, entities that expand to 1,000,000,000 octets"
    yield Message("entities_that_expand", bomb + b"]>" + _probe(types=b"&a9;")[38:], expansion)
    outside = b'<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    yield Message("entity_of_a_file", outside + _probe(types=b"&e;")[38:], "CWE-611")
    yield Message("entity_unknown", _probe(types=b"&nothing;"), "XML 1.0 clause 4.1")
    yield Message(
        "entity_of_itself", b"<!DOCTYPE s [<!ENTITY e '&e;'>]>" + _probe(types=b"&e;")[38:], "XML 1.0 clause 4.1"
    )
    yield Message("reference_zero", _probe(types=b"&#0;&#x110000;&#xffffffff;&#99999999999;"), "XML 1.0 clause 4.1")
    yield Message("data_not_closed", _probe(types=b"<![CDATA["), "XML 1.0 clause 2.7")
    yield Message("comment_not_closed", _probe(types=b"<!--"), "XML 1.0 clause 2.5")


def _values() -> Iterator[Message]:
    yield Message("long_message_id", _probe(message=b"A" * 50_000), _OVERLONG)
    yield Message("empty_message_id", _probe(message=b""), "WS-Addressing clause 3, MessageID")
    yield Message("long_types", _probe(types=b"A" * 50_000), _OVERLONG)
    yield Message("many_types", _probe(types=b"dn:Device " * 5_000), _OVERLONG)
    yield Message("types_with_colons", _probe(types=b":" * 2_000), "Namespaces in XML 1.0 clause 4")
    yield Message("types_format", _probe(types=FORMATS), "CWE-134")
    yield Message("message_id_format", _probe(message=FORMATS), "CWE-134")
    yield Message("not_utf8", _probe(types=NOT_UTF8), "RFC 3629 clause 3")
    yield Message("encoding_unknown", _probe().replace(b"utf-8", b"x-" + b"9" * 200), "XML 1.0 clause 4.3.3")
    yield Message("encoding_utf_16", _probe().replace(b"utf-8", b"utf-16"), "XML 1.0 clause 4.3.3")
    yield Message("encoding_utf_7", _probe().replace(b"utf-8", b"utf-7"), "XML 1.0 clause 4.3.3")
    scopes = b'<d:Scopes MatchBy="' + b"x" * 8_000 + b'">' + b"onvif://" + b"/" * 30_000 + b"</d:Scopes>"
    yield Message("long_scopes", _probe(more=scopes), _OVERLONG)
    yield Message("scopes_traversal", _probe(more=b"<d:Scopes>onvif://" + b"../" * 64 + b"</d:Scopes>"), "CWE-22")
    yield Message(
        "action_unknown", _probe().replace(b"/Probe</a:Action>", b"/Resolve</a:Action>"), "WS-Discovery clause 6"
    )
