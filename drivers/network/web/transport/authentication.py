"""HTTP authentication as HTTP and RTSP carry it: challenges, and what a user and a password answer to them.

Basic (RFC 7617) and Digest (RFC 7616: MD5, SHA-256, SHA-512-256 and their -sess forms, qop auth and auth-int, userhash;
without qop as RFC 2069 had it). Nothing is sent here.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote

from trustprobe.probe import Answer, printable

HEADER_LIMIT = 16_384
"""Characters of WWW-Authenticate that are read."""
_SHOWN = 200
_REMEMBERED = 4096
"""Nonces whose count is remembered."""
_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = ("SHA-512-256", "SHA-256", "MD5")
_SPELLINGS = {
    "SHA256": "SHA-256",
    "SHA512-256": "SHA-512-256",
    "SHA512256": "SHA-512-256",
    "SHA-512/256": "SHA-512-256",
}
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_SCHEMES = r"(?:Basic|Digest|Bearer|Negotiate|NTLM)\b"
_QUOTED = r"\"((?:[^\"\\]|\\.)*)(?:\"|$)"
_BARE = rf"[^\s,;\"=][^\s,;\"]*(?:[ \t]+(?!{_SCHEMES})(?!{_TOKEN}\s*=)[^\s,;\"=]+)*"
"""A value without quotes, as some devices send it: a blank is part of it where no parameter or scheme follows."""
_PARAMETER = re.compile(rf"({_TOKEN})\s*=\s*(?:{_QUOTED}|({_BARE})|(?=[\s,;]|$))", re.IGNORECASE)
_SCHEME = re.compile(rf"({_TOKEN}):?(?=[\s,;]|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=+(?=[\s,;]|$)|(?<=\s)[A-Za-z0-9._~+/-]{24,}(?=[\s,;]|$)")
_REST = re.compile(rf"(?:{_TOKEN})?")
_QOP = frozenset({"auth", "auth-int"})
_NO_PASSWORD = frozenset(
    {"apikey", "bearer", "dpop", "hoba", "mac", "oauth", "privatetoken", "token", "vapid", "x-api-key", "gnap"}
)
"""Schemes, in lower case, that neither a user name nor a password answers."""


@dataclass(frozen=True)
class Challenge:
    """One way in which a server wants to be asked; parameter names are lower case."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def digest(self) -> bool:
        """Whether it is Digest."""
        return self.scheme.lower() == "digest"

    @property
    def algorithm(self) -> str:
        """The algorithm as it is named, MD5 where it is not."""
        return self.parameters.get("algorithm", "MD5")

    @property
    def hash_name(self) -> str | None:
        """The name of the hash for hashlib; None where this machine has none of that name."""
        name = _ALGORITHMS.get(self.family)
        return name if name in hashlib.algorithms_available else None

    @property
    def family(self) -> str:
        """The algorithm by its name in RFC 7616 and without `-sess`, however the server writes it."""
        name = self.algorithm.strip().upper().removesuffix("-SESS")
        return _SPELLINGS.get(name, name)

    @property
    def qop(self) -> str | None:
        """The quality of protection that is answered: auth before auth-int, None where the server knows none."""
        offered = re.findall(r"[^\s,;]+", self.parameters.get("qop", "").lower())
        return next((one for one in ("auth", "auth-int") if one in offered), "" if offered else None)

    @property
    def answerable(self) -> bool:
        """Whether a user name and a password answer it."""
        if self.scheme.lower() == "basic":
            return True
        return self.digest and self.hash_name is not None and "nonce" in self.parameters and self.qop != ""

    @property
    def stale(self) -> bool:
        """Whether the server says that the nonce was too old, and not the password wrong."""
        return self.parameters.get("stale", "").lower() == "true"

    @property
    def label(self) -> str:
        """The scheme, and the algorithm where there is one: `Digest SHA-256`."""
        return f"Digest {self.algorithm}" if self.digest else self.scheme


def challenges(header: str) -> tuple[Challenge, ...]:
    """Parse WWW-Authenticate, whose fields may be joined by commas.

    Commas and quotes may be missing, as on devices that browsers and players still log in to. Malformed parts are
    skipped.
    """
    return tuple(_read(header[:HEADER_LIMIT]))


