"""Debian's packages, fetched without root: package lists, status and architecture are the cache folder's own.

apt resolves and checks signatures as on any Debian; nothing of the host's own apt or dpkg state is read or changed.
"""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.firmware.image.host import KEYRING, run

SUITE: Final = "bookworm"
PACKAGES: Final = (
    "linux-image-cloud-arm64",
    "avahi-daemon",
    "busybox-static",
    "chrony",
    "dmsetup",
    "dropbear-bin",
    "libubootenv-tool",
    "libpam-modules",
    "lighttpd",
    "lighttpd-mod-openssl",
    "login",
    "lua-posix",
    "lua-sec",
    "lua-socket",
    "lua5.3",
    "mosquitto",
    "openssh-server",
    "openssl",
    "rsyslog",
    "rsyslog-openssl",
    "snmpd",
    "swupdate",
)
_MIRROR = "TRUSTPROBE_DEBIAN_MIRROR"
_SOURCES = """\
Types: deb
URIs: {mirror}/debian
Suites: {suite} {suite}-updates
Components: main
Architectures: {architecture}
Signed-By: {keyring}

Types: deb
URIs: {mirror}/debian-security
Suites: {suite}-security
Components: main
Architectures: {architecture}
Signed-By: {keyring}
"""
_LEFT_OUT = (
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/perl*",
    "./usr/lib/*/perl*",
    "./usr/lib/*/gconv/*",
)
_PLANNED = re.compile(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)", re.MULTILINE)
_ATTEMPTS, _PAUSE = 3, 3.0


def fetch(cache: Path, names: Sequence[str] = PACKAGES, architecture: str = "arm64") -> list[Path]:
    """Fetch packages and all they depend on into `cache`; those that are there are not fetched again.

    Raises BenchError where the mirror cannot be reached and the cache does not hold everything.
    """
    apt = _Apt(cache, architecture)
    apt.prepare()
    for attempt in range(_ATTEMPTS):
        try:
            apt.get("update")
            break
        except BenchError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE)  # a mirror in sync answers with lists that do not match their signatures
    apt.get("install", "--download-only", "--no-install-recommends", *names)
    planned = apt.get("install", "--simulate", "--no-install-recommends", *names).decode(errors="replace")
    return [_archive(cache, *found) for found in _PLANNED.findall(planned)]


def _archive(cache: Path, name: str, version: str, architecture: str) -> Path:
    path = cache / "archives" / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
    if not path.is_file():
        raise BenchError(f"apt left {name} {version} unfetched.", f"Remove {cache} and try again.")
    return path


def unpack(packages: Sequence[Path], target: Path) -> None:
    """Unpack packages below `target`, without what no device carries; their scripts never run."""
    target.mkdir(parents=True, exist_ok=True)
    left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
    for package in packages:
        content = run(["dpkg-deb", "--fsys-tarfile", str(package)])
        run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", *left_out, "-C", str(target)], stdin=content)


class _Apt:
    """apt-get with a root of its own."""

    def __init__(self, cache: Path, architecture: str) -> None:
        self._cache = cache.resolve()
        self._architecture = architecture

    def prepare(self) -> None:
        for folder in ("archives/partial", "lists/partial", "etc"):
            (self._cache / folder).mkdir(parents=True, exist_ok=True)
        (self._cache / "status").write_bytes(b"")
        mirror = os.environ.get(_MIRROR, "http://deb.debian.org").rstrip("/")
        sources = _SOURCES.format(mirror=mirror, suite=SUITE, architecture=self._architecture, keyring=KEYRING)
        (self._cache / "etc" / "debian.sources").write_text(sources)

    def get(self, *words: str) -> bytes:
        options = {
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            "APT::Sandbox::User": "",
            "APT::Get::Assume-Yes": "true",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Dir::Etc": str(self._cache / "etc"),
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": str(self._cache / "etc"),
            "Dir::State": str(self._cache),
            "Dir::State::Lists": str(self._cache / "lists"),
            "Dir::State::Status": str(self._cache / "status"),
            "Dir::Cache": str(self._cache),
            "Dir::Cache::Archives": str(self._cache / "archives"),
        }
        set_options = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return run(["apt-get", "-q", *set_options, *words], seconds=300)
