"""TLS as a client: the servers that the device trusts, and the algorithms that it offers."""

from drivers.network.servers.client_trust import ClientOffersSeen, ClientTrustSeen
from trustprobe.judging.case import case


@case(
    "tls.client.rejects",
    covers=["DP-3", "SU-1", "EN303645 5.5-1", "EN18031 SCM-2"],
    fails_on="presence",
    advice="Verify chain, dates, name and usage of the server's certificate before the first application data.",
)
def test_device_refuses_a_server_that_it_must_not_trust(cloud_certificate: ClientTrustSeen) -> None:
    """Act as the product's cloud, with a certificate in which one thing is wrong.

    Application data that the device sends over it is a failure. Witness: the device was shown that certificate, and it
    sent data over a good certificate of the same server before and after.
    """
    about = "; ".join(cloud_certificate.detail(kind) for kind in sorted(cloud_certificate.seen))
    assert not cloud_certificate.seen, f"trusts a server with the wrong certificate: {about}"


@case(
    "tls.client.offers",
    covers=["DP-3", "EN303645 5.5-1", "EN18031 CRY-1", "EN18031 SCM-3"],
    fails_on="presence",
    advice="Allow only TLS 1.2 and 1.3 with ECDHE and AEAD in the client's configuration.",
)
def test_device_offers_no_weak_version_and_no_weak_suite(cloud_offers: ClientOffersSeen) -> None:
    """Compare the ClientHello that the device sends to the product's cloud with the profile's lists.

    A forbidden version, or a suite of a forbidden family, is a failure. Witness: the harness's own codec parsed the
    whole hello, and it lists its versions.
    """
    seen = sorted(cloud_offers.seen)
    assert not seen, f"offers {', '.join(f'{about} ({cloud_offers.detail(about)})' for about in seen)}"
