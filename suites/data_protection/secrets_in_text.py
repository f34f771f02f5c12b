"""Secrets in the text that a device prints: a name with its value, a key, a password hash, a URL with a password.

A masked value is no secret, and neither is a word about secrets. Only names are returned, never values.
"""

import base64
import re
from collections.abc import Iterator

PIECE = 2_048
"""Characters of a line that are searched at a time."""
_OVERLAP = 256
_NAME = r"[A-Za-z0-9](?:[\w.-]{0,62}[A-Za-z0-9])?"
_QUOTE = r"\\{0,2}[\"'`]"
_VALUE = (
    r"(?:(?P<mark>\\{0,2}[\"'`])(?P<quoted>.*?)(?P=mark)|(?P<open>[<\[({])(?P<within>[^>\])}]*)[>\])}]?"
    r"|(?P<plain>[^\s\"'<>,;&]+))"
)
_NAMED = re.compile(
    rf"(?P<name>{_NAME}){_QUOTE}?(?:\s(?:for|of)\s[\w@.-]+)?\s*(?P<by>=>|->|:=|==?|:|\bis\b:?|\bset to\b)\s*{_VALUE}"
)
_BRACKETED = re.compile(
    rf"(?P<name>{_NAME})(?P<gap> ?)(?:\[(?P<square>[^\]\[]+)\]|\((?P<round>[^()]+)\)|\{{(?P<curly>[^{{}}]+)\}})"
)
_ANGLED = re.compile(rf"(?P<name>{_NAME})<(?P<value>(?!\w+_t>)[^<>\s=/]+)>")
_ELEMENT = re.compile(rf"<(?P<name>{_NAME})(?:\s[^>]*)?>(?P<value>[^<]+)</(?P=name)>")
_OPTION = re.compile(rf"(?<!\S)--?(?P<name>{_NAME})[ =](?P<value>[^\s-]\S*)")
_BESIDE = re.compile(rf"(?P<name>{_NAME}) (?P<mark>[\"'`])(?P<value>[^\"'`]+)(?P=mark)")
"""A value in quotes after a name and a space."""
_SPOKEN = re.compile(
    r"(?i)\b(?:with|using|uses|set|new|default|and) (?:the )?"
    r"(?P<name>password|passphrase|psk|passwd|pin|token|key|secret) "
    r"(?P<mark>[\"'`]?)(?P<value>[^\s\"'`]+)"
)
_DUMP = re.compile(
    r"(?i)\b(?P<name>psk|pmk|passphrase|password|key|secret|ptk|gtk|kek|kck)\b[^:\n]{0,60}(?:hexdump(?:_ascii)?\(len=\d+\)|hex)"
    r"\s*[:=]\s*(?:[0-9a-f]{2}[ :]?){4}"
)

