"""The certificate of a peer that the device is paired with: what only that peer can present inside TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import BenchError


@dataclass(frozen=True)
class ClientCertificate:
    """The certificate and key, in PEM, of a peer that the device is paired with."""

    certificate: Path
    key: Path

    def load(self, context: ssl.SSLContext) -> None:
        """Present it in a context; BenchError where the files do not hold it."""
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise BenchError(
                f"the peer's certificate {self.certificate} cannot be used: {error}.",
                "Correct `peers` of the bench file.",
            ) from error
