"""The log and the state report of the web administration: who may read them, and who may clear the log.

Nothing can be written to the log from outside; that is what has no route here.
"""

import json
from typing import Any

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import ADMINISTRATOR, VIEWER
from virtual_lab.reference.firmware.logs.syslog import Event
from virtual_lab.reference.firmware.web.administration import Request, Response, Route, json_response

LOG, HEALTH = "/api/log", "/api/health"
SHOWN_RECORDS = 500
_ADMINISTRATORS = frozenset({ADMINISTRATOR})
_EVERYONE = frozenset({ADMINISTRATOR, VIEWER})
_BODY_OCTETS = 4096


def routes(device: Device) -> dict[str, dict[str, Route]]:
    """Return what the device serves of its log and state."""
    pages = _Pages(device)
    defects = device.defects
    clearers = _EVERYONE if defects("log_clearable_by_viewer") else _ADMINISTRATORS
    log = {
        "GET": Route(pages.log, None if defects("log_readable_anonymous") else _ADMINISTRATORS),
        "DELETE": Route(pages.clear, clearers, _BODY_OCTETS),
    }
    if defects("log_writable"):
        log["POST"] = Route(pages.write, _EVERYONE, _BODY_OCTETS)
    found = {LOG: log}
    if not defects("health_missing"):
        found[HEALTH] = {"GET": Route(pages.health, None if defects("health_anonymous") else _EVERYONE)}
    return found


class _Pages:
    def __init__(self, device: Device) -> None:
        self._device = device

    def log(self, request: Request) -> Response:
        return json_response(200, {"records": self._device.log.store.newest(SHOWN_RECORDS)})

    def clear(self, request: Request) -> Response:
        """Clear the log; that it was cleared is its first record."""
        self._device.log.store.clear()
        user = request.account.user if request.account else "-"
        if not self._device.defects("log_cleared_not_logged"):
            self._device.log.send(Event.LOG_CLEARED, "log cleared", user=user, src=request.source)
        return json_response(200, {"state": "cleared"})

    def write(self, request: Request) -> Response:
        """Take a record from whoever is logged in: a habit that only a planted device has."""
        try:
            record = json.loads(request.body)
            json.dumps(record)  # Python 3.13 parses what is nested too deep to be written
        except (ValueError, RecursionError):
            return json_response(400, {"error": "malformed JSON"})
        self._device.log.store.append({"record": record})
        return json_response(201, {"state": "written"})

    def health(self, request: Request) -> Response:
        return json_response(200, report(self._device))


def report(device: Device) -> dict[str, Any]:
    """Return the state of the device: degraded while a service does not run or the time is not the source's."""
    update = device.updater.outcome
    services = {port: "running" if port in device.serving else "stopped" for port in device.expected}
    synchronised = device.clock.synchronised
    return {
        "state": "healthy" if synchronised and "stopped" not in services.values() else "degraded",
        "services": services,
        "failed_logins": device.accounts.failures,
        "last_update": {"state": update.state, "version": update.version},
        "time_source": "synchronised" if synchronised else "unsynchronised",
    }