_CODE = re.compile(
    r"(?i)\b(?P<name>(?:pin|set-?up|pairing|pass|unlock|activation|claim|commissioning|access)[ _-]?(?:pin|qr)?[ _-]?"
    r"code)(?: ?\([^)]*\))?\s*[:=]\s*[\[\"']?(?:MT:|(?:[.-]?\d){4})"
)
"""A code of figures that lets somebody in; Matter's set-up code also as the text of its QR code (clause 5.1.3)."""
_COMMAND = re.compile(r"(?i)\bAT\+(?P<name>[A-Z]+)(?:_[A-Z]+)?=(?P<arguments>.+)")
_ARGUMENT = re.compile(r"\s*(?:\"([^\"]*)\"?|([^,]*))\s*(?:,|$)")
_PASSWORD_OF = {"CWJAP": 1, "CWSAP": 1, "CGAUTH": 3, "QMTCONN": 3, "MQTTUSERCFG": 4, "CPIN": 0}
"""Which argument of a modem's command is the password, from 0: ESP-AT, 3GPP TS 27.007 and Quectel's manuals."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STRONG = _words(
    """password passwd passphrase passwort kennwort passcode pass pwd pw psk secret token apikey credential credentials
    wpakey wepkey privkey privatekey secretkey authkey accesskey passkey pincode sharedkey presharedkey sharedaccesskey
    bearer motdepasse contrasena"""
)
_ENDS = tuple(
    _words("password passwd passphrase passwort pwd psk secret token apikey privatekey secretkey authkey passcode")
)
_KEY_OF = _words(
    """private api access auth authentication secret encryption encrypt enc aes wpa wep wifi wlan network net shared
    preshared master signing sign hmac sas session device root license crypt cipher symmetric ota cloud mqtt aws azure
    client storage disk product app service account admin provisioning link zigbee ble bluetooth thread lora appkey
    nwk pairing long term ltk unlock debug"""
)
_ABOUT = _words("value text string str plain plaintext ascii hex b64 base64 hash data new old default current")
"""Words after a name that leave it a name of the secret itself."""
_PUBLIC = re.compile(
    r"(?i)public|finger-?print|x\.?509|\bcert|asymmetric|key ?ring|\bski\b|key ?id\b|checksum|digest|\bhost key\b|known"
)
_MASK = re.compile(r"(?i)[*x•●.#_?-]{2,}|.{0,6}(?:\*{3,}|x{5,}|•{3,}|\.{3,}|#{3,}).{0,6}|\*+")
_LENGTH = re.compile(
    r"(?i)(?:len(?:gth)?\s*[=:]?\s*)?\d+(?:\s*|-)(?:bytes?|chars?|characters?|octets?|bits?|digits?|B|s|ms)?"
)
_HIDDEN = re.compile(
    r"(?i)\b(?:hidden|redacted|removed|masked|secret|not|omitted|unset|set|empty|filtered|private|protected|encrypted"
    r"|sensitive|undefined|null|none|nil|suppressed|obfuscated|scrubbed|censored|elided|concealed|bytes?|chars?)\b"
)
_PLACEHOLDER = re.compile(r"\$\{?\w+\}?|%\w{1,3}|%\(\w+\)s|@\w+@|__\w+__|\{\{?\s*[\w.]*\s*\}?\}")
_PATH = re.compile(r"(?i)(?:file:|\.{0,2}/|[a-z]:\\)[\w.@/\\+-]*(?:/[\w.@+-]*|\.[a-z]{2,5})|\.{0,2}/\w+")
_WORD = re.compile(
    r"(?i)yes|no|true|false|on|off|ok|okay|set|unset|not|none|null|nil|empty|n/a|unknown|undefined|(?:en|dis)abled?|loaded"
    r"|loading|(?:in)?valid|verif\w+|requir\w+|missing|(?:un)?changed|(?:in)?correct|accepted|rejected|expired|fail\w*"
    r"|succe\w+|created|found|done|default|optional|initiali[sz]\w+|generat\w+|updat\w+|stored|saved|reading|checking|ready"
    r"|files|compat|ask|auto\w*|present|absent|configured|provisioned|(?:un)?locked|encrypted|hidden|redacted|masked|removed"
    r"|omitted|protected|established|ring|(?:in)?active|used|using|from|must|too|could|will|was|has|for|error|fused|burned"
    r"|installed|imported|received|sent|random|static|dynamic|hash\w*|sha-?\d*|md5|aes\S*|rsa\S*|ecdsa\S*|ed25519\S*|hmac\S*"
    r"|ssh-\S+|psk|wpa\S*|ccmp\S*|tkip\S*|sae|pending|refreshed|revoked|cleared|erased|reset|match\w*|mismatch\w*|warning"
    r"|skipp\w+|denied|granted|obtained|renewed|available|unavailable|supported|unsupported|type|policy|keep|provided|given"
    r"|prompt|enter|please|systemd|sss|ldap|db|nis|dhcp|version|applied|complete[d]?|registered|starting|started|stopped"
    r"|no-?pass\w*|weak|strong|good|bad|wrong|read|write|written|ignored|open|closed|usb|keyring|hardware|software"
)
_PRIVATE_KEY = re.compile(
    r"-{4,5} ?BEGIN [A-Za-z0-9 ]*(?:PRIVATE KEY|Static key V1)[A-Z ]*-{4,5}|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1"
)
_HASH = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|apr1|argon2\w{0,2}|scrypt|pbkdf2[\w-]*)\$[./A-Za-z0-9$=,+-]{8,}"
    r"|\{(?:S?SHA\d*|S?MD5|CRYPT)\}[A-Za-z0-9+/$.]{8,}"
    r"|(?<![^\s'\"])[a-z_][\w-]{0,30}:[./0-9A-Za-z]{13}:\d{0,6}:\d*:"  # DES, in a line of shadow(5)
)
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>]*:([^\s/@\"'<>]+)@")
_BASIC = re.compile(r"(?i)\bbasic\s+([A-Za-z0-9+/]{6,}={0,2})")
_BEARER = re.compile(r"(?i)\bbearer\s+([\w.~+/=-]{8,})")
_TOKEN = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bgh[pousr]_[A-Za-z0-9]{30,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bAIza[\w-]{35}|\bsk_live_\w{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
)


def secrets_in(text: str) -> list[str]:
    """Return the names of the secrets that a text shows the value of, each once and sorted."""
    return sorted({name for line in text.split("\n") for piece in _pieces(line) for name in _in_line(piece)})


def _pieces(line: str) -> Iterator[str]:
    """Cut a long line into pieces that overlap."""
    for start in range(0, max(1, len(line) - _OVERLAP), PIECE - _OVERLAP):
        yield line[start : start + PIECE]


def _in_line(line: str) -> Iterator[str]:
    yield from _named(line)
    yield from (found.group() for found in _PRIVATE_KEY.finditer(line))
    if _HASH.search(line):
        yield "a password hash"
    if any(not _is_masked(found[1]) for found in _URL.finditer(line)):
        yield "a URL with a password"
    if any(_is_basic(found[1]) for found in _BASIC.finditer(line)):
        yield "Basic authorisation"
    if any(not _is_masked(found[1]) and re.search(r"\d|[A-Z]", found[1]) for found in _BEARER.finditer(line)):
        yield "Bearer authorisation"
    if _TOKEN.search(line):
        yield "an access token"


def _named(line: str) -> Iterator[str]:
    """Return the names of secrets that a value follows."""
    at = 0
    while found := _NAMED.search(line, at):
        at = found.end("by")
        if _is_value(line, found):
            yield found["name"]
    for found in _BRACKETED.finditer(line):
        value = found["square"] or found["curly"] or found["round"]
        sure = (found["round"] is None and not found["gap"]) or _is_random(value)
        if sure and _is_secret_name(found["name"], line, value) and not _is_harmless(value):
            yield found["name"]
    for found in _BESIDE.finditer(line):
        value = found["value"]
        if _is_random(value) and _is_secret_name(found["name"], line, value) and not _is_harmless(value):
            yield found["name"]
    for found in _ANGLED.finditer(line):
        value = found["value"]
        if _is_random(value) and _is_secret_name(found["name"], line, value) and not _is_harmless(value):
            yield found["name"]
    for pattern in (_ELEMENT, _OPTION):
        for found in pattern.finditer(line):
            if _is_secret_name(found["name"], line, found["value"]) and not _is_harmless(found["value"]):
                yield found["name"]
    for found in _SPOKEN.finditer(line):
        value = found["value"].rstrip(".,;:)")
        if (_is_random(value) or found["mark"]) and not _is_harmless(value) and len(value) >= 6:
            yield found["name"]
    yield from (found["name"] for found in _DUMP.finditer(line))
    yield from (found["name"] for found in _CODE.finditer(line))
    yield from (f"AT+{found['name']}" for found in _COMMAND.finditer(line) if _has_password(found))


def _is_value(line: str, found: re.Match[str]) -> bool:
    name, plain = found["name"], found["plain"]
    value = next(group for group in (found["quoted"], found["within"], plain) if group is not None)
    if not _is_secret_name(name, line, value):
        return False
    if plain is None:
        words = found["open"] is not None and bool(_HIDDEN.search(value) or re.fullmatch(r"[A-Za-z _-]*", value))
        return not words and not _is_harmless(value)
    if found["by"].strip(":").strip() in ("is", "set to") and not _is_random(plain):
        return False
    if _is_prose(found["by"], plain, line[found.end() :]):
        return False
    if name.lower() == "pass" and re.search(r"(?i)\bfail", line):
        return False
    return not _is_harmless(plain)


def _has_password(command: re.Match[str]) -> bool:
    """Whether a modem's command has a password among its arguments that is not masked."""
    place = _PASSWORD_OF.get(command["name"].upper())
    arguments = [quoted or bare for quoted, bare in _ARGUMENT.findall(command["arguments"])]
    return place is not None and place < len(arguments) and not _is_harmless(arguments[place])


