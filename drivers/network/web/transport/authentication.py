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
from urllib.parse import quote

HEADER_LIMIT = 16_384
"""Characters of WWW-Authenticate that are read."""
_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_STRENGTH = ("SHA-512-256", "SHA-256", "MD5")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf"\s*({_TOKEN})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|({_TOKEN}|[^\s,\"=]+))\s*(?:,|$)")
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)\s*")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,|$)")


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
        name = _ALGORITHMS.get(self.algorithm.upper().removesuffix("-SESS"))
        return name if name in hashlib.algorithms_available else None

    @property
    def qop(self) -> str | None:
        """The quality of protection that is answered: auth before auth-int, None where the server knows none."""
        offered = [one.strip().lower() for one in self.parameters.get("qop", "").split(",") if one.strip()]
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
    """Parse WWW-Authenticate, whose fields may be joined by commas. Malformed parts are skipped."""
    return tuple(_read(header[:HEADER_LIMIT]))


def _read(text: str) -> Iterator[Challenge]:
    at = 0
    while at < len(text):
        scheme = _SCHEME.match(text, at)
        if scheme is None:
            at += 1
            continue
        at, parameters = scheme.end(), dict[str, str]()
        while (one := _PARAMETER.match(text, at)) is not None:
            quoted = one[2]
            parameters[one[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else one[3]
            at = one.end()
        if not parameters and (token := _TOKEN68.match(text, at)):
            at = token.end()
        yield Challenge(scheme[1], parameters)


def strongest(found: tuple[Challenge, ...]) -> Challenge | None:
    """Return the challenge that a password is answered to: the strongest Digest, else Basic, else None."""
    usable = [one for one in found if one.answerable]
    for name in _STRENGTH:
        for one in usable:
            if one.digest and one.algorithm.upper().removesuffix("-SESS") == name:
                return one
    return usable[0] if usable else None


def authorization(
    challenge: Challenge, user: str, password: str, method: str, uri: str, body: bytes = b"", count: int = 1
) -> str:
    """Return the value of Authorization; `count` is how often the nonce was used, this time included."""
    if not challenge.digest:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    given, client = challenge.parameters, secrets.token_hex(8)
    realm, nonce, qop = given.get("realm", ""), given["nonce"], challenge.qop
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
