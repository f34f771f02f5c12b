"""The web administration: which paths there are, who may use them, and what each does.

No sockets and no HTTP syntax here; `web` reads requests and writes the responses.
"""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import (
    ADMINISTRATOR,
    HTTP,
    VIEWER,
    Account,
    WeakPasswordError,
    WrongPasswordError,
)
from virtual_lab.reference.firmware.storage.flash import SETTINGS
from virtual_lab.reference.firmware.updates.image import IMAGE_OCTETS
from virtual_lab.reference.firmware.updates.updater import RejectedImageError, Uploader
from virtual_lab.reference.firmware.web import cookies, pages
from virtual_lab.reference.firmware.web.erasure import Erasure, MalformedRecordingError
from virtual_lab.reference.firmware.web.sessions import Sessions

_FORM_OCTETS = 16 * 1024
_SETTING_CHARACTERS = 64
_STACK_FRAMES = 500
"""Levels of JSON that the stack of a planted defect's parser holds."""
_EVERYONE = frozenset({ADMINISTRATOR, VIEWER})
_ADMINISTRATORS = frozenset({ADMINISTRATOR})


@dataclass(frozen=True)
class Request:
    """A request that was read in full. `account` is whose session came with it."""

    method: str
    path: str
    body: bytes
    token: str | None
    account: Account | None
    source: str
    query: str = ""
    origin: str = ""
    authorization: str | None = None
    """The field of that name, where the request carries one."""


