import re

import pytest

from drivers.data import table
from drivers.network.web.probes.websocket_protocols import Said, WebSocketTalk

OPENING = '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
OWN = (
    "",
    OPENING,
    "o",
    "h",
    "{}\x1e",
    '{"type":6}\x1e',
    '{"C":"d-8E4FA1D-B,0","S":1,"M":[]}',
    "{}",
    "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\x00",
    "\n",
    "\xd0\x00",
    '{"type":"connection_ack"}',
    '{"type":"connection_ack","payload":null}',
    '{"type":"ka"}',
    '{"type": "ping"}',
    '{"type":"welcome"}',
    '{"type":"ping","message":1700000000}',
    '{"type":"auth_required","ha_version":"2024.1.0"}',
    '{"server_id":"0","msg":"connected","session":"a"}',
    '{"jsonrpc":"2.0","method":"hello"}',
    '{"jsonrpc":"2.0","method":"hello","params":{}}',
    '{"jsonrpc":"2.0","method":"server.hello","params":[]}',
    '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.1\\",\\"activity_timeout\\":30}"}',
    '[{"channel":"/meta/handshake","successful":true,"clientId":"a","version":"1.0"}]',
    '[2, 9129137332, {"roles": {"broker": {}}}]',
    '[4,"ticket",{}]',
    '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" id="1" version="1.0" />',
    '[{"topic":"hb","data":1700000000000}]',
    "ping",
)
REFUSED = (
    'c[3000,"Go away!"]',
    '{"error":"Handshake was canceled."}\x1e',
    '{"type":7,"error":"Unauthorized"}\x1e',
    "ERROR\nmessage:Bad CONNECT\n\nAccess refused\x00",
    "\x20\x02\x00\x05",
    "\x20\x03\x00\x87\x00",
    '{"type":"connection_error","payload":{"message":"Unauthorized"}}',
    '{"type":"auth_invalid","message":"Invalid password"}',
    '{"type":"disconnect","reason":"unauthorized","reconnect":false}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Unauthorized"}}',
    '{"event":"pusher:error","data":{"code":4001,"message":"App does not exist"}}',
    '{"msg":"failed","version":"1"}',
    '[{"channel":"/meta/handshake","successful":false,"error":"403::denied"}]',
    '[3, {}, "wamp.error.not_authorized"]',
    '{"error":"Unauthorized"}',
    '{"success":false,"message":"not logged in"}',
)
DATA = (
    "2",
    '42["state",{"door":"open"}]',
    'a["{\\"door\\":\\"open\\"}"]',
    '{}\x1e{"type":1,"target":"state","arguments":[{"door":"open"}]}\x1e',
    '{"C":"d-8E4FA1D-B,1","M":[{"H":"Hub","M":"state","A":["open"]}]}',
    "MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/state\n\nopen\x00",
    "CONNECTED\nversion:1.2\n\n\x00MESSAGE\ndestination:/state\n\nopen\x00",
    "\x20\x02\x00\x00",
    '{"type":"next","id":"1","payload":{"data":{"door":"open"}}}',
    '{"type":"hello","temperature":21}',
    '{"type":"hello","payload":{"door":"open"}}',
    '{"type":"hello","data":"door open"}',
    '{"jsonrpc":"2.0","method":"NotifyStatus","params":{"door":"open"}}',
    '{"jsonrpc":"2.0","id":1,"result":{"door":"open"}}',
    '{"error":null,"door":"open"}',
    '{"error":"none","door":"open"}',
    '[{"channel":"/meta/connect","successful":true},{"channel":"/state","data":{"door":"open"}}]',
    '[2,"19223201","BootNotification",{"chargePointModel":"x"}]',
    "door open",
    "o" * 5_000,
)


@pytest.mark.parametrize("message", OWN)
def test_a_handshake_or_a_heartbeat_is_not_data(message: str) -> None:
    assert WebSocketTalk().said(message) is Said.OWN


@pytest.mark.parametrize("message", REFUSED)
def test_an_error_of_the_protocol_is_a_refusal(message: str) -> None:
    assert WebSocketTalk().said(message) is Said.REFUSED


@pytest.mark.parametrize("message", DATA)
def test_any_other_message_is_data(message: str) -> None:
    assert WebSocketTalk().said(message) is Said.DATA


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('40{"sid":"a"}', Said.OWN),
        ("40", Said.OWN),
        ("2", Said.OWN),
        ("41", Said.REFUSED),
        ('44{"message":"Not authorized"}', Said.REFUSED),
        ('44/log,{"message":"Not authorized"}', Said.REFUSED),
        ('42["state",{"door":"open"}]', Said.DATA),
        ('42/log,["line"]', Said.DATA),
        ("45", Said.DATA),
    ],
)
def test_packets_of_socket_io_have_their_meaning_after_the_opening(message: str, said: Said) -> None:
    talk = WebSocketTalk()
    assert talk.said(OPENING) is Said.OWN
    assert talk.replies == ["40"]
    assert talk.said(message) is said


def test_every_row_has_an_origin_and_an_expression() -> None:
    for row in table("websocket_protocols"):
        assert row["origin"]
        re.compile(row.get("text") or row["member"][1])
