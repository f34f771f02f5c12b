"""How a device comes back after a malformed message, and what shows that it has started again."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.target import Target
from lab_config.component import Service


class Starts:
    """The id of the device's start. Where it takes a login to read it, the one that is known is not read again."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read
        self._known: str | None = None

    def known(self) -> str | None:
        """Return the id that was read last, or read it now."""
        return self._known or self.now()

    def now(self) -> str | None:
        """Read the id; None where the device does not tell it now."""
        self._known = self._read()
        return self._known

    def forget(self) -> None:
        """Read the id again at the next request: no message caused what happened since the last time."""
        self._known = None


@dataclass(frozen=True)
class Revival:
    """How a device comes back: automatically within some seconds, or through `revive`."""

    comes_back: float
    """Seconds that a device may take to start."""
    others: tuple[Service, ...] = ()
    """Further services of the device. Their answers show that the bench is alive."""
    starts: Starts | None = None
    """Reads the id of the device's start; None where the declaration or the bench has no way to."""
    revive: Callable[[], None] | None = None
    """Brings back a device that does not come back automatically. None if this bench cannot."""

    def services(self, target: Target) -> tuple[Liveness, ...]:
        """Return what asks each further service that the bench leads to for a healthy answer."""
        reached = (service for service in self.others if target.reaches(service.transport, service.port))
        return tuple(Liveness(target, service) for service in reached)

    def known_start(self) -> str | None:
        """Return the id of the start that was read last; None where there is no way to read it."""
        return self.starts.known() if self.starts is not None else None

    def current_start(self) -> str | None:
        """Read the id of the start now; None where there is no way to read it."""
        return self.starts.now() if self.starts is not None else None

    def forget_start(self) -> None:
        """Read the id of the start again the next time."""
        if self.starts is not None:
            self.starts.forget()
