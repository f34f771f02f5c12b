"""Removes secrets from files: the values of a bench's secrets, in every notation that a writer may have used.

Works on any file in bounded memory, and replaces a file only as a whole. The caller states the secrets.
"""

import base64
import html
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, quote_plus

from trustprobe.probe import Frozen, printable

CHUNK = 1 << 20
"""Bytes of a file that are in memory at once."""
SHORTEST = 4
"""Characters. A shorter value occurs in ordinary text everywhere, and is not removed."""
SHORTEST_BASE64 = 8
"""Characters of base64 that are treated as a secret."""


class Scrubbed(Frozen):
    """The replaced secrets and their places, and the secrets that were not removed."""

    files: tuple[str, ...] = ()
    """Relative paths of the files that contained a secret."""
    left: tuple[str, ...] = ()
    """Names of secrets that are too short to be distinguished from ordinary text (SHORTEST)."""


def notations(value: str) -> frozenset[bytes]:
    """Return the byte strings that a value may appear as: plain, JSON, HTML, XML, URL, `\\xNN` and base64.

    The base64 forms include those inside a longer text, as in `Authorization: Basic`, with any text before it.
    """
    plain = {value, printable(value, limit=None), repr(value)[1:-1]}
    for text in tuple(plain):
        for ascii_only in (True, False):
            once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            plain |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    for text in tuple(plain):
        escaped = html.escape(text, quote=False)
        plain |= {escaped, html.escape(text), escaped.replace('"', "&quot;")}
        plain |= {escaped.replace('"', "&#34;").replace("'", "&#39;"), html.escape(text).replace("&#x27;", "&#39;")}
    for safe in ("", "/", "/:@!$&'()*+,;=~"):
        url = quote(value, safe=safe, errors="surrogatepass")
        plain |= {url, re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), url)}
    plain.add(quote_plus(value, errors="surrogatepass"))
    raw = value.encode("utf-8", "surrogatepass")
    found = {text.encode("utf-8", "surrogatepass") for text in plain}
    return frozenset(found | _base64_cores(raw) | ({raw.hex().encode()} if len(raw) >= SHORTEST else set()))


def _base64_cores(raw: bytes) -> set[bytes]:
    """Return the base64 of these bytes at each of three offsets, without the characters that depend on neighbours."""
    cores = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).rstrip(b"=")
        first = -(-offset * 8 // 6)
        last = (offset + len(raw)) * 8 // 6
        core = encoded[first:last]
        cores |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
        if offset == 0:
            cores |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    return {core for core in cores if len(core) >= SHORTEST_BASE64}


class Redactor:
    """Replaces the values of secrets by `[secret NAME]`. In binary files, uses as many `*` to keep offsets."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.left = tuple(sorted(name for name, value in secrets.items() if 0 < len(value) < SHORTEST))
        self._names: dict[bytes, bytes] = {}
        for name, value in secrets.items():
            if len(value) >= SHORTEST:
                label = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
                self._names |= dict.fromkeys(notations(value), f"[secret {label}]".encode())
        longest_first = sorted(self._names, key=len, reverse=True)
        self._longest = max(map(len, longest_first), default=0)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)) or rb"(?!)")

    def data(self, data: bytes) -> bytes:
        """Return the bytes with every notation of every secret replaced."""
        return self._pattern.sub(lambda match: self._names[match[0]], data)

    def text(self, text: str) -> str:
        """Return the text with every notation of every secret replaced."""
        return self.data(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def folder(self, root: Path) -> Scrubbed:
        """Redact every regular file under a folder. Symbolic links are not followed."""
        if not self._names:
            return Scrubbed(left=self.left)
        changed = [path for path in _regular_files(root) if self.file(path)]
        return Scrubbed(files=tuple(str(path.relative_to(root)) for path in changed), left=self.left)

    def file(self, path: Path) -> bool:
        """Redact one file, and return whether it contained a secret. It is replaced as a whole, or not at all."""
        with path.open("rb") as source:
            found, binary = False, False
            for text, hit in self._pieces(source):
                found |= hit
                binary |= not hit and b"\0" in text
            if not found:
                return False
            source.seek(0)
            self._rewrite(path, source, binary)
        return True

    def _rewrite(self, path: Path, source: BinaryIO, binary: bool) -> None:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".scrub-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                for text, hit in self._pieces(source):
                    replacement = b"*" * len(text) if binary else self._names.get(text, b"")
                    target.write(replacement if hit else text)
            Path(name).chmod(path.stat().st_mode & 0o777)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _pieces(self, source: BinaryIO) -> Iterator[tuple[bytes, bool]]:
        """Yield a file's bytes in order, cut so that each secret is a piece of its own, marked True."""
        held = b""
        while True:
            chunk = source.read(CHUNK)
            held += chunk
            # A match may only start where the longest notation would still fit into the held bytes.
            safe = len(held) - self._longest + 1 if chunk else len(held)
            done = 0
            for match in self._pattern.finditer(held):
                if match.start() >= safe:
                    break
                yield held[done : match.start()], False
                yield match[0], True
                done = match.end()
            rest = max(done, safe)
            yield held[done:rest], False
            held = held[rest:]
            if not chunk:
                return


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
