"""A web server of the device: a declared one, or one that the sweep found."""

from dataclasses import dataclass

from drivers.network.target import Target
from drivers.network.web.transport.client import WebClient
from lab_config.component import Service, Transport
from trustprobe.probe import Asked


@dataclass(frozen=True)
class WebServer:
    """An HTTP service at one address of the device."""

    target: Target
    service: Service

    @property
    def about(self) -> str:
        """Its name in observations: `tcp/8080`, with the address family if that is IPv6."""
        return f"{self.service.about} over IPv6" if ":" in self.target.address else self.service.about

    def client(self) -> WebClient:
        """Return a client without a session."""
        return WebClient(self.target, self.service)

    def asked(self, shape: str) -> Asked:
        """Return a question of this shape at this server."""
        return Asked(door=self.about, shape=shape)


def undeclared_service(port: int, *, tls: bool) -> Service:
    """Return the service of a port on which HTTP was recognised, and which the declaration does not name."""
    return Service(
        id=f"tcp_{port}", transport=Transport.TCP, port=port, protocol="http", tls=tls, purpose="not declared"
    )
