"""What an account can read, by real shells behind an SSH server: what is found, refused, and what proves nothing.

Where the tests run as root, the shell runs as nobody, since root is refused nothing.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import pytest

from drivers.data import table
from drivers.network.logins.ssh import SshDoor
from drivers.storage import permissions, readable_script
from drivers.storage.permissions import SEARCH, ReadableSecrets, ReadSecretFiles
from tests.drivers.network.logins.ssh_servers import Rules, _Transport, ssh_server
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder

NOBODY = 65534
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n"
ENCRYPTED = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HASH = "$5$" + "a" * 16 + "$" + "b" * 43
APPLETS = ("dd", "find", "grep", "id", "ls", "sh", "wc")
BUSYBOX = shutil.which("busybox")


@dataclass
class Account(Rules):
    """An account whose commands a real shell runs, with something said or defined before."""

    shell: tuple[str, ...] = ("sh", "-c")
    before: str = ""
    path: str = os.defpath
    home: str = "/nonexistent"
    commands: list[str] = field(default_factory=list)

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        transport = channel.get_transport()
        assert isinstance(transport, _Transport)
        transport.replied.wait(10)
        self.commands.append(command.decode())
        other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [*self.shell, f"{self.before}\n{command.decode()}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": self.path, "HOME": self.home},
            check=False,
            **other,
        )
        self.send(channel, done.stdout, done.returncode)

    def send(self, channel: paramiko.Channel, output: bytes, status: int) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            channel.sendall(output)
            channel.send_exit_status(status)
            channel.close()


class Device:
    """A folder that is the whole file system of a device: everybody may enter it, and no program lies in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.file("etc/hostname", "hub\n")

    def file(self, name: str, content: str = KEY, mode: int = 0o644) -> str:
        path = self.root / name
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(mode=0o755)
                folder.chmod(0o755)
        path.write_text(content)
        path.chmod(mode)
        return str(path)

    def home(self, name: str) -> str:
        """Make a file of the account's own."""
        path = self.file(name, mode=0o600)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        return path

    def asked(
        self, *files: str, account: Account | None = None, record: MemoryRecorder | None = None
    ) -> ReadableSecrets:
        with ssh_server(account or Account()) as port:
            probe = ReadSecretFiles(SshDoor(LOOPBACK, port, "ssh"), "service", "right", files, 30.0)
            return probe.run(record or MemoryRecorder())


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    # not tmp_path: nobody else may enter that
    with tempfile.TemporaryDirectory(prefix="device-") as folder:
        Path(folder).chmod(0o755)
        data = table("secret_files") | {"roots": [folder], "programs": [f"{folder}/usr"]}
        monkeypatch.setattr(readable_script, "table", lambda _: data)
        yield Device(Path(folder))


@pytest.fixture(params=["sh", "bash", "busybox"])
def account(request: pytest.FixtureRequest, device: Device) -> Account:
    if request.param != "busybox":
        return Account(shell=(request.param, "-c"))
    if BUSYBOX is None:
        pytest.skip("there is no busybox")
    folder = device.root / "usr" / "applets"
    folder.mkdir(parents=True)
    for applet in APPLETS:
        (folder / applet).symlink_to(BUSYBOX)
    return Account(shell=(BUSYBOX, "sh", "-c"), path=str(folder))


def witness(found: ReadableSecrets) -> str:
    assert found.witness is not None
    return found.witness.what


def test_files_that_only_their_owner_may_read_are_refused_and_the_silence_holds(
    device: Device, account: Account
) -> None:
    secret = device.file("run/tls_key.pem", mode=0o000)
    found = device.asked(secret, account=account)
    assert found.refused == {secret}
    assert found.detail(secret).endswith("Permission denied")
    assert not found.seen
    assert found.conclusive, witness(found)
    assert "the search found 1 readable files by name and 1 by content" in witness(found)


def test_a_declared_file_that_can_be_read_is_seen_with_its_mode(device: Device, account: Account) -> None:
    secret = device.file("run/token", "a token that no pattern knows")
    found = device.asked(secret, account=account)
    assert found.seen == {secret}
    assert found.detail(secret).startswith("declared secret: -rw-r--r--, owner ")


def test_what_nobody_declared_is_found_by_name_and_by_content(device: Device, account: Account) -> None:
    secrets = {
        device.file("usr/share/debug.pem"),
        device.file("data/notes.txt", f"# key below\n{KEY}"),
        device.file("data/users.json", f'{{"admin": "{HASH}"}}'),
        device.file("etc/shadow", f"root:{HASH}:19000::::::\n"),
        device.file("etc/passwd-", "root:abJnggxhB/yWI:0:0:root:/root:/bin/sh\n"),
        device.file("etc/wpa_supplicant.conf", 'network={\n  ssid="home"\n  psk="correct horse"\n}\n'),
        device.file("etc/dropbear/dropbear_ed25519_host_key", "\0\0\0\x0bssh-ed25519"),
        device.file("etc/store.p12", "0"),
    }
    found = device.asked(account=account)
    assert found.seen == secrets
    assert found.detail(f"{device.root}/usr/share/debug.pem").startswith("private key: -rw-r--r--, owner ")


