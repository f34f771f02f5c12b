"""The services that are measured: OpenSSH, vsftpd, telnetd, lighttpd with a login form, and lighttpd with weak TLS.

They run in namespaces of processes and mounts, so that no account, file or process of this machine is touched, and end
with the process that started them. Debian's packages: openssh-server, lighttpd, vsftpd.
"""

import os
import socket
import subprocess
import textwrap
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.network_rows.lab import tool
from trustprobe.errors import BenchError
from virtual_lab.reference import syscalls
from virtual_lab.reference.namespace import DEVICE_ADDRESS

SSH_PORT, HTTP_PORT, HTTPS_PORT, FTP_PORT, TELNET_PORT = 22, 80, 443, 21, 23
START_SECONDS = 15.0
_SSHD = """
Port 22
HostKey {folder}/host_key
PidFile none
UsePAM no
PasswordAuthentication yes
MaxStartups 200
MaxAuthTries 1000
"""
_WEAK_SSHD = """
Port 22
HostKey {folder}/rsa
HostKey {folder}/dsa
HostKey {folder}/ecdsa
HostKey {folder}/ed25519
PidFile none
UsePAM no
MaxStartups 200
RequiredRSASize 1024
KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1
HostKeyAlgorithms +ssh-rsa,ssh-dss
Ciphers +3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc
MACs +hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96
"""
_VSFTPD = """
listen=YES
background=NO
local_enable=YES
check_shell=NO
delay_failed_login=1
max_login_fails=3
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
"""
"""With the delay and the attempts per connection that vsftpd has unless it is told otherwise."""
_PAM = "auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n"
_LIGHTTPD = """
server.port = 80
server.document-root = "{folder}/pages"
server.errorlog = "{folder}/error.log"
server.modules = ("mod_cgi")
cgi.assign = ("" => "/bin/sh")
"""
_WEAK_TLS = """
server.port = 443
server.document-root = "{folder}/pages"
server.errorlog = "{folder}/error.log"
server.modules = ("mod_openssl")
ssl.engine = "enable"
ssl.pemfile = "{folder}/server.pem"
ssl.dh-file = "{folder}/group.pem"
ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1", "CipherString" => "ALL:@SECLEVEL=0")
"""
_FORM = (
    "<!DOCTYPE html><title>Login</title><form method=post action=/login><input name=username>"
    "<input name=password type=password><button>Log in</button></form>"
)
_PAGES = """
answer() {{ printf 'Status: %s\\r\\nContent-Type: text/html\\r\\n%b\\r\\n%s' "$1" "$2" "$3"; }}
case "$REQUEST_METHOD $SCRIPT_NAME $HTTP_COOKIE" in
"POST /login "*)
  IFS= read -r body
  case "$body" in
  {accounts}) answer 303 'Location: /home\\r\\nSet-Cookie: session={secret}; HttpOnly; Path=/\\r\\n' ;;
  *) answer 200 '' '<p>Login incorrect</p>{form}' ;;
  esac ;;
"GET /login "*) answer 200 '' '{form}' ;;
"GET /logout "*) answer 303 'Location: /login\\r\\nSet-Cookie: session=; Max-Age=0; Path=/\\r\\n' ;;
"GET /home "*session={secret}*) answer 200 '' '<p>Signed in</p><a href=/logout>Log out</a>' ;;
*) answer 303 'Location: /login\\r\\n' ;;
esac
"""
"""A program of the shell for each page, as small devices have it."""


def sshd(folder: Path, accounts: Mapping[str, str]) -> None:
    """Start OpenSSH in this network namespace, with these accounts alone beside the system's. Needs root."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key")], check=True)
    _run_sshd(folder, _SSHD, _own_accounts(folder, accounts))


def weak_sshd(folder: Path) -> None:
    """Start OpenSSH with much that is weak: keys of 1024 bits, a group of 1024 bits, SHA-1, MD5, CBC. Needs root."""
    for kind, bits in (("rsa", 1024), ("dsa", 1024), ("ecdsa", 256), ("ed25519", 256)):
        key = ["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(folder / kind)]
        subprocess.run(key, check=True, stderr=subprocess.PIPE)
    _run_sshd(folder, _WEAK_SSHD, [])


def _run_sshd(folder: Path, settings: str, mounts: Sequence[str]) -> None:
    """Start OpenSSH with these settings; nothing limits how often one address connects."""
    program = tool("sshd", "openssh-server")
    if os.getuid() or Path("/proc/self/uid_map").read_text().split()[:2] != ["0", "0"]:
        raise BenchError("sshd separates its privileges, and this user cannot.", "Run this row as root.")
    file = folder / "sshd_config"
    file.write_text(settings.format(folder=folder) + "PerSourcePenalties no\n")
    # Before its version 9.8 OpenSSH knows no penalties, and refuses the line.
    commands = [*mounts, "mount -t tmpfs tmpfs /run", "mkdir -m 755 /run/sshd"]
    check = f"{program} -t -f {file} 2>{folder}/unknown || sed -i /PerSource/d {file}"
    start(" && ".join([*commands, f"{{ {check}; }}", f"exec {program} -D -e -f {file}"]), folder, SSH_PORT)


def ftp(folder: Path, accounts: Mapping[str, str]) -> None:
    """Start vsftpd in this network namespace, with these accounts and no others but the system's. Needs root."""
    program = tool("vsftpd", "vsftpd")
    (folder / "pam").write_text(_PAM)
    (folder / "empty").mkdir()
    settings = folder / "vsftpd.conf"
    settings.write_text(_VSFTPD.format(folder=folder))
    mounts = [*_own_accounts(folder, accounts), f"mount --bind {folder}/pam /etc/pam.d/vsftpd"]
    start(" && ".join([*mounts, f"{program} {settings}; exit 1"]), folder, FTP_PORT)