@dataclass(frozen=True)
class Response:
    """What is answered. `then` runs when the response is on its way."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Route:
    """What answers a method on a path. `roles` None lets everybody in."""

    answer: Callable[[Request], Response]
    roles: frozenset[str] | None = None
    body_octets: int = 0


def json_response(status: int, value: dict[str, Any], then: Callable[[], None] | None = None) -> Response:
    """Answer a JSON object."""
    return Response(status, json.dumps(value).encode() + b"\n", "application/json", then=then)


class Administration:
    """The application behind the web server."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.sessions = Sessions(device.defects)
        self._erasure = Erasure(device)
        self.routes = self._routes()

    def _routes(self) -> dict[str, dict[str, Route]]:
        defects = self._device.defects
        readers = None if defects("anonymous_settings") else _EVERYONE
        writers = _EVERYONE if defects("viewer_can_configure") else _ADMINISTRATORS
        uploaders = None if defects("anonymous_update") else _ADMINISTRATORS
        largest = 2 * IMAGE_OCTETS if defects("update_oversized_accepted") else IMAGE_OCTETS
        resetters = None if defects("reset_without_login") else _ADMINISTRATORS
        resetters = _EVERYONE if defects("reset_by_viewer") else resetters
        return {
            "/": {"GET": Route(self._form)},
            "/login": {"GET": Route(self._form), "POST": Route(self._login, body_octets=_FORM_OCTETS)},
            "/logout": {"GET": Route(self._logout), "POST": Route(self._logout, body_octets=_FORM_OCTETS)},
            "/home": {"GET": Route(self._home)},
            "/api/status": {"GET": Route(self._status, _EVERYONE)},
            "/api/settings": {
                "GET": Route(self._settings_or_link if defects("csrf_by_link") else self._settings, readers),
                "PUT": Route(self._change_settings, writers, _FORM_OCTETS),
                **(self._open_to_other_sites(writers) if defects("csrf_open") else {}),
            },
            "/api/update": {
                "GET": Route(self._update_outcome, _ADMINISTRATORS),
                "POST": Route(self._update, uploaders, largest),
            },
            "/api/password": {"POST": Route(self._change_password, _EVERYONE, _FORM_OCTETS)},
            "/api/reboot": {"POST": Route(self._reboot, _ADMINISTRATORS, _FORM_OCTETS)},
            "/api/recordings": {
                "GET": Route(self._recordings, _EVERYONE),
                "POST": Route(self._record, _ADMINISTRATORS, _FORM_OCTETS),
                "DELETE": Route(self._delete_recordings, _ADMINISTRATORS, _FORM_OCTETS),
            },
            "/api/reset": {"POST": Route(self._reset, resetters, _FORM_OCTETS)},
        }

    def refusal(self, route: Route, account: Account | None) -> Response | None:
        """Return the answer to someone whom a route does not let in, else None."""
        if route.roles is None:
            return None
        if account is None:
            return json_response(401, {"error": "login required"})
        if account.role not in route.roles:
            return json_response(403, {"error": "not permitted"})
        return None

    def _form(self, request: Request) -> Response:
        return Response(200, pages.login())

    def _login(self, request: Request) -> Response:
        try:
            fields = urllib.parse.parse_qs(request.body.decode(errors="replace"), True, max_num_fields=16)
        except ValueError:
            return json_response(400, {"error": "malformed form"})
        user, password = fields.get("username", [""])[0], fields.get("password", [""])[0]
        account = self._device.accounts.login(HTTP, user, password, request.source)
        if account is None:
            return Response(401, pages.login(refused=True))
        token = self.sessions.begin(account, request.token)
        cookie = "; ".join([f"session={token}", *cookies.attributes(self._device.defects)])
        return Response(303, headers=(("Location", "/home"), ("Set-Cookie", cookie)))

    def _logout(self, request: Request) -> Response:
        self.sessions.end(request.token)
        gone = "; ".join(["session=", *cookies.attributes(self._device.defects), "Max-Age=0"])
        return Response(303, headers=(("Location", "/login"), ("Set-Cookie", gone)))

    def _home(self, request: Request) -> Response:
        if request.account is None:
            return Response(303, headers=(("Location", "/login"),))
        account, releases = request.account, self._device.releases
        releases.opened()
        name = self._device.settings["device_name"]
        return Response(200, pages.home(account.user, account.role, name, releases.newer))

    def _status(self, request: Request) -> Response:
        device = self._device
        version = "9.9.9" if device.defects("version_wrong") else device.version
        status = {
            "model": device.model,
            "serial": device.serial,
            "mac": device.flash.config["mac"],
            "firmware": {"version": version, "slot": device.slot, "rollback_counter": device.running.rollback_counter},
            "boot_id": device.boot.id,
            "uptime_s": device.boot.uptime,
            "sensors": device.sensors.readings,
        }
        if device.defects("identity_missing"):
            del status["serial"]
        return json_response(200, status)

    def _settings(self, request: Request) -> Response:
        return json_response(200, self._device.settings)

    def _settings_or_link(self, request: Request) -> Response:
        """Take settings from the query of a link, a habit that only a planted device has."""
        if not request.query or request.account is None or request.account.role != ADMINISTRATOR:
            return self._settings(request)
        return self._change_settings(replace(request, body=_as_json(request.query)))

    def _open_to_other_sites(self, writers: frozenset[str]) -> dict[str, Route]:
        """Return the habits of a planted device: settings come from any form, and any site's script may send them."""

        def form(request: Request) -> Response:
            body = request.body if request.body.startswith(b"{") else _as_json(request.body.decode(errors="replace"))
            return self._change_settings(replace(request, body=body))

        def leave(request: Request) -> Response:
            words = {"Origin": request.origin, "Credentials": "true", "Methods": "PUT", "Headers": "content-type"}
            headers = tuple((f"Access-Control-Allow-{name}", value) for name, value in words.items())
            return Response(204, headers=headers)

        return {"POST": Route(form, writers, _FORM_OCTETS), "OPTIONS": Route(leave)}

    def _change_settings(self, request: Request) -> Response:
        if request.body.count(b"[") > _STACK_FRAMES and self._device.defects("json_crash_on_deep_nesting"):
            self._device.crash()
        try:
            changes = json.loads(request.body)
        except (ValueError, RecursionError):
            return json_response(400, {"error": "malformed JSON"})
        if not isinstance(changes, dict) or not changes:
            return json_response(400, {"error": "an object with settings is expected"})
        if unknown := sorted(changes.keys() - set(SETTINGS)):
            return json_response(400, {"error": f"unknown field {unknown[0][:_SETTING_CHARACTERS]}"})
        for name, value in changes.items():
            if not isinstance(value, str) or len(value) > _SETTING_CHARACTERS or not value.isprintable():
                return json_response(400, {"error": f"{name} takes up to {_SETTING_CHARACTERS} printable characters"})
        self._device.change_settings(changes, _user(request), request.source)
        return json_response(200, {"state": "saved"})

    def _change_password(self, request: Request) -> Response:
        try:
            fields = json.loads(request.body)
        except (ValueError, RecursionError):
            return json_response(400, {"error": "malformed JSON"})
        words = [fields.get(name) for name in ("old", "new")] if isinstance(fields, dict) else []
        if len(words) != 2 or not all(isinstance(word, str) for word in words):
            return json_response(400, {"error": "an object with old and new is expected"})
        old, new = map(str, words)
        try:
            self._device.accounts.change_password(_user(request), old, new, request.source)
        except WrongPasswordError:
            return json_response(403, {"error": "the old password is wrong"})
        except WeakPasswordError as error:
            return json_response(400, {"error": str(error)})
        self.sessions.end_others(_user(request), request.token)
        return json_response(200, {"state": "changed"})

    def _update_outcome(self, request: Request) -> Response:
        outcome = self._device.updater.outcome
        return json_response(200, {"state": outcome.state, "reason": outcome.reason, "version": outcome.version})

    def _update(self, request: Request) -> Response:
        updater = self._device.updater
        try:
            image = updater.offer(request.body, Uploader(_user(request), request.source))
        except RejectedImageError as rejection:
            return json_response(422, {"state": "rejected", "reason": str(rejection)})
        accepted = {"state": "installing", "version": image.manifest.version}
        return json_response(202, accepted, then=lambda: updater.install(image))

    def _recordings(self, request: Request) -> Response:
        return json_response(200, self._erasure.listing())

    def _record(self, request: Request) -> Response:
        try:
            self._erasure.add(request.body)
        except MalformedRecordingError as error:
            return json_response(400, {"error": str(error)})
        return json_response(201, {"state": "saved"})

    def _delete_recordings(self, request: Request) -> Response:
        self._erasure.delete()
        return json_response(200, {"state": "deleted"})

    def _reset(self, request: Request) -> Response:
        self._erasure.reset(_user(request), request.source)
        return json_response(202, {"state": "resetting"}, then=self._device.restart)

    def _reboot(self, request: Request) -> Response:
        return json_response(202, {"state": "restarting"}, then=self._device.restart)


def _as_json(form: str) -> bytes:
    return json.dumps(dict(urllib.parse.parse_qsl(form, max_num_fields=16))).encode()


def _user(request: Request) -> str:
    return request.account.user if request.account else "-"
