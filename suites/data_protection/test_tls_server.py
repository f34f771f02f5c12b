"""TLS as a server, judged with a ClientHello of the harness's own."""

from trustprobe.judging.case import case
from trustprobe.probe import Observation

COVERS = ["DP-3", "EN303645 5.5-1", "EN18031 CRY-1", "EN18031 SCM-3"]


@case(
    "tls.server.version",
    covers=COVERS,
    fails_on="presence",
    advice="Allow only TLS 1.2 and 1.3 in the server's configuration.",
)
def test_forbidden_tls_version_is_refused(forbidden_tls_version: Observation) -> None:
    """Offer each TLS port a single version, one that the profile forbids, in a ClientHello of the harness's own.

    A ServerHello of that version is a failure. Witness: a ServerHello to the same codec on that port, before and after
    the offers.
    """
    seen = sorted(forbidden_tls_version.seen)
    assert not seen, f"accepted {', '.join(f'{about} ({forbidden_tls_version.detail(about)})' for about in seen)}"


@case(
    "tls.server.suites",
    covers=COVERS,
    fails_on="presence",
    advice="Restrict the suites to ECDHE with AES-GCM or ChaCha20-Poly1305.",
)
def test_forbidden_tls_suite_is_refused(forbidden_tls_suite: Observation) -> None:
    """Offer each TLS port one family of suites that the profile forbids, and nothing else.

    A ServerHello is a failure. Witness: a ServerHello to a broad offer by the same codec on that port, before and after
    the forbidden offers.
    """
    seen = sorted(forbidden_tls_suite.seen)
    assert not seen, f"accepted {', '.join(f'{about} ({forbidden_tls_suite.detail(about)})' for about in seen)}"
