"""Checks that this machine has what a bench file names: interfaces, programs, certificates, keys and images."""

import contextlib
import fcntl
import os
import shlex
import shutil
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from lab_config.bench import Bench, NetworkBench, PowerBench, StorageBench
from lab_config.load import place_of
from lab_config.reading.wording import Location
from trustprobe.errors import ConfigurationError

_PEM: Final = frozenset({"certificate", "key", "ca_certificate", "ca_key", "trust_anchor"})
_SIOCGIFBRDADDR: Final = 0x8919
_PEM_MARK: Final = b"-----BEGIN "
_PEM_OCTETS: Final = 1 << 20


def require_connected(bench: Bench, path: Path) -> None:
    """Raise ConfigurationError with file, line and field for the first part of a bench that this machine lacks."""
    for at, words, step in _missing(bench, ()):
        raise ConfigurationError(f"{place_of(path, at)}: {words}.", step)


def _missing(part: object, at: Location) -> Iterator[tuple[Location, str, str]]:
    """Find the missing parts: field, what is missing, what to do."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _missing(value, (*at, key))
    if not isinstance(part, BaseModel):
        return
    for name in type(part).model_fields:
        value, place = getattr(part, name), (*at, name)
        if value is None:
            continue
        if isinstance(part, NetworkBench) and name == "address" and value in _broadcasts():
            yield place, f"{value} is the broadcast address of a network of this machine", "Give that of the sample."
        elif name == "interface" and isinstance(value, str):
            yield from _interface(value, place)
        elif isinstance(part, PowerBench | StorageBench) and name in {"on", "off", "dump", "write"}:
            yield from _program(value, place)
        elif isinstance(value, Path):
            yield from _file(value, place, pem=name in _PEM)
        else:
            yield from _missing(value, place)


def _interface(name: str, at: Location) -> Iterator[tuple[Location, str, str]]:
    known = [known for _, known in socket.if_nameindex()]
    if name not in known:
        yield at, f"this machine has no interface {name!r}", f"Give one of {', '.join(known)}."


def _broadcasts() -> set[str]:
    """Return the IPv4 broadcast addresses of this machine's interfaces (netdevice(7), SIOCGIFBRDADDR)."""
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            request = struct.pack("16s24x", name.encode()[:15])
            with contextlib.suppress(OSError):
                found.add(socket.inet_ntoa(fcntl.ioctl(asked, _SIOCGIFBRDADDR, request)[20:24]))
    return found - {"0.0.0.0"}


def _program(how: str | tuple[str, ...], at: Location) -> Iterator[tuple[Location, str, str]]:
    if isinstance(how, str) and how.startswith(("http://", "https://")):
        return
    try:
        words = shlex.split(how) if isinstance(how, str) else list(how)
    except ValueError as error:
        yield at, f"expected a command: {error}", "Write it as a list of words."
        return
    if not words or not words[0]:
        yield at, "expected a command or a URL", "Name the program."
    elif shutil.which(words[0]) is None:
        yield at, f"this machine has no program {words[0]!r}", "Install it, or give its path."


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_PEM_OCTETS)


def _file(path: Path, at: Location, *, pem: bool) -> Iterator[tuple[Location, str, str]]:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        start = _start(path) if regular and pem else b""
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "its name is not valid"
        yield at, f"the file {path} cannot be read: {reason}", "Correct the path."
        return
    if not regular:
        yield at, f"{path} is not a regular file", "Give the path of a file."
    elif pem and _PEM_MARK not in start:
        yield at, f"{path} contains no certificate or key in PEM form", "Convert it to PEM."
