"""Whether a URL of a page leads to the device, and not to another machine or to the one that forwards ports to it."""

from collections.abc import Collection
from urllib.parse import SplitResult

_USUAL = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_device(url: SplitResult, address: str, ports: Collection[int] | None) -> bool:
    """Whether a URL has the device's address and, if ports are forwarded, one of these ports."""
    try:
        port = url.port or _USUAL.get(url.scheme)
    except ValueError:
        return False
    return url.hostname == address and (ports is None or port in ports)