def test_what_holds_no_secret_is_no_finding(device: Device, account: Account) -> None:
    device.file("etc/ssl/server.pem", CERTIFICATE)
    device.file("etc/ssl/root.key", "-----BEGIN PUBLIC KEY-----\nMIIB\n")
    device.file("etc/ssl/locked.pem", f"{ENCRYPTED}\nMIIB\n")
    device.file("etc/ssl/locked2.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n")
    device.file("etc/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA hub\n")
    device.file("etc/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI\n")
    device.file("etc/shadow", "root:!:19000::::::\ndaemon:*:19000::::::\n")
    device.file("etc/wpa_supplicant.conf", '# psk="an example"\nnetwork={\n  key_mgmt=NONE\n}\n')
    device.file("etc/cacerts.jks", "0")
    device.file("etc/pwfile.example", f"roger:{HASH}\n")
    device.file("usr/share/doc/example.txt", KEY)
    device.file("data/large.bin", KEY + "x" * 40_000)
    found = device.asked(account=account)
    assert not found.seen
    assert found.conclusive, witness(found)


@pytest.mark.parametrize(
    "name", ["a\nb.pem", 'it\'s "quoted" $(id) `id`.pem', "-n.pem", "\x1b[2Jx.pem", "x.pem\n", " .pem", "*.pem"]
)
def test_a_hostile_name_is_one_finding_that_no_terminal_interprets(device: Device, account: Account, name: str) -> None:
    device.file(f"data/{name}" if not name.endswith("\n") else "data/id_rsa")
    if name.endswith("\n"):
        (device.root / "data" / "id_rsa").rename(device.root / "data" / name)
    (path,) = device.asked(account=account).seen
    assert path.isprintable()
    assert path == f"{device.root}/data/" + name.replace("\n", r"\n").replace("\x1b", r"\x1b")


def test_a_declared_path_is_quoted(device: Device, account: Account) -> None:
    secret = device.file("run/it's $(touch here) `id`;", "secret")
    assert device.asked(secret, account=account).seen == {secret}


def test_a_name_that_ends_like_a_refusal_is_not_taken_for_one(device: Device) -> None:
    found = device.asked(f"{device.root}/: Permission denied")
    assert found.silent >= {f"{device.root}/: Permission denied"}


def test_no_content_of_a_file_leaves_the_device(device: Device) -> None:
    record = MemoryRecorder()
    declared = device.file("run/token", "hunter2hunter2")
    device.file("data/key.pem")
    found = device.asked(declared, record=record)
    assert len(found.seen) == 2
    kept = b"".join(record.kept.values()).decode() + "".join(record.notes) + found.model_dump_json()
    assert "hunter2" not in kept
    assert "MC4CAQ" not in kept


def test_the_accounts_own_key_in_its_home_is_noted_and_no_finding(device: Device) -> None:
    record = MemoryRecorder()
    device.home("home/service/.ssh/id_ed25519")
    device.file("home/other/id_ed25519")
    found = device.asked(account=Account(home=f"{device.root}/home/service"), record=record)
    assert found.seen == {f"{device.root}/home/other/id_ed25519"}
    assert any("/home/service/.ssh/id_ed25519" in note for note in record.notes)


def test_a_home_that_is_the_whole_file_system_excuses_nothing(device: Device) -> None:
    own = device.home("data/id_ed25519")
    assert device.asked(account=Account(home="/")).seen == {own}


def test_a_declared_file_that_is_not_there_is_silent_and_proves_nothing(device: Device, account: Account) -> None:
    found = device.asked(f"{device.root}/run/nothing", account=account)
    assert f"{device.root}/run/nothing" in found.silent
    assert not found.conclusive
    assert "/run/nothing is declared, but was not found" in witness(found)


def test_a_pipe_that_is_declared_is_not_waited_for(device: Device) -> None:
    os.mkfifo(device.root / "pipe", 0o666)
    found = device.asked(f"{device.root}/pipe")
    assert found.detail(f"{device.root}/pipe") == "it is not a regular file"
    assert not found.conclusive


def test_an_empty_file_is_silent(device: Device) -> None:
    empty = device.file("run/key", "")
    found = device.asked(empty)
    assert found.detail(empty).startswith("it is empty: -rw-r--r--")
    assert not found.conclusive


def test_an_administrator_proves_nothing_in_either_direction(device: Device) -> None:
    secret = device.file("run/key.pem")
    found = device.asked(secret, account=Account(before="id() { echo 0; }"))
    assert not found.seen
    assert not found.conclusive
    assert "administrator" in witness(found)