def _is_prose(by: str, value: str, rest: str) -> bool:
    """Whether a value after a colon only begins a sentence: "password: must have eight characters"."""
    return by == ":" and bool(re.fullmatch(r"[A-Za-z][a-z']*", value)) and bool(re.match(r"\s+[a-z]{2,}", rest))


def _is_secret_name(name: str, line: str, value: str) -> bool:
    parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    while parts and (parts[-1].isdigit() or (parts[-1] in _ABOUT and len(parts) > 1)):
        parts.pop()
    if not parts or name in ("PWD", "OLDPWD"):
        return False
    last, joined = parts[-1], "".join(parts)
    if last == "key" and len(parts) > 1:
        return "".join(parts[-2:-1]) in _KEY_OF or joined in _STRONG
    if last == "key":
        return not _PUBLIC.search(line) and _is_random(value) and len(value) >= 8
    return last in _STRONG or joined in _STRONG or joined.endswith(_ENDS)


def _is_harmless(value: str) -> bool:
    """Whether a value says nothing: it is short, masked, a length, a path, a placeholder or a word about a state."""
    bare = value.strip().strip("\"'`").rstrip(".,;:)]}")
    if len(bare) < 4 or _is_masked(bare) or (_LENGTH.fullmatch(bare) and not bare.isdigit()):
        return True
    return any(pattern.fullmatch(bare) for pattern in (_PLACEHOLDER, _PATH, _WORD)) or "://" in bare


def _is_masked(value: str) -> bool:
    """Whether a value is hidden by signs or words."""
    bare = value.strip().strip("<>[](){}\"'")
    return bool(_MASK.fullmatch(bare)) or bool(_PLACEHOLDER.fullmatch(value)) or bool(_HIDDEN.fullmatch(bare))


def _is_random(value: str) -> bool:
    """Whether a value is no word and no number: letters with digits, signs or both cases."""
    bare = value.strip().rstrip(".,;:")
    has_letter = re.search(r"[A-Za-z]", bare) is not None
    return (
        has_letter
        and len(bare) >= 6
        and bool(re.search(r"\d", bare) or re.search(r"[a-z][A-Z]|[A-Za-z][-_!@#$%][A-Za-z]", bare))
    )


def _is_basic(encoded: str) -> bool:
    """Whether this is a user name and a password in Base64 (RFC 7617)."""
    try:
        plain = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        return False
    user, colon, password = plain.partition(b":")
    return bool(colon) and user.isascii() and password.decode("utf-8", "replace").isprintable()
