"""Where the window's sensor sends its readings: a path of the web server, with the token that pairing gave it."""

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.sensors import WINDOW, MalformedReadingError
from virtual_lab.reference.firmware.web.administration import Request, Response, Route, json_response

PATH = "/api/sensors/window"
_BODY_OCTETS = 1_024


def routes(device: Device) -> dict[str, dict[str, Route]]:
    """Return what the device serves to its sensors; each request shows its token itself."""

    def take(request: Request) -> Response:
        scheme, _, token = (request.authorization or "").partition(" ")
        paired = scheme == "Bearer" and device.sensors.knows(WINDOW, token)
        if not paired and not device.defects("unpaired_token_taken"):
            return Response(401, b"401\n", "text/plain", (("WWW-Authenticate", 'Bearer realm="sensors"'),))
        try:
            device.sensors.take(WINDOW, request.body)
        except MalformedReadingError as error:
            return json_response(400, {"error": str(error)})
        return json_response(200, {"state": "taken"})

    return {PATH: {"PUT": Route(take, body_octets=_BODY_OCTETS)}}
