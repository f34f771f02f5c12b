"""TLS with any server: what is asked inside it does not depend on how good its certificate or its ciphers are."""

import ssl

from drivers.network.peer_certificate import ClientCertificate

_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT, which Python names from 3.12 on


def lenient_context(certificate: ClientCertificate | None = None) -> ssl.SSLContext:
    """Make a client context that old, weak and expired servers accept, and that checks nothing of theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    if certificate is not None:
        certificate.load(context)
    return context
