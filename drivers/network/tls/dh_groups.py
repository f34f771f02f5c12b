"""How large the group of ephemeral Diffie-Hellman of a TLS server is, from its ServerKeyExchange (up to TLS 1.2).

The message comes in clear before anything is encrypted. No library is asked: OpenSSL refuses small groups itself.
"""

import re
from collections.abc import Mapping

from drivers.network.tls.asking import HelloReply, Questioner
from drivers.network.tls.records import ClientHello, TlsDecodeError, dh_prime_bits
from drivers.network.tls.suite_table import batches, suites
from trustprobe.probe import Answer, Fact

DH_BELOW_2048 = "DH_below_2048"
"""What the fact is about; a profile lists it among the families that it forbids."""
LEAST_BITS = 2048
"""NIST SP 800-131A Rev. 2, section 5."""
_STRONG = re.compile(r"_256_|CHACHA20")
_EPHEMERAL = re.compile(r"TLS_(?:DHE_(?:RSA|DSS)|DH_anon)_WITH_")


def small_group(asker: Questioner, spoken: Mapping[str, HelloReply]) -> Fact:
    """Offer every suite of DHE in each version that the server speaks, and measure the prime that it sends.

    SEEN is a prime of less than LEAST_BITS, REFUSED a refusal of all these suites, or a prime that is large enough.
    """
    names = {code: name for code, name in suites().names.items() if _EPHEMERAL.match(name)}
    # Servers that choose the group by the strength of the suite (OpenSSL does) have a small one for 128 bits.
    strong = [code for code, name in names.items() if _STRONG.search(name)]
    offers = [[code for code in names if code not in strong], strong]
    refused: list[str] = []
    silent: list[str] = []
    for version, known in spoken.items():
        if version == "TLS1.3":  # whose groups have names, none of them small
            continue
        if known.hello is None:
            (silent if known.answer is Answer.SILENT else refused).append(known.detail)
            continue
        for batch in (batch for codes in offers for batch in batches(codes, asker.size(version))):
            answer, words = _measured(asker, ClientHello(version, batch, asker.server_name, asker.shape.extensions))
            if answer is Answer.SEEN:
                return Fact(about=DH_BELOW_2048, answer=answer, detail=words)
            (silent if answer is Answer.SILENT else refused).append(words)
    answer = Answer.SILENT if silent else Answer.REFUSED
    words = "; ".join(dict.fromkeys(silent or refused)) or "the server speaks only TLS 1.3, which has no small group"
    return Fact(about=DH_BELOW_2048, answer=answer, detail=words[:1_000])


def _measured(asker: Questioner, hello: ClientHello) -> tuple[Answer, str]:
    reply, received = asker.flight(hello, dh_prime_bits)
    if reply.hello is None or reply.hello.suite not in hello.suites:
        return (Answer.REFUSED if reply.hello is not None else reply.answer), reply.detail
    try:
        bits = dh_prime_bits(received)
    except TlsDecodeError as error:
        return Answer.SILENT, f"{reply.detail}, but its key exchange was not parsed: {error}"
    if not isinstance(bits, int) or not bits:
        return Answer.SILENT, f"{reply.detail}, but no ServerKeyExchange"
    return (Answer.SEEN if bits < LEAST_BITS else Answer.REFUSED), f"{reply.detail} and a group of {bits} bits"
