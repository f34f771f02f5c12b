"""Servers with an ordinary configuration, each a line of a table: what `nmap -sV` and trustprobe are to recognise.

They run as those of `daemons.py` do. A server that is not installed is left out, and the row says so.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.network_rows import daemons

_NGINX = """daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; server {{ listen 8080; location / {{ return 200 "device"; }} }} }}
"""
_MOSQUITTO = "listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n"
_RSYNC = "[files]\npath = {folder}\n"
_TINYPROXY = 'Port 8888\nListen 0.0.0.0\nLogFile "{folder}/log"\nPidFile "{folder}/pid"\nAllow 192.0.2.0/24\n'
_IRC = """[Global]
Name = irc.device.example
Info = device
AdminEMail = admin@device.example
MotdPhrase = device
Listen = 0.0.0.0
PidFile = {folder}/pid
[Options]
PAM = no
Ident = no
DNS = no
"""
_ZABBIX = "LogType=console\nServer=192.0.2.1\nPidFile={folder}/pid\nAllowRoot=1\nHostname=device\n"
_SMUX = "rocommunity public\nsmuxsocket 0.0.0.0\n"
_ACCOUNTS = {"service": "benchmark2026"}


@dataclass(frozen=True)
class Server:
    """A program and how it is started; `{folder}` is its own folder, in which `settings` is a file."""

    port: int
    program: str
    package: str
    arguments: str
    settings: str = ""
    before: str = ""
    """A command that makes what it needs."""

    @property
    def is_installed(self) -> bool:
        """Whether it can be started here."""
        return shutil.which(self.program) is not None

    def start(self, folder: Path) -> None:
        """Start it in this network namespace; return when it accepts connections."""
        (folder / "settings").write_text(self.settings.format(folder=folder))
        if self.before:
            subprocess.run(self.before.format(folder=folder).split(), check=True, capture_output=True)
        # Not with exec: a program that changes its user is no longer told that its parent ends. The shell is.
        daemons.start(f"{self.program} {self.arguments.format(folder=folder)}; exit 1", folder, self.port)


SERVERS = (
    Server(
        2_222, "dropbear", "dropbear-bin", "-F -E -r {folder}/key -p 2222", "", "dropbearkey -t ed25519 -f {folder}/key"
    ),
    Server(53, "dnsmasq", "dnsmasq-base", "-k --no-resolv --no-hosts --user=root -C /dev/null --pid-file={folder}/pid"),
    Server(8_080, "nginx", "nginx-light", "-c {folder}/settings", _NGINX),
    Server(1_883, "mosquitto", "mosquitto", "-c {folder}/settings", _MOSQUITTO),
    Server(6_379, "redis-server", "redis-server", "--bind 0.0.0.0 --protected-mode no --save '' --dir {folder}"),
    Server(11_211, "memcached", "memcached", "-u root -U 0 -l 0.0.0.0"),
    Server(873, "rsync", "rsync", "--daemon --no-detach --config={folder}/settings", _RSYNC),
    Server(4_222, "nats-server", "nats-server", "-a 0.0.0.0"),
    Server(8_888, "tinyproxy", "tinyproxy-bin", "-d -c {folder}/settings", _TINYPROXY),
    Server(6_667, "ngircd", "ngircd", "-n -f {folder}/settings", _IRC),
    Server(2_947, "gpsd", "gpsd", "-N -n -G -F {folder}/control"),
    Server(1_723, "pptpd", "pptpd", "-f -c {folder}/settings -o /dev/null", "localip 10.9.8.1\nremoteip 10.9.8.2\n"),
    Server(10_050, "zabbix_agentd", "zabbix-agent", "-f -c {folder}/settings", _ZABBIX),
    Server(199, "snmpd", "snmpd", "-f -C -c {folder}/settings -Lo -p {folder}/pid tcp:161", _SMUX),
    Server(9_418, "git", "git", "daemon --base-path={folder} --pid-file={folder}/pid"),
)


def installed() -> tuple[Server, ...]:
    """Return the servers of the table that this machine has."""
    return tuple(server for server in SERVERS if server.is_installed)


def missing() -> Sequence[str]:
    """Return the packages of those that it does not have."""
    return [server.package for server in SERVERS if not server.is_installed]


ALWAYS = {
    daemons.SSH_PORT: lambda folder: daemons.sshd(folder, _ACCOUNTS),
    daemons.FTP_PORT: lambda folder: daemons.ftp(folder, _ACCOUNTS),
    daemons.TELNET_PORT: lambda folder: daemons.telnet(folder, _ACCOUNTS),
    daemons.HTTP_PORT: lambda folder: daemons.web(folder, _ACCOUNTS),
    daemons.HTTPS_PORT: daemons.weak_tls,
}
"""The daemons of the other rows, by their ports."""


def start_all(folder: Path) -> None:
    """Start them one after the other, each in a folder of its own."""
    for port, start in [*ALWAYS.items(), *((server.port, server.start) for server in installed())]:
        own = folder / str(port)
        own.mkdir()
        start(own)


def ports() -> frozenset[int]:
    """Return the ports on which they listen."""
    return frozenset({*ALWAYS, *(server.port for server in installed())})
