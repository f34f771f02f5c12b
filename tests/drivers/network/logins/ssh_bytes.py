"""SSH as bytes for the tests of this folder: old algorithms, a KEXINIT, a packet."""

OLD = (
    "diffie-hellman-group1-sha1",
    "ssh-dss",
    "3des-cbc,arcfour",
    "aes128-cbc,3des-cbc",
    "hmac-md5",
    "hmac-md5,hmac-sha1-96",
    "none",
    "none,zlib",
    "",
    "",
)


def kexinit(lists: tuple[str, ...] = OLD, tail: bytes = bytes(5)) -> bytes:
    return b"\x14" + bytes(16) + b"".join(len(names).to_bytes(4) + names.encode() for names in lists) + tail


def packet(payload: bytes, padding: int = 4) -> bytes:
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + bytes(padding)
