import os
from pathlib import Path

import pytest

from drivers.documents.file import (
    LARGEST,
    Document,
    MalformedError,
    contradicted,
    element,
    lacking,
    missing,
    read_document,
)
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Observation


def test_a_document_that_was_read_whole_is_its_own_witness(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    document = read_document(tmp_path, "a.txt", MemoryRecorder())
    assert document.witness.holds
    assert "3 octets" in document.witness.what
    assert "ba7816bf" in document.witness.what


def test_a_document_that_is_not_there_is_a_mistake_of_the_declaration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_document(tmp_path, "a.txt", MemoryRecorder())


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", "utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigurationError, match="is outside"):
        read_document(inner, "a.txt", MemoryRecorder())


def test_a_pipe_is_no_document_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        read_document(tmp_path, "a.txt", MemoryRecorder())


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read_document(tmp_path, "a.txt", MemoryRecorder())


def test_a_device_file_is_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("/dev/zero")
    with pytest.raises(ConfigurationError, match="is outside"):
        read_document(tmp_path, "a.txt", MemoryRecorder())


def test_a_document_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ConfigurationError, match="is larger than"):
        read_document(tmp_path, "a.txt", MemoryRecorder())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 80 + b"1" + b"}" * 80, "nested too deeply"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "."),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b"{", "not JSON: line 1"),
        (b"", "not JSON"),
    ],
)
def test_hostile_json_is_a_finding_and_no_crash(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        Document("a.json", data).json()


def test_a_reason_that_several_elements_share_is_given_once() -> None:
    facts = (contradicted("a", "broken"), element("b", "x"), missing("c", "absent"), contradicted("d", "broken"))
    read = Observation(question="?", facts=facts)
    assert lacking(read, ("a", "b", "c", "d")) == "a, d: broken; c: absent"
    assert lacking(read, ("b",)) == ""
