"""Logs in with a real browser, for pages that need JavaScript: Chromium, driven by playwright in a process of its own.

The browser reaches only the device's address: no other name or address resolves, and no proxy is used. With
forwarded ports it reaches those alone. Each attempt has a fresh profile; each is bounded in time, and the process is
ended where it overruns.
"""

import atexit
import base64
import importlib.util
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, Any

import psutil

from drivers.network.web.login.session import Submitted, WebSession
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from lab_config.component import Transport
from lab_config.http_login import HttpLogin
from trustprobe.errors import BenchError
from trustprobe.place import python
from trustprobe.probe import Answer, printable

ATTEMPT_SECONDS = 60.0
"""One attempt, the start of the browser included."""
REPLY_LIMIT = 16 << 20
"""Octets of what the driving process says of one attempt; the picture is most of it."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
END_SECONDS = 5.0
"""How long a process that has closed its output may take to end."""
BROKE = "Run again. If it happens again, look for the cause: dmesg reports a lack of memory."
INSTALL = "Install both: pip install 'trustprobe[browser]', and the system's browser: apt-get install chromium."
_CARRIED = 20
"""Headers and cookies that are taken over."""


def browser_path() -> str:
    """Return the browser of this machine; BenchError says how to install what is missing."""
    if importlib.util.find_spec("playwright") is None:
        raise BenchError("the declaration requires a real browser, but playwright is not installed.", INSTALL)
    for name in BROWSERS:
        if (path := shutil.which(name)) is not None:
            return path
    raise BenchError("the declaration requires a real browser, but this machine has no Chromium.", INSTALL)


def submit_browser(session: WebSession, http_login: HttpLogin, user: str, password: str) -> Submitted:
    """Fill the page in and send it; what the browser then holds is carried by the session.

    Raises BenchError where no browser can be started, or where it ends under the attempt; NoAnswerError where the
    device shows no page.
    """
    ports = session.client.target.ports(Transport.TCP)
    asked = {
        "browser": browser_path(),
        "base": session.client.base,
        "address": session.client.target.address.split("%")[0],
        "ports": None if ports is None else sorted(ports),
        "path": http_login.form or "/",
        "user_field": http_login.user_field,
        "password_field": http_login.password_field,
        "user": user,
        "password": password,
    }
    reply = _browser_of(session.client.base).ask(asked, ATTEMPT_SECONDS)
    if reply is None:
        raise NoAnswerError(Answer.SILENT, f"the browser did not finish within {ATTEMPT_SECONDS:g} s and was stopped")
    if reply.get("bench"):
        raise BenchError(f"the browser did not start: {printable(str(reply['bench']), 300)}.", INSTALL)
    if reply.get("unreachable"):
        raise NoAnswerError(Answer.SILENT, f"the browser: {printable(str(reply['unreachable']), 300)}")
    _carry(session, reply)
    blocked = [printable(str(host), 80) for host in list(reply.get("blocked", ()))[:5]]
    problem = str(reply.get("problem", ""))
    if blocked:
        problem += f"{'; ' if problem else ''}the page requested other hosts, which were blocked: {', '.join(blocked)}"
    text = str(reply.get("text", "")).encode("utf-8", "replace")  # a page may show half of a surrogate pair
    answer = WebAnswer(int(reply.get("status") or 0), {}, text)
    return Submitted(answer, http_login.form or "/", printable(problem, 600), sent=bool(reply.get("sent")))


def _carry(session: WebSession, reply: dict[str, Any]) -> None:
    for cookie in reply.get("cookies", ())[:_CARRIED]:
        session.cookies.set(str(cookie["name"]), str(cookie["value"]), path=str(cookie.get("path") or "/"))
    for name, value in list(reply.get("headers", {}).items())[:_CARRIED]:
        session.headers[str(name)] = str(value)
    session.picture = base64.b64decode(reply.get("picture", ""))


class Browser:
    """The process that drives the browser: one line of JSON in, one line out, for each attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="trustprobe-browser-", ignore_cleanup_errors=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.command = python("drivers.network.web.login.browser_process")

    def ask(self, asked: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """Make one attempt; None where it was not done in `seconds`, and everything was ended.

        Raises BenchError where the process ends under it, or says what is no answer: that is none of the device's.
        """
        line = json.dumps(asked).encode() + b"\n"
        with self._lock:
            said = self._exchange(line, seconds)
            # One that ends in order was idle for too long and never read the line: it can be asked again, and the
            # device counts one attempt. One that breaks may have sent the password, and is not asked again.
            if said == b"" and (status := self._ended()) == 0:
                said = self._exchange(line, seconds)
                status = self._ended() if said == b"" else None
            if said is None:
                self.end()
                return None
            if said == b"":
                raise BenchError(
                    f"the process that drives the browser ended unexpectedly (exit status {status}).", BROKE
                )
            with suppress(ValueError):
                if isinstance(reply := json.loads(said), dict):
                    return reply
            self.end()
            raise BenchError("the process that drives the browser sent a malformed answer.", BROKE)

    def _exchange(self, line: bytes, seconds: float) -> bytes | None:
        """Send one line and return the one that comes; empty where the process ended, None where nothing came whole."""
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return _line(process.stdout, time.monotonic() + seconds)
        except OSError:
            return b""

    def _ended(self) -> int | None:
        """Clear up after a process that ended, and return its exit status; None where it had to be ended."""
        assert self.process is not None
        status = None
        with suppress(subprocess.TimeoutExpired):
            status = self.process.wait(END_SECONDS)
        self.end()
        return status

    def end(self) -> None:
        """End the process and every browser that it started."""
        process, self.process = self.process, None
        if process is None:
            return
        with suppress(psutil.Error):
            children = psutil.Process(process.pid).children(recursive=True)
            for child in children:
                with suppress(psutil.Error):
                    child.kill()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def close(self) -> None:
        """End all, and remove the profiles."""
        self.end()
        self._folder.cleanup()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        self.end()
        folder = self._folder.name
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        environment = {**kept, "HOME": folder, "TMPDIR": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
        )
        return self.process


def _line(stream: IO[bytes], until: float) -> bytes | None:
    """Read one line, bounded in octets and time; empty at the end of the stream, None where it does not come whole."""
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and len(line) < REPLY_LIMIT:
            if not selector.select(left):
                continue
            piece = os.read(stream.fileno(), 1 << 16)
            line += piece
            if not piece or piece.endswith(b"\n"):
                return bytes(line) if piece else b""
    return None


_browsers: dict[str, Browser] = {}
_browsers_lock = threading.Lock()


def _browser_of(base: str) -> Browser:
    """Return the process for a device: starting one takes longer than an attempt."""
    with _browsers_lock:
        if base not in _browsers:
            _browsers[base] = Browser()
        return _browsers[base]


@atexit.register
def end_browsers() -> None:
    """End every browser that was started."""
    with _browsers_lock:
        for browser in _browsers.values():
            browser.close()
        _browsers.clear()
