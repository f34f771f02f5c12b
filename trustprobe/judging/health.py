"""Checks that the device answers: before a run, and after each case that disturbed the device or did not pass."""

import re
import threading
import time
from dataclasses import dataclass, field

from drivers.network.conversation import converse, converse_tls
from drivers.network.target import Target, answer_of
from lab_config.base import Absent
from lab_config.bench import Bench
from lab_config.component import Component, Service, Transport
from trustprobe.errors import DeviceLostError
from trustprobe.probe import Answer

PAUSE = 0.1
"""Seconds between two attempts. A booting board gives no event to wait for."""
BRIEF_SECONDS = 1.0
LAST_SECONDS = 3.0
"""The time limit of a connection, and of the last one."""
_STARTING = re.compile(rb"HTTP/1\.[01] 50[234] ")
"""A front end whose back end has not started (RFC 9110 clauses 15.6.3 to 15.6.5)."""
_STATUS_LINE = 13
"""The octets of `HTTP/1.1 502 `."""


@dataclass(frozen=True)
class Health:
    """Probes the declared canary port. Without a network or a TCP port, there is no such check."""

    bench: Bench
    component: Component
    _given_up: set[int] = field(default_factory=set)
    """Ports that stayed closed once. The check does not wait for them again, because a case judges closed ports."""

    @property
    def canary(self) -> Service | None:
        """The TCP service that is probed: the declared canary, or else the first one that the bench reaches.

        SSH comes last: a server that serves one connection at a time would refuse the next login.
        """
        services = [service for service in self.component.declared if service.transport is Transport.TCP]
        if not isinstance(self.bench.network, Absent):
            target = Target(self.bench.network)
            services = [service for service in services if target.reaches(service.transport, service.port)]
        services.sort(key=lambda service: (not service.canary, service.protocol == "ssh"))
        return services[0] if services else None

    def silent(self, seconds: float) -> str | None:
        """Try for so many seconds until the canary accepts a connection. Return None if it does, else a sentence.

        No other port is probed: some devices serve one connection at a time.
        A forwarder accepts connections even if the device is off. With forwarding, the canary must send data.
        """
        return self._gone(time.monotonic() + seconds)

    def gone(self, seconds: float) -> str | None:
        """Do the same for a device that may be starting.

        It opens one port after the other, so this also waits for the other ports that refuse. It also waits for what
        stands behind a web server that answers 502, 503 or 504.
        """
        deadline = time.monotonic() + seconds
        gone = self._gone(deadline)
        if gone is None and not isinstance(self.bench.network, Absent) and (canary := self.canary) is not None:
            self._await_back_end(Target(self.bench.network), canary, deadline)
            self._await_others(Target(self.bench.network), canary, deadline)
        return gone

    def _gone(self, deadline: float) -> str | None:
        canary = self.canary
        if isinstance(self.bench.network, Absent) or canary is None:
            return None
        target = Target(self.bench.network)
        while True:
            if self.bench.network.forwarded:
                answer = _spoken(target, canary)
            else:
                left = deadline - time.monotonic()
                # The kernel repeats a SYN to a board that is still off only after seconds: connect again instead.
                seconds = BRIEF_SECONDS if left > LAST_SECONDS else max(0.5, left)
                answer = _connected(target, canary.port, seconds)
            if answer is Answer.SEEN:
                return None
            if time.monotonic() + PAUSE >= deadline:
                break
            threading.Event().wait(PAUSE)
        how = "is silent" if answer is Answer.SILENT else "refuses connections"
        return f"the device does not answer: {canary.about} at {target.address} {how}"

    def require_back(self, seconds: float) -> None:
        """Wait until the device answers again. Raise DeviceLostError if it does not within so many seconds."""
        if gone := self.gone(seconds):
            raise DeviceLostError(f"{gone} within {seconds:g} s after its power came back.")

    def _await_back_end(self, target: Target, canary: Service, deadline: float) -> None:
        """Wait until a web server no longer answers that its back end is missing, until the deadline, once."""
        if canary.protocol != "http" or canary.port in self._given_up:
            return
        while _is_starting(target, canary):
            if time.monotonic() + PAUSE >= deadline:
                self._given_up.add(canary.port)
                break
            threading.Event().wait(PAUSE)

    def _await_others(self, target: Target, canary: Service, deadline: float) -> None:
        """Wait until no other declared TCP port refuses, until the deadline, once for each."""
        declared = self.component.ports(Transport.TCP) - self._given_up
        reached = {port for port in declared if target.reaches(Transport.TCP, port)}
        for port in sorted(reached - {canary.port}):
            while _connected(target, port, BRIEF_SECONDS) is Answer.REFUSED:
                if time.monotonic() + PAUSE >= deadline:
                    self._given_up.add(port)
                    break
                threading.Event().wait(PAUSE)


def _connected(target: Target, port: int, seconds: float) -> Answer:
    """Whether a port of the device accepts connections."""
    try:
        target.connect(port, seconds).close()
    except OSError as error:
        return answer_of(error)
    return Answer.SEEN


def _is_starting(target: Target, service: Service) -> bool:
    """Whether a web server answers that its back end does not serve yet."""
    speak = converse_tls if service.tls else converse
    request = b"GET / HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n"
    talk = speak(target, service.port, request, lambda heard: len(heard) >= _STATUS_LINE)
    return _STARTING.match(talk.heard) is not None


def _spoken(target: Target, service: Service) -> Answer:
    """Whether a service of the device sends a byte: a greeting, a TLS alert or an error."""
    if service.tls:
        talk = converse_tls(target, service.port, b"", lambda _: True)
    else:
        talk = converse(target, service.port, b"\r\n\r\n", bool)
    if talk.heard or talk.raw:
        return Answer.SEEN
    return talk.connected if talk.connected is not Answer.SEEN else Answer.SILENT
