"""A small device that keeps a log and reports its state, with the bad habits that the probes must see through."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from drivers.login import Login
from drivers.logs.store import LogStore
from lab_config.base import Role
from lab_config.component import LogStoreDeclaration, StateReportDeclaration
from tests.drivers.web_device import PASSWORDS, Device, _Handler, _Server

DECLARED = LogStoreDeclaration(path="/api/log", read=(Role.ADMINISTRATOR,), clear=(Role.ADMINISTRATOR,))
REPORT = StateReportDeclaration(
    path="/api/health",
    read=(Role.ADMINISTRATOR, Role.VIEWER),
    state_field="state",
    states=("healthy", "degraded"),
    fields=("failed_logins",),
)


class LogDevice(Device):
    """Keeps `records`; `forward` hears of each failed login too."""

    def __init__(self, habits: tuple[str, ...]) -> None:
        super().__init__(habits)
        self.records: list[dict[str, str]] = []
        self.broken = False
        self.forward: Callable[[str], None] = lambda user: None

    def fail_login(self, user: str) -> None:
        if "logs_nothing" not in self.habits:
            self.records.append({"event": "LOGINFAIL", "user": user, "time": "2026-11-21T22:14:15Z"})
        self.forward(user)

    def restart(self) -> None:
        super().restart()
        if "log_lost" in self.habits:
            self.records.clear()

    def store(self, password: str = PASSWORDS["admin"]) -> LogStore:
        return LogStore(self.web(password=password), DECLARED, Login("viewer", PASSWORDS["viewer"]))


class _LogHandler(_Handler):
    device: LogDevice

    def login(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.body.decode()).items()}
        if self.command == "POST" and PASSWORDS.get(form.get("username", "")) != form.get("password"):
            self.device.fail_login(form.get("username", ""))
        super().login()

    def api(self) -> None:
        if self.path == "/api/health":
            self.health()
        elif self.path == "/api/log":
            self.log()
        else:
            super().api()

    def health(self) -> None:
        habits = self.device.habits
        if "no_report" in habits:
            self.answer(404, b"none")
        elif not self.user and "drops_strangers" in habits:
            self.send_raw(b"")
        elif self.command != "GET" and "report_leads_to_start" in habits:
            self.answer(303, b"", Location="/")
        elif self.command != "GET" and "report_breaks" in habits:
            self.answer(500, b"")
        elif self.command != "GET" and "report_denies_with_200" in habits:
            self.answer(200, {"error": "login required"})
        elif not self.user and "report_for_all" not in habits:
            self.answer(401, {"error": "login required"})
        elif self.command != "GET":
            self.answer(200 if "report_writable" in habits else 405)
        else:
            self.answer(200, {"state": "healthy", "failed_logins": len(self.device.records)})

    def log(self) -> None:
        habits, records = self.device.habits, self.device.records
        if self.command == "DELETE" and "breaks" in habits:
            self.device.broken = True
        if self.device.broken:
            self.answer(500, b"the log is not available")
        elif self.command in {"POST", "PUT", "PATCH"}:
            if "log_writable" in habits:
                records.append(json.loads(self.body))
            self.answer(200 if "log_writable" in habits or "says_200" in habits else 405)
        elif self.user != "admin" and f"{self.user or 'anonymous'} {self.command}" not in habits:
            self.answer(403 if self.user else 401, {"error": "not permitted"})
        elif self.command == "DELETE":
            if "never_clears" not in habits:
                records.clear()
            self.answer(200, {"state": "cleared"})
        else:
            self.answer(200, {"records": records})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _Handler.handle_any  # noqa: N815


@contextmanager
def running(*habits: str) -> Iterator[LogDevice]:
    """Run a device with these habits."""
    device = LogDevice(habits)
    server = _Server(("127.0.0.1", 0), type("Handler", (_LogHandler,), {"device": device}))
    device.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield device
    finally:
        device.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
