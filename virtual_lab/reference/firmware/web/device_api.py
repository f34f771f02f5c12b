"""What programs read of the device over HTTP: one path behind Digest authentication, and one that was forgotten.

People use the web administration and its session; its paths are in `administration`.
"""

import base64
import binascii

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import HTTP_API, Account
from virtual_lab.reference.firmware.logins.digest import DigestLogin
from virtual_lab.reference.firmware.web.administration import Request, Response, Route, json_response

INFO, SNAPSHOT = "/cgi-bin/info", "/cgi-bin/snapshot.cgi"


def routes(device: Device) -> dict[str, dict[str, Route]]:
    """Return what the device serves to programs."""
    api = _Api(device)
    found = {INFO: {"GET": Route(api.info)}}
    if device.defects("http_basic_default"):
        found[SNAPSHOT] = {"GET": Route(_snapshot)}
    return found


class _Api:
    def __init__(self, device: Device) -> None:
        self._device = device
        self._logins = DigestLogin(device.accounts, HTTP_API)

    def info(self, request: Request) -> Response:
        """Tell the model and the version to somebody who logs in with this very request."""
        entered = self._logins.login(request.authorization, request.method, request.path, request.source)
        if not isinstance(entered, Account):
            return Response(401, b"login required\n", "text/plain", (("WWW-Authenticate", entered),))
        return json_response(200, {"model": self._device.model, "version": self._device.version})


def _snapshot(request: Request) -> Response:
    """A planted defect: a path from the processor maker's examples, with the password of the examples."""
    scheme, _, given = (request.authorization or "").partition(" ")
    try:
        right = scheme == "Basic" and base64.b64decode(given, validate=True) == b"admin:admin"
    except (binascii.Error, ValueError):
        right = False
    if not right:
        return Response(401, b"401\n", "text/plain", (("WWW-Authenticate", 'Basic realm="camera"'),))
    return Response(200, b"\xff\xd8\xff\xd9", "image/jpeg")
