"""The stored forms of a password that the programs of the device read: shadow, mosquitto, and SNMP's localised keys."""

import base64
import hashlib
import os
import secrets

from virtual_lab.firmware.image.host import run

_CRYPT_ROUNDS = 1000
"""The fewest that crypt(3) takes: what a slow processor can bear; passwords of the factory are random."""
_SALT_OCTETS = 8
_MOSQUITTO_ROUNDS = 101
_MEBIBYTE = 1 << 20
_PRIVACY_OCTETS = 16


def crypt(password: str) -> str:
    """Return the salted SHA-512 form of crypt(3) ($6$)."""
    salt = f"rounds={_CRYPT_ROUNDS}${secrets.token_hex(_SALT_OCTETS)}"
    return run(["openssl", "passwd", "-6", "-salt", salt, "-stdin"], stdin=password.encode()).decode().strip()


def mosquitto(password: str) -> str:
    """Return the form of mosquitto's password file ($7$: PBKDF2 with SHA-512)."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ROUNDS)
    return f"$7${_MOSQUITTO_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def snmp_key(password: str, engine: bytes, algorithm: str = "sha256") -> bytes:
    """Return the key of a password for one SNMP engine (RFC 3414 A.2, with SHA-2 by RFC 7860)."""
    text = password.encode()
    key = hashlib.new(algorithm, (text * (_MEBIBYTE // len(text) + 1))[:_MEBIBYTE]).digest()
    return hashlib.new(algorithm, key + engine + key).digest()


def snmp_user(user: str, password: str, engine: bytes) -> str:
    """Return net-snmp's lines for an engine and its user, with SHA-256 and AES-128; no password is in them."""
    key = snmp_key(password, engine)
    identifier = f"0x{engine.hex()}"
    privacy = key[:_PRIVACY_OCTETS].hex()
    return f"createUser -e {identifier} {user} SHA-256 -l 0x{key.hex()} AES -l 0x{privacy}\n"
