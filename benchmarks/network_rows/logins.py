"""The rows about logins: 500 passwords of one account, on a service that allows them, as many at once as the peer."""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.network_rows import daemons
from benchmarks.network_rows.hydra import hydra
from benchmarks.network_rows.lab import Device, in_lab, megabytes
from benchmarks.network_rows.row import Row, median
from benchmarks.network_rows.sweeps import MEMORY_MB, Notes
from drivers.guessing.attempt import Door, Pair
from drivers.guessing.logins import GuessLogins
from drivers.network.logins.ftp import FtpDoor
from drivers.network.logins.ssh import SshDoor
from drivers.network.logins.telnet import TelnetDoor
from drivers.network.target import Target
from drivers.network.web.login.guesses import FormDoor
from lab_config.bench import NetworkBench
from lab_config.component import Service, Transport
from lab_config.http_login import HttpLogin
from virtual_lab.reference.namespace import DEVICE_ADDRESS

LOGINS = 500
SLOW_LOGINS = 60
"""Where a service takes a second for each."""
RUNS, SLOW_RUNS = 5, 3
"""Of each, in turns; hydra takes half a minute for 500 forms."""
TARGET = 1.2
AT_ONCE = (4, 16)
GUESSED, KNOWN = "admin", "service"
"""The account that is guessed at, and the one that the bench has the password of."""
_FORM = "/login:username=^USER^&password=^PASS^:F=Login incorrect"


def ssh_logins() -> Sequence[Row]:
    """OpenSSH, with a limit of attempts on one connection that neither side meets: hydra 9.4 hangs at the usual six."""
    return _rows("SSH", RUNS, daemons.sshd, _ssh_door, ("ssh",))


def http_logins() -> Sequence[Row]:
    """A form of lighttpd."""
    return _rows("HTTP form", SLOW_RUNS, daemons.web, _http_door, ("http-post-form", _FORM))


def ftp_logins() -> Sequence[Row]:
    """Vsftpd with its own delay of a second, three attempts per connection, and 16 at once."""
    return _rows("FTP", 1, daemons.ftp, _ftp_door, ("ftp",), SLOW_LOGINS)


def telnet_logins() -> Sequence[Row]:
    """Telnetd of inetutils, whose login(1) pauses three seconds after a wrong password."""
    return _rows("Telnet", 1, daemons.telnet, _telnet_door, ("telnet",), SLOW_LOGINS)


def _telnet_door(bench: NetworkBench) -> Door:
    return TelnetDoor(Target(bench), daemons.TELNET_PORT, "terminal")


def _ftp_door(bench: NetworkBench) -> Door:
    return FtpDoor(Target(bench), daemons.FTP_PORT, "files")


def _ssh_door(bench: NetworkBench) -> Door:
    return SshDoor(Target(bench), daemons.SSH_PORT, "ssh")


def _http_door(bench: NetworkBench) -> Door:
    service = Service(id="web", transport=Transport.TCP, port=daemons.HTTP_PORT, protocol="http", purpose="users")
    login = HttpLogin(service="web", proof_path="/home", refusal="Login incorrect")
    return FormDoor(Target(bench), service, login)


def _rows(
    name: str,
    runs: int,
    start: Callable[[Path, dict[str, str]], None],
    door: Callable[[NetworkBench], Door],
    peer: tuple[str, ...],
    logins: int = LOGINS,
) -> list[Row]:
    passwords = [secrets.token_hex(6) for _ in range(logins)]
    accounts = {GUESSED: passwords[-1], KNOWN: secrets.token_hex(8)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "passwords.txt").write_text("\n".join(passwords) + "\n")
        device = Device(daemons=partial(start, Path(folder), accounts))

        def work() -> list[list[tuple[dict[str, Any], dict[str, Any]]]]:
            return [
                [
                    (_ours(door, at_once, passwords, accounts), _theirs(Path(folder), at_once, accounts, peer))
                    for _ in range(runs)
                ]
                for at_once in AT_ONCE
            ]

        found = in_lab(device, work)
    rows = [
        _compared(f"{logins} logins, {name}", at_once, pairs) for at_once, pairs in zip(AT_ONCE, found, strict=True)
    ]
    most = max(ours["megabytes"] for pairs in found for ours, _ in pairs)
    memory = Row(
        f"memory of {logins} logins, {name}", f"{most:.0f} MB", "-", None, f"< {MEMORY_MB} MB", most < MEMORY_MB
    )
    return [*rows, memory]


def _ours(
    door: Callable[[NetworkBench], Door], at_once: int, passwords: Sequence[str], accounts: dict[str, str]
) -> dict[str, Any]:
    bench = NetworkBench(address=DEVICE_ADDRESS, logins_at_once=at_once)
    pairs = tuple(Pair(GUESSED, password, "general") for password in passwords)
    probe, started = GuessLogins(door(bench), pairs, KNOWN, accounts[KNOWN]), time.monotonic()
    seen = probe.run(Notes())
    seconds = time.monotonic() - started
    right = seen.seen == {pairs[-1].about} and len(seen.refused) == len(pairs) - 1 and seen.conclusive
    return {"seconds": seconds, "right": right, "megabytes": megabytes()}


def _theirs(folder: Path, at_once: int, accounts: dict[str, str], options: tuple[str, ...]) -> dict[str, Any]:
    run = hydra(folder, GUESSED, at_once, *options)
    return {"seconds": run.seconds, "right": run.found == [(GUESSED, accounts[GUESSED])]}


def _compared(name: str, at_once: int, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> Row:
    ours, theirs = median([one["seconds"] for one, _ in pairs]), median([one["seconds"] for _, one in pairs])
    good, others = sum(one["right"] for one, _ in pairs), sum(one["right"] for _, one in pairs)
    ratio = median([one["seconds"] / other["seconds"] for one, other in pairs])
    load, cores = os.getloadavg()[0], os.cpu_count()
    return Row(
        f"{name}, {at_once} at once (load {load:.1f}, {cores} cores)",
        f"{ours:.2f} s, right in {good} of {len(pairs)} runs",
        f"{theirs:.2f} s (hydra -t {at_once}), right in {others}",
        ratio,
        f"<= {TARGET}, the one password found",
        ratio <= TARGET and good == len(pairs),
    )
