"""Fetches the software of a field device without root, and unpacks it into the cache as the device's file system.

Debian's packages come from apt, with package lists of the cache's own. Packages of PyPI and npm come from uv and npm.
No package is changed, and no script of a package runs.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Final

from trustprobe.errors import BenchError
from virtual_lab.field.device import Software
from virtual_lab.firmware.image import packages
from virtual_lab.firmware.image.host import find, run

_BASE: Final = ("base-files", "busybox-static", "dash", "libc-bin")
_MERGED: Final = ("bin", "sbin", "lib", "lib64")
"""Links to the folders of the same names in /usr. Debian's packages have files in both."""
_EMPTY: Final = ("dev", "proc", "sys", "run", "tmp", "root", "etc", "var/log", "var/lib", "var/tmp", "srv", "home")
_PYTHON: Final = "3.11"
"""The Python of Debian 12, which runs the packages of PyPI."""
_SECONDS: Final = 900.0
_COMPLETE: Final = ".complete"
_FORMAT: Final = "1"
"""Changed together with how a file system is made."""


def cache_folder() -> Path:
    """Return where the software is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trustprobe" / "field"


def file_system(software: Software) -> Path:
    """Return the folder with the device's file system, made if the cache does not hold it.

    Raises BenchError where a registry cannot be reached or a program is missing.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    made_of = "\n".join((_FORMAT, *_BASE, *_EMPTY, software.model_dump_json()))
    folder = cache / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _COMPLETE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, software, cache)
            (folder / _COMPLETE).touch()
    return folder


def _make(folder: Path, software: Software, cache: Path) -> None:
    for name in _MERGED:
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    for name in _EMPTY:
        (folder / name).mkdir(parents=True)
    names = [*_BASE, *software.debian]
    packages.unpack(packages.fetch(cache / "apt", names, _architecture()), folder)
    for applet in run([str(folder / "bin/busybox"), "--list-full"]).decode().split():
        place = folder / "usr" / applet.removeprefix("usr/")
        if not place.exists() and not place.is_symlink():
            place.symlink_to("/bin/busybox")
    if software.pypi:
        _install_pypi(software.pypi, folder / "opt/pypi")
    if software.npm:
        _install_npm(software.npm, folder / "opt/npm")


def _architecture() -> str:
    return run(["dpkg", "--print-architecture"]).decode().strip()


def _install_pypi(names: tuple[str, ...], target: Path) -> None:
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or find("uv")
    if uv is None:
        raise BenchError("uv is not here, so no package of PyPI can be installed.", "Set the checkout up with `make`.")
    options = ["--target", str(target), "--python-version", _PYTHON, "--python", sys.executable, "--quiet"]
    run([uv, "pip", "install", *options, "--only-binary", ":all:", *names], seconds=_SECONDS)


def _install_npm(names: tuple[str, ...], target: Path) -> None:
    target.mkdir(parents=True)
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev", "--silent"]
    run(["npm", "install", "--prefix", str(target), *options, *names], seconds=_SECONDS)
