"""Reading and writing over TFTP, on the server of tftpy and on packets that are made up."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tftpy import TftpServer  # type: ignore[import-untyped]

from drivers.network.files import tftp
from drivers.network.files.tftp import AskTftp
from tests.drivers.network.loopback_servers import udp_server
from tests.drivers.network.tcp_servers import LOOPBACK
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.probe import Answer, Observation

NOT_FOUND, DENIED, FULL = b"\0\5\0\1no such file\0", b"\0\5\0\2access violation\0", b"\0\5\0\3disk full\0"
Reply = Callable[[bytes], bytes | None]


@contextmanager
def server(root: Path, *, may_write: bool = True) -> Iterator[int]:
    """Serve a folder by tftpy on loopback."""
    logging.getLogger("tftpy").setLevel(logging.CRITICAL)
    refuse: Any = None if may_write else (lambda _path, _context: None)
    served = TftpServer(str(root), upload_open=refuse)
    thread = threading.Thread(target=served.listen, args=("127.0.0.1", 0, 0.05), daemon=True)
    thread.start()
    assert served.is_running.wait(10)
    try:
        yield served.listenport
    finally:
        served.stop(now=True)
        thread.join(10)


@contextmanager
def made_up(reply: Reply) -> Iterator[int]:
    """Answer each request from the port that it came to."""

    def handle(data: bytes, send: Callable[[bytes], object]) -> None:
        if (packet := reply(data)) is not None:
            send(packet)

    with udp_server(handle) as port:
        yield port


def ask(port: int, *, may_write: bool = True) -> tuple[Observation, Observation]:
    asked = AskTftp(LOOPBACK, (port,), may_write).run(MemoryRecorder())
    return asked.about(f"udp/{port} reading"), asked.about(f"udp/{port} writing")


def test_a_file_that_everybody_may_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "startup-config").write_text("hostname tower\n" * 100)
    (tmp_path / "pxelinux.cfg").mkdir()
    (tmp_path / "pxelinux.cfg" / "default").write_text("label tower\n")
    with server(tmp_path) as port:
        record = MemoryRecorder()
        fact = AskTftp(LOOPBACK, (port,), may_write=False).run(record).facts[0]
    assert fact.answer is Answer.SEEN
    assert fact.detail == (
        "gives startup-config (512 octets in the first block), pxelinux.cfg/default (12 octets in the first block)"
    )
    assert (b"hostname tower\n" * 100)[:512] in record.kept.values()


def test_a_server_that_accepts_a_new_file_is_found_before_data_is_sent(tmp_path: Path) -> None:
    with server(tmp_path) as port:
        reading, writing = ask(port)
    assert reading.refused and reading.conclusive
    assert writing.seen
    assert "accepts the request to write trustprobe-" in writing.facts[0].detail
    assert all(one.stat().st_size == 0 for one in tmp_path.rglob("*") if one.is_file())


def test_a_server_without_such_files_that_accepts_no_new_one_refuses(tmp_path: Path) -> None:
    with server(tmp_path, may_write=False) as port:
        for asked in ask(port):
            assert asked.refused and asked.conclusive


def test_without_permission_nothing_is_written(tmp_path: Path) -> None:
    with server(tmp_path) as port:
        _, writing = ask(port, may_write=False)
    assert not writing.conclusive and "does not allow configure" in writing.unproven
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_server_removed_after_the_end_of_the_transfer_is_not_reported_as_left() -> None:
    with made_up(lambda data: b"\0\4\0\0" if data[:2] == b"\0\2" else NOT_FOUND) as port:
        _, writing = ask(port)
    assert writing.facts[0].detail.endswith("No data was sent; no file remained")


def test_a_write_request_is_tried_in_the_folders_of_servers_without_a_root() -> None:
    def only_there(data: bytes) -> bytes:
        return b"\0\4\0\0" if data.startswith(b"\0\2/tftpboot/") else DENIED

    with made_up(only_there) as port:
        _, writing = ask(port)
    assert "write /tftpboot/trustprobe-" in writing.facts[0].detail


@pytest.mark.parametrize("error", [NOT_FOUND, DENIED, b"\0\5\0\0go away\0", b"\0\5\0\4not here", b"\0\5\0\1"])
def test_an_error_to_each_request_is_a_refusal_in_the_devices_bytes(error: bytes) -> None:
    with made_up(lambda _: error) as port:
        for asked in ask(port):
            assert asked.refused and asked.conclusive


@pytest.mark.parametrize("packet", [FULL, b"\0\5\0\0server busy\0", b"", b"\0\3", b"hello", b"\0\6blksize\0", None])
def test_what_says_nothing_about_the_right_leaves_it_open(
    packet: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tftp, "SECONDS", 0.02)
    with made_up(lambda _: packet) as port:
        for asked in ask(port):
            assert asked.silent and not asked.conclusive


def test_a_server_that_gives_the_same_for_each_name_gives_no_file() -> None:
    with made_up(lambda data: b"\0\3\0\1hello" if data[:2] == b"\0\1" else DENIED) as port:
        reading, writing = ask(port)
    assert reading.silent and not reading.conclusive
    assert writing.refused


def test_silence_to_some_names_is_proven_by_the_answers_to_a_name_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tftp, "SECONDS", 0.5)
    monkeypatch.setattr(tftp, "FOLDERS", ("",))
    with made_up(lambda data: None if b"passwd" in data or data[:2] == b"\0\2" else NOT_FOUND) as port:
        reading, writing = ask(port)
    assert reading.silent and reading.conclusive
    assert writing.silent and not writing.conclusive
    assert "No witness answered a TFTP request for writing" in writing.unproven


def test_a_closed_port_is_refused_by_icmp() -> None:
    for asked in ask(free_port(kind=socket.SOCK_DGRAM)):
        assert asked.refused and "ICMP" in asked.facts[0].detail
