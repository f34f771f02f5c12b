"""Actions of UPnP that set a value, called with the value that was read."""

import re
import socket
from dataclasses import dataclass, field

import pytest

from drivers.network.iot import upnp_writing
from drivers.network.iot.upnp import UpnpLocation
from drivers.network.iot.upnp_access import AskUpnp
from drivers.network.iot.upnp_writing import WRITING
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.interfaces import UpnpDeclaration
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation

RENDERING = "urn:schemas-upnp-org:service:RenderingControl:1"


def argument(name: str, direction: str, variable: str) -> str:
    return (
        f"<argument><name>{name}</name><direction>{direction}</direction>"
        f"<relatedStateVariable>{variable}</relatedStateVariable></argument>"
    )


def action(name: str, *arguments: str) -> str:
    return f"<action><name>{name}</name><argumentList>{''.join(arguments)}</argumentList></action>"


CHANNEL = argument("Channel", "in", "A_ARG_TYPE_Channel")
SCPD = (
    "<scpd><actionList>"
    + action("GetVolume", CHANNEL, argument("CurrentVolume", "out", "Volume"))
    + action("SetVolume", CHANNEL, argument("DesiredVolume", "in", "Volume"))
    + action("SetMute", argument("DesiredMute", "in", "Mute"))
    + action("Reboot")
    + "</actionList><serviceStateTable>"
    "<stateVariable><name>Volume</name><dataType>ui2</dataType></stateVariable>"
    "<stateVariable><name>A_ARG_TYPE_Channel</name><dataType>string</dataType>"
    "<allowedValueList><allowedValue>Master</allowedValue></allowedValueList></stateVariable>"
    "</serviceStateTable></scpd>"
)
ROOT = (
    f"<root><device><serviceList><service><serviceType>{RENDERING}</serviceType><SCPDURL>/scpd.xml</SCPDURL>"
    "<controlURL>/control</controlURL></service></serviceList></device></root>"
)


@dataclass
class Renderer:
    """Plays at a volume. `refuses` is the error code of actions that set something."""

    refuses: str = ""
    volume: str = "37"
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(4_096)
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while len(body) < (int(length[1]) if length else 0):
            body += client.recv(4_096)
        path = head.split(b" ")[1]
        document = {b"/root.xml": ROOT, b"/scpd.xml": SCPD}.get(path) or self.control(head.decode(), body.decode())
        status = "500 No" if "<UPnPError>" in document else "200 OK"
        client.sendall(f"HTTP/1.0 {status}\r\n\r\n{document}".encode())

    def control(self, head: str, body: str) -> str:
        called = re.search(r'(?i)soapaction: "[^#"]+#(\w+)"', head)
        name = called[1] if called else ""
        desired = re.search(r"<DesiredVolume>(\w*)<", body)
        self.calls.append((name, desired[1] if desired else ""))
        if name.startswith("Set") and self.refuses:
            return f"<Envelope><UPnPError><errorCode>{self.refuses}</errorCode></UPnPError></Envelope>"
        if desired:
            self.volume = desired[1]
        inner = f"<CurrentVolume>{self.volume}</CurrentVolume>" if name == "GetVolume" else ""
        return f"<Envelope><{name}Response>{inner}</{name}Response></Envelope>"


def ask(renderer: Renderer, *public: str, may_map: bool = True) -> Observation:
    with tcp_server(renderer) as port:
        usual = (UpnpLocation(port, "/root.xml"),)
        target = Target(NetworkBench(address="127.0.0.1"))
        probe = AskUpnp(target, UpnpDeclaration(public=public), may_map, heard=False, usual=usual)
        return probe.run(MemoryRecorder()).about(WRITING)


def test_a_value_that_was_read_is_set_again_and_nothing_else_is_called() -> None:
    renderer = Renderer()
    seen = ask(renderer)
    assert seen.seen == {WRITING}
    assert "RenderingControl#SetVolume (Master, 37)" in seen.detail(WRITING)
    assert renderer.volume == "37"
    assert {name for name, _ in renderer.calls} == {"GetVolume", "SetVolume"}
    assert ("SetVolume", "37") in renderer.calls


def test_a_device_that_asks_for_authority_refuses() -> None:
    seen = ask(Renderer(refuses="606"))
    assert seen.refused == {WRITING}
    assert seen.conclusive


def test_actions_beyond_the_limit_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upnp_writing, "MOST", 0)
    seen = ask(Renderer(refuses="606"))
    assert not seen.seen and not seen.conclusive
    assert "only 0 of 1 actions that set what was read were tested" in seen.unproven


def test_another_error_leaves_the_question_open() -> None:
    seen = ask(Renderer(refuses="501"))
    assert seen.silent == {WRITING}
    assert not seen.conclusive


@pytest.mark.parametrize(("public", "may_map"), [((), False), (("RenderingControl#SetVolume",), True)])
def test_nothing_is_set_that_is_public_or_that_the_bench_does_not_allow(public: tuple[str, ...], may_map: bool) -> None:
    renderer = Renderer()
    seen = ask(renderer, *public, may_map=may_map)
    assert seen.silent == {WRITING}
    assert seen.conclusive is may_map
    assert "SetVolume" not in {name for name, _ in renderer.calls}