def telnet(folder: Path, accounts: Mapping[str, str]) -> None:
    """Start telnetd with login(1) in this network namespace, which pauses three seconds after a wrong password."""
    program, telnetd = tool("inetutils-inetd", "inetutils-inetd"), tool("telnetd", "inetutils-telnetd")
    (folder / "pam").write_text(_PAM.replace(" nodelay", ""))
    (folder / "inetd.conf").write_text(f"telnet stream tcp nowait root {telnetd} telnetd\n")
    mounts = [*_own_accounts(folder, accounts), f"mount --bind {folder}/pam /etc/pam.d/login"]
    mounts.append("mount -t tmpfs tmpfs /run")
    start(" && ".join([*mounts, f"exec {program} -d -R 0 {folder}/inetd.conf"]), folder, TELNET_PORT)


def _own_accounts(folder: Path, accounts: Mapping[str, str]) -> list[str]:
    """Write the system's accounts and these ones into a folder. Return the commands that mount them."""
    passwd, shadow = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
    for number, (user, password) in enumerate(accounts.items(), 60_001):
        passwd += f"{user}:x:{number}:65534::/:/bin/sh\n"
        shadow += f"{user}:{_digest(password)}:20000::::::\n"
    (folder / "passwd").write_text(passwd)
    (folder / "shadow").write_text(shadow)
    (folder / "shadow").chmod(0o600)
    return [f"mount --bind {folder}/{name} /etc/{name}" for name in ("passwd", "shadow")]


def web(folder: Path, accounts: Mapping[str, str]) -> None:
    """Start lighttpd in this network namespace, with a login form for these accounts (letters and digits alone)."""
    program = tool("lighttpd", "lighttpd")
    known = "|".join(f"'username={user}&password={password}'" for user, password in accounts.items())
    pages = folder / "pages"
    pages.mkdir()
    secret = os.urandom(8).hex()
    for page in ("login", "logout", "home"):
        (pages / page).write_text(_PAGES.format(accounts=known, form=_FORM, secret=secret))
    (folder / "lighttpd.conf").write_text(_LIGHTTPD.format(folder=folder))
    start(f"exec {program} -D -f {folder}/lighttpd.conf", folder, HTTP_PORT)


def weak_tls(folder: Path) -> None:
    """Start lighttpd with much that is weak in TLS: old versions, weak suites, short keys, a signature with SHA-1."""
    program, openssl = tool("lighttpd", "lighttpd"), tool("openssl", "openssl")
    pem = folder / "server.pem"
    request = [openssl, "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-sha1", "-days", "9", "-subj", "/CN=device"]
    subprocess.run([*request, "-keyout", str(pem), "-out", str(folder / "leaf.pem")], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (folder / "leaf.pem").read_text())
    group = [openssl, "dhparam", "-dsaparam", "-out", str(folder / "group.pem"), "1024"]
    subprocess.run(group, check=True, capture_output=True)
    (folder / "pages").mkdir()
    (folder / "lighttpd.conf").write_text(_WEAK_TLS.format(folder=folder))
    start(f"exec {program} -D -f {folder}/lighttpd.conf", folder, HTTPS_PORT)


def _digest(password: str) -> str:
    """Hash a password as glibc's crypt(3) does with SHA-512."""
    command = [tool("openssl", "openssl"), "passwd", "-6", "-stdin"]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def start(script: str, folder: Path, port: int) -> None:
    """Run a script in namespaces of its own, which end with it, and it with this process; wait until it answers."""
    command = [tool("unshare", "util-linux"), "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=partial(syscalls.die_with_parent, os.getpid()),
        )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((DEVICE_ADDRESS, port), 1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    said = textwrap.shorten((folder / "output").read_text(errors="replace"), 500)
    raise BenchError(f"{script.split()[-4:]} did not come up: {said or 'it said nothing'}.")
