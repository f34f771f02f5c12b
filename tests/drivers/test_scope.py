"""Scope is enforced in one place: no code but `Target` opens a socket to a device, apart from the files named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("drivers", "fixtures", "suites", "trustprobe")
ALLOWED = {
    "drivers/network/target.py": "it is the one place",
    "drivers/network/datagram.py": "sends to the places that Target.multicast returns",
    "drivers/network/sweep/connect.py": "asks many ports at once, each by Target.address and Target.port",
    "drivers/network/sweep/boot_window.py": "asks many ports at once, each by Target.address and Target.port",
    "drivers/network/sweep/link.py": "frames on the link of a Target",
    "drivers/network/sweep/link6.py": "the same for IPv6, with a datagram that makes the kernel look for the neighbour",
    "drivers/network/servers/dhcp.py": "a server: it answers the sample that asked it",
    "drivers/network/servers/dns.py": "a server: it answers whoever asked it",
    "drivers/network/servers/ntp.py": "a server: it answers whoever asked it",
    "drivers/network/web/login/browser.py": "starts the browser, which is kept to the address and ports of a Target",
    "drivers/network/web/login/browser_process.py": "drives that browser",
    "drivers/command.py": "runs the programs that the bench file names",
    "drivers/debug/bitbang.py": "the debug adapter that the bench file names",
    "drivers/debug/gdb.py": "the gdb server that the bench file names",
    "drivers/power/qmp.py": "the QEMU that the bench file names",
    "drivers/power/switch.py": "the power switch that the bench file names",
    "drivers/serial/port.py": "the serial port that the bench file names",
    "trustprobe/cli/run.py": "starts trustprobe itself",
}
"""The files that may open sockets or start programs of their own, each with the reason."""
WHAT_TO_DO = (
    "take the connection from Target.connect or Target.datagram, which refuse what the bench does not own; or name the "
    "file in ALLOWED of tests/drivers/test_scope.py, with the reason"
)
OPENERS = {
    "asyncio.create_connection",
    "asyncio.create_datagram_endpoint",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "asyncio.open_connection",
    "ftplib.FTP",
    "ftplib.FTP_TLS",
    "imaplib.IMAP4",
    "os.popen",
    "os.system",
    "paramiko.SSHClient",
    "poplib.POP3",
    "serial.Serial",
    "serial.serial_for_url",
    "smtplib.SMTP",
    "socket.create_connection",
    "ssl.get_server_certificate",
    "telnetlib.Telnet",
    "urllib.request.Request",
    "urllib.request.urlopen",
    "urllib.request.urlretrieve",
    "xmlrpc.client.ServerProxy",
}
"""Calls that reach for an address, or start a program that can."""
MODULES = ("aiocoap", "aiohttp", "httpx", "paho", "playwright", "pymodbus", "pysnmp", "subprocess", "urllib3")
"""Every call of these does."""
SCAPY = {"AsyncSniffer", "send", "sendp", "sendpfast", "sniff", "sr", "sr1", "srloop", "srp", "srp1"}
REQUESTS = {"Session", "delete", "get", "head", "options", "patch", "post", "put", "request", "session"}
CONNECTIONS = {"http.client.HTTPConnection", "http.client.HTTPSConnection"}
TARGETS = {"target", "_target"}


class Names(ast.NodeVisitor):
    """What the names of a module stand for: `socket.create_connection` for a name that was imported from there."""

    def __init__(self, tree: ast.Module) -> None:
        self._known: dict[str, str] = {}
        self.visit(tree)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self._known[alias.asname or first] = alias.name if alias.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._known[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def full(self, node: ast.expr) -> str:
        """Return the dotted name of an expression, as it is outside this module."""
        first, dot, rest = ast.unparse(node).partition(".")
        return f"{self._known.get(first, first)}{dot}{rest}"


def openers(source: str) -> Iterator[tuple[int, str]]:
    """Return the calls of a module that can open a socket to a device: the line, and the call."""
    tree = ast.parse(source)
    names = Names(tree)
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            given = _is_given_a_socket(scope)
            for node in _own(scope):
                if isinstance(node, ast.Call) and _opens(node, names, given=given):
                    yield node.lineno, ast.unparse(node)[:80]


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes of a function or a module, but for those of the functions within it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own(child)


def _is_given_a_socket(scope: ast.AST) -> bool:
    """Whether a function sets `sock` of a connection and `auto_open` to 0, so that it opens no socket itself."""
    assigned = (target for node in _own(scope) if isinstance(node, ast.Assign) for target in node.targets)
    return {"connection.sock", "connection.auto_open"} <= {ast.unparse(target) for target in assigned}


def _opens(call: ast.Call, names: Names, *, given: bool) -> bool:
    """Whether a call reaches for an address; a connection that is `given` its socket does not."""
    name = names.full(call.func)
    module, _, last = name.rpartition(".")
    if name in CONNECTIONS:
        return not given
    if name in OPENERS or name.startswith(tuple(f"{one}." for one in MODULES)):
        return True
    if (module == "requests" and last in REQUESTS) or (name.startswith("scapy.") and last in SCAPY):
        return True
    if name in {"drivers.network.sweep.link.Link", "drivers.network.sweep.link6.Link6"}:
        return True
    if last in {"socket", "SocketType"} and any(
        "AF_PACKET" in ast.unparse(one) or "SOCK_RAW" in ast.unparse(one) for one in call.args
    ):
        return True
    if name == "paramiko.Transport":
        return not (call.args and ast.unparse(call.args[0]).endswith("sock"))
    return isinstance(call.func, ast.Attribute) and _sends(call, call.func)


def _sends(call: ast.Call, func: ast.Attribute) -> bool:
    """Whether this is a method of a socket that is given an address; a Target is no socket."""
    if func.attr == "sendto":
        return True
    if func.attr == "sendmsg":
        return len(call.args) == 4
    if func.attr not in {"connect", "connect_ex"} or ast.unparse(func.value).rpartition(".")[2] in TARGETS:
        return False
    return len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Constant)


def found(path: Path) -> list[str]:
    place = path.relative_to(ROOT)
    return [f"{place}:{line}: {call}" for line, call in openers(path.read_text("utf-8"))]


def test_only_target_and_the_files_named_here_open_a_socket_to_a_device() -> None:
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    wrong = [one for path in files if str(path.relative_to(ROOT)) not in ALLOWED for one in found(path)]
    assert not wrong, "\n".join((*wrong, WHAT_TO_DO))


@pytest.mark.parametrize("name", ALLOWED)
def test_a_file_is_named_here_only_while_it_opens_something(name: str) -> None:
    assert found(ROOT / name), f"{name} opens nothing any more: take it out of ALLOWED"


OFFENDERS = {
    "import socket\nsocket.create_connection((target.address, 22))": 2,
    "from socket import create_connection as reach\nreach((target.address, 22))": 2,
    "import socket\nsock = socket.socket()\nsock.connect((address, 22))": 3,
    "import socket\ndef ask(there):\n    socket.socket().connect_ex(there)": 3,
    "def ask(sock, there):\n    sock.sendto(b'', there)": 2,
    "def ask(sock, there):\n    sock.sendmsg([b''], [], 0, there)": 2,
    "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)": 2,
    "from socket import AF_INET, SOCK_RAW, socket\nsocket(AF_INET, SOCK_RAW)": 2,
    "import requests\nrequests.get(f'http://{target.address}/')": 2,
    "import requests\nwith requests.Session() as session:\n    pass": 2,
    "from urllib.request import urlopen\nurlopen(url)": 2,
    "import http.client\nhttp.client.HTTPConnection(target.address)": 2,
    "from http.client import HTTPSConnection\ndef ask():\n    made = HTTPSConnection(a)\n    made.request(method)": 3,
    "import http.client\nc = http.client.HTTPConnection(a)\ndef other(connection, s):\n    connection.sock = s\n"
    "    connection.auto_open = 0": 2,
    "import paramiko\nparamiko.Transport((target.address, 22))": 2,
    "import paramiko\nparamiko.SSHClient()": 2,
    "import asyncio\nasync def ask():\n    await asyncio.open_connection(address, 1)": 3,
    "import subprocess\nsubprocess.run(['nmap', target.address])": 2,
    "import os\nos.system(f'ping {address}')": 2,
    "from scapy.all import sr1\nsr1(packet)": 2,
    "import scapy.sendrecv\nscapy.sendrecv.sendp(frame)": 2,
    "from paho.mqtt.client import Client\nClient()": 2,
    "from drivers.network.sweep.link import Link\nLink(interface, mac, own, address)": 2,
}


@pytest.mark.parametrize("source", OFFENDERS)
def test_code_that_opens_a_socket_to_a_device_is_found(source: str) -> None:
    assert [line for line, _ in openers(source)] == [OFFENDERS[source]]


@pytest.mark.parametrize(
    "source",
    [
        "with self.target.connect(port) as sock:\n    sock.sendall(b'')",
        "sock = target.datagram(7)\nsock.send(word)",
        "self._target.connect(self._port).close()",
        "door.connect(user, password)",
        "MqttDoor(target, broker, name).connect(None)",
        "import requests\nrequests.Request('GET', url).prepare()",
        "import http.client\ndef ask(own):\n    connection = http.client.HTTPConnection(a)\n    connection.sock = own\n"
        "    connection.auto_open = 0",
        "import paramiko\nparamiko.Transport(self._sock)",
        "from urllib.parse import urlsplit\nurlsplit(url)",
        "import socket\nsocket.create_server((address, 0))",
        "import socket\nsocket.socketpair()",
    ],
)
def test_code_that_is_given_its_connection_is_left_alone(source: str) -> None:
    assert not list(openers(source))