def _read(text: str) -> Iterator[Challenge]:
    at, scheme, parameters = 0, "", dict[str, str]()
    while at < len(text):
        if scheme and not parameters and (token := _TOKEN68.match(text, at)):
            at = token.end()
        elif (one := _PARAMETER.match(text, at)) is not None:
            quoted = one[2]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else one[3] or ""
            parameters.setdefault(one[1].lower(), value)
            at = one.end()
        elif (found := _SCHEME.match(text, at)) is not None:
            at = found.end()
            if found[1].lower() in _QOP and "qop" in parameters:
                parameters["qop"] += f",{found[1]}"  # a list without quotes
                continue
            if scheme:
                yield Challenge(scheme, parameters)
            scheme, parameters = found[1], {}
        else:
            at = max(at + 1, _REST.match(text, at).end())  # type: ignore[union-attr]
    if scheme:
        yield Challenge(scheme, parameters)


def no_method(header: str) -> tuple[Answer, str]:
    """Say what a challenge means that no password can be sent to: REFUSED where it asks for none.

    SILENT where it may ask for one: NTLM, an unknown algorithm, or a malformed challenge.
    """
    words, found = printable(header, _SHOWN), challenges(header)
    if not header.strip():
        return Answer.REFUSED, "the device offers no password method: 401 without a challenge"
    if found and all(one.scheme.lower() in _NO_PASSWORD for one in found):
        return Answer.REFUSED, f"the device offers no password method: {words}"
    return Answer.SILENT, f"the challenge was not parsed: {words}"


def strongest(found: tuple[Challenge, ...]) -> Challenge | None:
    """Return the challenge that a password is answered to: the strongest Digest, else Basic, else None."""
    usable = [one for one in found if one.answerable]
    for name in _STRENGTH:
        for one in usable:
            if one.digest and one.family == name:
                return one
    return usable[0] if usable else None


class NonceCount:
    """How often this machine has answered each nonce (RFC 7616, 3.4: `nc`).

    Servers that make the nonce of the time of day give the same one to all who ask in the same second, and refuse a
    count that they have seen as a replay.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def next(self, nonce: str) -> int:
        """Return the number of the next answer to a nonce, from 1."""
        with self._lock:
            count = self._counts.pop(nonce, 0) + 1
            self._counts[nonce] = count
            if len(self._counts) > _REMEMBERED:
                del self._counts[next(iter(self._counts))]
        return count


_COUNT = NonceCount()


def authorization(
    challenge: Challenge, user: str, password: str, method: str, uri: str, body: bytes = b"", count: int | None = None
) -> str:
    """Return the value of Authorization for one request; to send it twice would be a replay.

    `count` is how often the nonce was answered, this time included; None counts it.
    """
    if not challenge.digest:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    given, client = challenge.parameters, secrets.token_hex(8)
    realm, nonce, qop = given.get("realm", ""), given["nonce"], challenge.qop
    count = _COUNT.next(nonce) if count is None else count
    secret = _hash(challenge, f"{user}:{realm}:{password}")
    if challenge.algorithm.upper().endswith("-SESS"):
        secret = _hash(challenge, f"{secret}:{nonce}:{client}")
    request = f"{method}:{uri}" + (f":{_hash(challenge, body)}" if qop == "auth-int" else "")
    middle = f"{nonce}:{count:08x}:{client}:{qop}" if qop else nonce
    response = _hash(challenge, f"{secret}:{middle}:{_hash(challenge, request)}")
    fields = [
        _name(challenge, user, realm),
        *(f'{key}="{_quoted(value)}"' for key, value in (("realm", realm), ("nonce", nonce))),
    ]
    fields += [f'uri="{_quoted(uri)}"', f'response="{response}"']
    if "algorithm" in given:
        fields.append(f"algorithm={challenge.algorithm}")
    if "opaque" in given:
        fields.append(f'opaque="{_quoted(given["opaque"])}"')
    if qop:
        fields += [f"qop={qop}", f"nc={count:08x}", f'cnonce="{client}"']
    return "Digest " + ", ".join(fields)


def _name(challenge: Challenge, user: str, realm: str) -> str:
    """Return how the user is named: hashed where the server asks for it (RFC 7616, 3.4.4), else in clear."""
    if challenge.parameters.get("userhash", "").lower() == "true":
        return f'username="{_hash(challenge, f"{user}:{realm}")}", userhash=true'
    if user.isascii():
        return f'username="{_quoted(user)}"'
    return f"username*=UTF-8''{quote(user, safe='')}"


def _hash(challenge: Challenge, text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    assert challenge.hash_name is not None, "only answerable challenges are answered"
    return hashlib.new(challenge.hash_name, data, usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
