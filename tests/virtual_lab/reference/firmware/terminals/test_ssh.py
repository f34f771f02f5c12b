import socket
import struct

import paramiko
import pytest

from tests.virtual_lab.reference.firmware.camera import SECONDS, Camera, read_until
from tests.virtual_lab.reference.firmware.conftest import Build

_MODERN = {
    "kex": {"curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "diffie-hellman-group16-sha512",
            "mlkem768x25519-sha256", "kex-strict-s-v00@openssh.com"},
    "host_key": {"ssh-ed25519"},
    "cipher": {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes128-ctr"},
    "mac": {"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512", "hmac-sha2-256"},
}  # fmt: skip


@pytest.fixture(scope="module")
def planted(build: Build) -> Camera:
    camera = build("ssh_weak_kex", "ssh_weak_cipher", "ssh_weak_mac", "ssh_weak_host_key", "ssh_root_root")
    camera.start()
    return camera


def kexinit(camera: Camera) -> dict[str, set[str]]:
    """Read the algorithms of the server's KEXINIT (RFC 4253, 7.1) and go away."""
    with camera.connect("tcp/22") as sock, sock.makefile("rb") as stream:
        assert stream.readline() == b"SSH-2.0-HalcyonSSH\r\n"
        sock.sendall(b"SSH-2.0-test\r\n")
        length, padding, kind = struct.unpack(">IBB", stream.read(6))
        assert kind == 20
        lists = stream.read(length - 2)[16 : -padding or None]
    names, offset = [], 0
    for _ in range(6):
        (size,) = struct.unpack_from(">I", lists, offset)
        names.append(set(lists[offset + 4 : offset + 4 + size].decode().split(",")))
        offset += 4 + size
    return {"kex": names[0], "host_key": names[1], "cipher": names[3], "mac": names[5]}


def test_a_hardened_device_offers_modern_algorithms_only(camera: Camera) -> None:
    offered = kexinit(camera)

    assert all(offered[kind] and offered[kind] <= _MODERN[kind] for kind in _MODERN)


def test_planted_algorithms_are_offered_beside_the_modern_ones(camera: Camera, planted: Camera) -> None:
    hardened, offered = kexinit(camera), kexinit(planted)

    assert offered["kex"] - hardened["kex"] == {"diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"}
    assert offered["host_key"] - hardened["host_key"] == {"ssh-rsa", "ssh-dss"}
    assert offered["cipher"] - hardened["cipher"] == {"3des-cbc", "aes128-cbc"}
    assert offered["mac"] - hardened["mac"] == {"hmac-md5", "hmac-sha1", "hmac-sha1-96"}


@pytest.mark.parametrize("weak", [False, True])
def test_the_service_account_runs_its_commands(camera: Camera, planted: Camera, weak: bool) -> None:
    device = planted if weak else camera
    with device.ssh("service", device.label.service_password) as client:
        answers = [client.exec_command(line)[1].read() for line in ("id", "cat /etc/version", "uname -a")]
        _, shadow, _ = client.exec_command("cat /etc/shadow")
        assert shadow.read() == b"cat: /etc/shadow: Permission denied\n"
        assert shadow.channel.recv_exit_status() == 1

    assert answers[:2] == [b"uid=1000(service) gid=1000(service)\n", b"1.4.0\n"]
    assert answers[2].startswith(b"Linux halcyon ")


def test_the_shell_shows_a_prompt_and_can_be_left(camera: Camera) -> None:
    with camera.ssh("service", camera.label.service_password) as client:
        channel = client.invoke_shell()
        channel.settimeout(SECONDS)
        prompt = b"service@halcyon:~$ "
        assert read_until(channel, prompt) == prompt
        channel.sendall(b"id\r")
        assert read_until(channel, prompt) == b"id\r\nuid=1000(service) gid=1000(service)\r\n" + prompt
        channel.sendall(b"exit\r")
        assert channel.recv_exit_status() == 0


@pytest.mark.parametrize("user", ["service", "root", "admin"])
def test_a_wrong_password_is_an_ordinary_refusal(camera: Camera, user: str) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        camera.ssh(user, "root")


def test_the_third_wrong_password_ends_the_connection(camera: Camera) -> None:
    with camera.connect("tcp/22") as sock:
        transport = paramiko.Transport(sock)
        transport.start_client(timeout=SECONDS)
        for _ in range(2):
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_password("service", "wrong", fallback=False)
            assert transport.is_active()
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password("service", "wrong", fallback=False)
        transport.join(SECONDS)
        assert not transport.is_active()


def test_root_gets_in_with_a_planted_password_and_only_with_it(planted: Camera) -> None:
    with planted.ssh("root", "root") as client:
        assert client.exec_command("id")[1].read() == b"uid=0(root) gid=0(root)\n"
    with pytest.raises(paramiko.AuthenticationException):
        planted.ssh("root", "toor")


def test_strangers_on_the_port_harm_nothing(camera: Camera) -> None:
    for opening in (b"", b"\0" * 4096, b"SSH-2.0-x\r\n" + b"\xff" * 64, b"SSH-1.0-x\r\n"):
        with camera.connect("tcp/22") as sock:
            sock.sendall(opening)
            sock.shutdown(socket.SHUT_WR)
    reset = camera.connect("tcp/22")
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()

    with camera.ssh("service", camera.label.service_password) as client:
        assert client.exec_command("id")[1].read() == b"uid=1000(service) gid=1000(service)\n"
