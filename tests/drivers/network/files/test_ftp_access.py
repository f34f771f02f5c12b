"""Writing over FTP, on pyftpdlib: its anonymous user, its permissions, and its TLS."""

import socket
from pathlib import Path

import pytest

from drivers.network.files.ftp_access import AskFtpWriting
from drivers.network.logins.ftp import FtpDoor
from tests.drivers.network.files.ftp_server import EVERYTHING, READ, STORE, ftp_server, users, users_of_one_folder
from tests.drivers.network.logins.login_servers import Ftp, line_of, threaded
from tests.drivers.network.loopback_servers import closed_port
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Fact, Observation


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def ask(port: int, *, may_write: bool = True) -> Observation:
    door = FtpDoor(LOOPBACK, port, f"tcp-{port}")
    return AskFtpWriting(LOOPBACK, (door,), may_write).run(MemoryRecorder())


def fact_of(port: int, *, may_write: bool = True) -> Fact:
    observation = ask(port, may_write=may_write)
    assert [fact.about for fact in observation.facts] == [f"tcp/{port}"]
    return observation.facts[0]


def files(root: Path) -> list[str]:
    return [one.name for one in root.rglob("*") if one.is_file()]


def test_a_marker_that_everybody_may_store_is_found_and_removed_again(root: Path) -> None:
    with ftp_server(users(root, EVERYTHING)) as port:
        fact = fact_of(port)
    assert fact.answer is Answer.SEEN
    assert fact.detail.startswith("anonymous stores trustprobe-") and fact.detail.endswith("The file was removed again")
    assert files(root) == []


def test_the_second_usual_name_is_tried(root: Path) -> None:
    with ftp_server(users(root, EVERYTHING, "ftp")) as port:
        assert fact_of(port).detail.startswith("ftp stores trustprobe-")


@pytest.mark.parametrize("folder", ["incoming", "pub/incoming", "Dropbox of the team"])
def test_a_marker_is_stored_in_usual_folders_and_in_those_that_the_server_lists(root: Path, folder: str) -> None:
    (root / folder).mkdir(parents=True)

    with ftp_server(users_of_one_folder(root, root / folder)) as port:
        fact = fact_of(port)
    assert fact.answer is Answer.SEEN and fact.detail.startswith(f"anonymous stores {folder}/trustprobe-")
    assert files(root) == []


def test_a_marker_that_cannot_be_removed_is_named(root: Path) -> None:
    with ftp_server(users(root, STORE)) as port:
        fact = fact_of(port)
    (left,) = files(root)
    assert fact.answer is Answer.SEEN and left in fact.detail
    assert "does not remove it (DELE: 550" in fact.detail


def test_a_server_that_only_gives_files_refuses(root: Path) -> None:
    (root / "pub").mkdir()
    with ftp_server(users(root, READ)) as port:
        observation = ask(port)
    assert observation.conclusive and observation.refused
    assert "STOR is refused in 10 folders (10 x 550)" in observation.facts[0].detail


def test_a_server_without_an_anonymous_user_refuses_in_its_own_words(root: Path) -> None:
    with ftp_server(users(root, None)) as port:
        observation = ask(port)
    assert observation.conclusive and observation.refused
    assert observation.facts[0].detail.startswith("anonymous: 530 ")


def test_without_permission_nothing_is_written(root: Path) -> None:
    with ftp_server(users(root, EVERYTHING)) as port:
        observation = ask(port, may_write=False)
    assert observation.silent and not observation.conclusive
    assert "the bench does not allow configure" in observation.unproven
    assert files(root) == []


def test_a_server_that_requires_tls_is_written_to_inside_tls(root: Path) -> None:
    with ftp_server(users(root, EVERYTHING), root.parent / "server.pem") as port:
        fact = fact_of(port)
    assert fact.answer is Answer.SEEN and "removed again" in fact.detail
    assert files(root) == []


class Replies:
    """A server with a reply for each command; `{port}` accepts data, and `{halves}` is how PASV writes it."""

    def __init__(self, replies: dict[str, str]) -> None:
        self._replies = replies

    def __call__(self, connection: socket.socket) -> None:
        with threaded(received) as port:
            halves = f"{port // 256},{port % 256}"
            connection.sendall(b"220 ready\r\n")
            while True:
                word = line_of(connection).decode().split(" ")[0]
                reply = self._replies.get(word, "200 fine").format(port=port, halves=halves)
                connection.sendall(reply.encode() + b"\r\n")


def received(data: socket.socket) -> None:
    while data.recv(4_096):
        pass


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"USER": "230 in", "STOR": "452 full", "EPSV": "229 (|||{port}|)"}, "452 full"),
        ({"USER": "230 in", "EPSV": "500 what", "PASV": "502 what"}, "no data connection: 502 what"),
        ({"USER": "421 too many users"}, "the answer to the login of anonymous is 421"),
        ({"USER": "530 too many connections"}, "530 too many connections"),
        ({"USER": "nonsense"}, "not a reply of FTP"),
    ],
)
def test_what_says_nothing_about_the_right_to_write_leaves_it_open(replies: dict[str, str], words: str) -> None:
    with threaded(Replies(replies)) as port:
        observation = ask(port)
    assert observation.silent and not observation.conclusive
    assert words in observation.unproven


def test_data_goes_to_the_device_whatever_address_it_names() -> None:
    passive = "227 Entering Passive Mode (192,0,2,1,{halves})"
    replies = {"USER": "230 in", "EPSV": "500 no", "PASV": passive, "STOR": "150 go on\r\n226 stored", "LIST": "550 no"}
    with threaded(Replies(replies)) as port:
        assert fact_of(port).answer is Answer.SEEN


def test_a_closed_port_is_refused() -> None:
    observation = ask(closed_port())
    assert observation.refused and observation.conclusive


def test_the_login_of_the_tests_refuses_as_well() -> None:
    with threaded(Ftp()) as port:
        assert fact_of(port).answer is Answer.REFUSED
