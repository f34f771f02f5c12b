"""Terminals in the browser: whether one gives a command line to an anonymous client.

The page of a terminal says little, because what it runs may be a login program. So the terminal is opened as its own
page opens it, and its first output is read. Nothing is typed.
"""

import base64
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlencode

from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.server import WebServer
from drivers.network.web.transport.websocket import Listener, NotOpened
from drivers.prompts import prompt_in
from trustprobe.probe import Answer, printable

SECONDS = 3.0
"""How long the first output of a terminal is waited for."""
_SHOWN = 120
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_=>]")


@dataclass(frozen=True)
class Terminal:
    """A kind of terminal: how its page is known, and how its output is read over a WebSocket."""

    name: str
    page: re.Pattern[bytes]
    protocol: str
    hello: str
    output: Callable[[str], str]
    """Returns the output in one message; empty for a message of another kind."""


def _plain(message: str) -> str:
    return message[1:] if message[:1] == "0" else ""


def _encoded(message: str) -> str:
    try:
        return base64.b64decode(message[1:]).decode("utf-8", "replace") if message[:1] == "1" else ""
    except ValueError:
        return ""


TERMINALS = (
    Terminal(
        "ttyd",
        re.compile(rb"<title>ttyd\b", re.IGNORECASE),
        "tty",
        '{"AuthToken":"","columns":80,"rows":24}',
        _plain,
    ),
    Terminal(
        "GoTTY",
        re.compile(rb"gotty(?:-bundle)?\.js|<title>GoTTY", re.IGNORECASE),
        "webtty",
        '{"Arguments":"","AuthToken":""}',
        _encoded,
    ),
)
_BOX = re.compile(rb"ShellInABox", re.IGNORECASE)


def terminal_of(server: WebServer, path: str, page: WebAnswer) -> tuple[Answer, str] | None:
    """Open the terminal of a page: SEEN if it gives output, REFUSED if it asks for a login. None if there is none."""
    for terminal in TERMINALS:
        if terminal.page.search(page.body):
            return _judged(terminal.name, _over_websocket(server, path, terminal))
    if _BOX.search(page.body):
        return _judged("shellinabox", _in_a_box(server, path))
    return None


def _judged(name: str, output: str) -> tuple[Answer, str]:
    text = _ESCAPES.sub("", output).replace("\r", "\n").rstrip("\n")
    shown = printable(text.strip()[-_SHOWN:], _SHOWN)
    if not text.strip():
        return Answer.SILENT, f"a terminal ({name}) without output"
    prompt = prompt_in(text)
    if prompt is not None and not prompt.opens:
        return Answer.REFUSED, f"a terminal ({name}) that requires a login: {shown}"
    what = f"a {prompt.kind}" if prompt is not None else "the output of a program"
    return Answer.SEEN, f"a terminal ({name}) that gives {what} to everybody: {shown}"


def _over_websocket(server: WebServer, path: str, terminal: Terminal) -> str:
    folder = path.partition("?")[0].rpartition("/")[0]
    headers = {"Sec-WebSocket-Protocol": terminal.protocol}
    opened = Listener.ask(server.client(), f"{folder}/ws", headers, terminal.hello)
    if isinstance(opened, NotOpened):
        return ""
    with closing(opened) as listener:

        def shown() -> str:
            return "".join(map(terminal.output, listener.messages()))

        listener.heard(lambda _: prompt_in(_ESCAPES.sub("", shown())) is not None, SECONDS)
        return shown()


def _in_a_box(server: WebServer, path: str) -> str:
    """Open a session as the page of shellinabox does, and read its first output."""
    client, bare = server.client(), path.partition("?")[0]
    opening = {"width": "80", "height": "24", "rooturl": client.base + bare}
    try:
        session = _field(client.request("POST", f"{bare}?", data=urlencode(opening).encode(), headers=_FORM), "session")
        if not session:
            return ""
        reading = urlencode({"width": "80", "height": "24", "session": session}).encode()
        answers = (client.request("POST", f"{bare}?", data=reading, headers=_FORM) for _ in range(3))
        return _until_prompt(_field(answer, "data") for answer in answers)
    except NoAnswerError:
        return ""


_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def _until_prompt(pieces: Iterable[str]) -> str:
    text = ""
    for piece in pieces:
        text += piece
        if prompt_in(_ESCAPES.sub("", text)) is not None:
            break
    return text


def _field(answer: WebAnswer, name: str) -> str:
    document = answer.json() if answer.ok else None
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