def test_an_account_that_the_shell_cannot_name_proves_nothing_in_either_direction(device: Device) -> None:
    found = device.asked(device.file("run/key.pem"), account=Account(before="id() { return 127; }"))
    assert found.shell
    assert not found.seen
    assert not found.conclusive
    assert "does not show the uid" in witness(found)


@pytest.mark.parametrize(
    "find", ["find() { return 127; }", "find() { echo 'find: unrecognized: -exec +'; return 1; }", "find() { exit 1; }"]
)
def test_without_a_search_the_declared_files_are_asked_and_silence_proves_nothing(device: Device, find: str) -> None:
    secret = device.file("run/key.pem", mode=0o000)
    found = device.asked(secret, account=Account(before=find))
    assert found.refused == {secret}
    assert not found.conclusive
    assert "search" in witness(found)


def test_a_grep_that_knows_no_such_expressions_proves_nothing(device: Device) -> None:
    found = device.asked(account=Account(before="grep() { return 2; }"))
    assert not found.conclusive
    assert "grep does not find password file" in witness(found)


def test_a_device_on_which_nothing_can_be_read_proves_nothing(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "CONTROLS", ("/nothing", "/nowhere"))
    monkeypatch.setattr(readable_script, "CONTROLS", ("/nothing", "/nowhere"))
    found = device.asked()
    assert not found.conclusive
    assert "neither /nothing nor /nowhere could be read" in witness(found)


class Says(Account):
    """A command line that is no shell, or does not behave."""

    def __init__(self, output: bytes, *, times: int = 1, dies: bool = False) -> None:
        super().__init__()
        self.says, self.times, self.dies = output, times, dies

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        transport = channel.get_transport()
        assert isinstance(transport, _Transport)
        transport.replied.wait(10)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            for _ in range(self.times):
                channel.sendall(self.says.replace(b"COMMAND", command))
        if self.dies:
            transport.close()
        else:
            self.send(channel, b"", 1)


def test_a_command_line_that_is_no_shell_is_told_apart(device: Device) -> None:
    found = device.asked("/etc/key", account=Says(b"unknown command\x1b[2J\n"))
    assert not found.shell
    assert found.instead == r"unknown command\x1b[2J"
    assert found.silent == {"/etc/key", SEARCH}
    assert not found.conclusive


def test_a_command_line_that_echoes_what_was_typed_is_no_shell(device: Device) -> None:
    found = device.asked("/etc/key", account=Says(b"COMMAND: not found\n"))
    assert not found.shell
    assert not found.seen


def test_output_without_an_end_is_cut_and_proves_nothing(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "OUTPUT_BYTES", 50_000)
    found = device.asked("/etc/key", account=Says(b"A" * 10_000, times=100))
    assert not found.conclusive
    assert not found.instead
    assert "wrote too much" in witness(found)


def test_a_connection_that_dies_proves_nothing(device: Device) -> None:
    found = device.asked("/etc/key", account=Says(b"hello", dies=True))
    assert not found.conclusive
    assert not found.instead
    assert "did not finish" in witness(found)


def test_what_was_seen_before_the_search_ended_early_stands(device: Device) -> None:
    secret = device.file("run/key.pem")
    found = device.asked(secret, account=Account(before="find() { exit 1; }"))
    assert found.seen == {secret}


class Dying(Account):
    """The connection dies in the middle of the search."""

    def send(self, channel: paramiko.Channel, output: bytes, status: int) -> None:
        channel.sendall(output[: output.index(b" count ")])
        channel.get_transport().close()


def test_what_was_seen_before_the_connection_died_stands(device: Device) -> None:
    secret, gone = device.file("run/key.pem"), f"{device.root}/run/gone"
    found = device.asked(secret, gone, account=Dying())
    assert found.seen == {secret}
    assert found.silent == {gone, SEARCH}
    assert found.detail(SEARCH) == "the search did not end"
    assert not found.conclusive
    assert "did not finish" in witness(found)


def test_an_account_that_cannot_log_in_proves_nothing(device: Device) -> None:
    found = device.asked("/etc/key", account=Account(password="another"))
    assert not found.conclusive
    assert not found.instead
    assert "service cannot log in to ssh: USERAUTH_FAILURE" in witness(found)


def test_many_findings_are_counted_and_some_are_named(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "_MOST", 3)
    for number in range(5):
        device.file(f"data/{number}.pem")
    found = device.asked()
    assert len(found.seen) == 3
    assert "5 readable files" in found.detail(SEARCH)


def test_the_script_for_the_longest_declaration_is_short_enough_for_dropbear() -> None:
    longest = readable_script.script(readable_script.new_mark(), [f"/{'x' * 199}"] * 20)
    assert len(longest) < 9_000  # MAX_CMD_LEN of its sysoptions.h


def test_each_kind_with_a_content_has_an_example_of_it() -> None:
    for kind in readable_script.kinds():
        assert bool(kind.content) == bool(kind.example), kind.about
        assert kind.names or kind.everywhere, kind.about
