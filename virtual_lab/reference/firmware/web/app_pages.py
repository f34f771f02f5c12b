"""What draws the web administration, and the interfaces that only its script names: a backup and a diagnosis.

The declaration names neither: whoever looks for them has to read the pages as a browser does.
"""

import threading

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import ADMINISTRATOR, VIEWER
from virtual_lab.reference.firmware.web.administration import Request, Response, Route, json_response

_ADMINISTRATORS = frozenset({ADMINISTRATOR})
_EVERYONE = frozenset({ADMINISTRATOR, VIEWER})
_STYLE = b"body { font-family: sans-serif; margin: 2em }\n"
_SCRIPT = b"""// draws the state of the camera into the page
const api = { status: "/api/status", health: "/api/health", backup: "/api/backup", diagnostics: "/api/diagnostics" };
async function show(name) {
  const answer = await fetch(api[name]);
  const place = document.getElementById(name);
  if (place !== null) place.textContent = answer.ok ? JSON.stringify(await answer.json()) : "not permitted";
}
async function reboot() { await fetch("/api/reboot", { method: "POST" }); }
document.addEventListener("DOMContentLoaded", () => { for (const name of Object.keys(api)) show(name); });
"""

_SETUP = b"""<!doctype html><title>Halcyon set-up</title><h1>Welcome</h1><p>Choose the administrator's password.</p>
<form method="post" action="/setup"><input type="password" name="new_password">
<input type="password" name="confirm_password"><button>Finish</button></form>
"""


def routes(device: Device) -> dict[str, dict[str, Route]]:
    """Return what the pages are drawn with, and what their script asks for."""
    pages = _Pages(device)
    backup = None if device.defects("backup_without_login") else _ADMINISTRATORS
    diagnostics = _EVERYONE if device.defects("diagnostics_for_viewer") else _ADMINISTRATORS
    return {
        "/static/style.css": {"GET": Route(pages.style)},
        "/static/app.js": {"GET": Route(pages.script)},
        "/api/backup": {"GET": Route(pages.backup, backup)},
        "/api/diagnostics": {"GET": Route(pages.diagnostics, diagnostics)},
        **({"/backup.cfg": {"GET": Route(pages.file)}} if device.defects("backup_unlinked") else {}),
        **({"/setup": {"GET": Route(pages.setup)}} if device.defects("setup_for_everybody") else {}),
    }


class _Pages:
    def __init__(self, device: Device) -> None:
        self._device = device

    def style(self, request: Request) -> Response:
        return Response(200, _STYLE, "text/css")

    def script(self, request: Request) -> Response:
        return Response(200, _SCRIPT, "text/javascript")

    def backup(self, request: Request) -> Response:
        """Give all settings, to be kept elsewhere."""
        return json_response(200, {"model": self._device.model, "settings": dict(self._device.settings)})

    def file(self, request: Request) -> Response:
        """Give the backup that was written into the folder of the server."""
        lines = [
            f"model = {self._device.model}",
            *(f"{name} = {value}" for name, value in self._device.settings.items()),
        ]
        return Response(200, "\n".join((*lines, "wifi_psk = h0useplants-9", "")).encode(), "text/plain")

    def setup(self, request: Request) -> Response:
        """Ask for the first password of the administrator."""
        return Response(200, _SETUP)

    def diagnostics(self, request: Request) -> Response:
        """Tell what support asks for."""
        device = self._device
        serving = sorted(str(port) for port in device.serving)
        return json_response(200, {"serving": serving, "slot": device.slot, "threads": threading.active_count()})
