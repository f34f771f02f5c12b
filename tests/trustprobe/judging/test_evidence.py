"""What a probe leaves behind: files with safe names and limits, without secrets."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from reports.redaction import Redactor
from tests.trustprobe.judging.made_up_run import SECRET, saw
from trustprobe.errors import BenchError
from trustprobe.judging import evidence
from trustprobe.judging.evidence import EvidenceFolder, safe_name
from trustprobe.probe import Answer


@pytest.fixture
def told() -> list[tuple[object, ...]]:
    return []


@pytest.fixture
def folder(tmp_path: Path, told: list[tuple[object, ...]]) -> EvidenceFolder:
    def report(*given: object) -> None:
        told.append(given)

    return EvidenceFolder(tmp_path / "run" / "01-look", Redactor({"admin": SECRET}), "look", report)


def test_a_name_is_safe_whatever_the_device_says() -> None:
    assert safe_name("tls_versions.443") == "tls_versions.443"
    assert safe_name("../../etc/passwd\0") == "etc_passwd"
    assert safe_name("._") == safe_name("") == "unnamed"
    assert safe_name("x" * 80 + "y") == "x" * 80


def test_a_folder_begins_with_an_empty_transcript(folder: EvidenceFolder, tmp_path: Path) -> None:
    assert folder.folder == tmp_path / "run" / "01-look"
    assert folder.files == ["transcript.txt"]
    assert (folder.folder / "transcript.txt").read_bytes() == b""


def test_bytes_are_kept_without_secrets_and_each_file_is_named_once(folder: EvidenceFolder) -> None:
    folder.keep("a/b", b"\0first")
    folder.keep("a/b", b"the password is " + SECRET.encode())
    assert (folder.folder / "a_b").read_bytes() == b"the password is [secret admin]"
    assert folder.files == ["transcript.txt", "a_b"]


def test_a_file_is_cut_at_eight_mebibytes_and_the_transcript_says_so(folder: EvidenceFolder) -> None:
    limit = 8 * 1024 * 1024
    folder.keep("all", bytes(limit))
    assert (folder.folder / "transcript.txt").read_bytes() == b""
    folder.keep("more", bytes(limit + 1))
    assert [(folder.folder / name).stat().st_size for name in ("all", "more")] == [limit, limit]
    assert f"more: {limit + 1} bytes, the first {limit} " in (folder.folder / "transcript.txt").read_text("utf-8")


def test_a_line_of_the_transcript_has_the_time_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 101.5, 250.25])
    monkeypatch.setattr(evidence, "time", SimpleNamespace(monotonic=lambda: next(times)))
    made = EvidenceFolder(tmp_path, Redactor({"admin": SECRET}), "look", lambda *_: None)
    made.note("one\x1b")
    made.note(f"two {SECRET}")
    assert (tmp_path / "transcript.txt").read_text("utf-8") == "    1.500 one\\x1b\n  150.250 two [secret admin]\n"


def test_a_transcript_ends_after_twenty_thousand_lines(folder: EvidenceFolder) -> None:
    folder.note("first")
    folder._lines += 19_997
    for line in ("19999", "20000", "20001", "20002"):
        folder.note(line)
    lines = (folder.folder / "transcript.txt").read_text("utf-8").splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "19999", "20000"]


def test_progress_is_handed_on_with_the_name_of_the_probe(
    folder: EvidenceFolder, told: list[tuple[object, ...]]
) -> None:
    folder.progress(3, 9, "x" * 80)
    folder.progress(4, 9, "x" * 81)
    assert told[0] == ("look", 3, 9, "x" * 80)
    assert str(told[1][3]).startswith("x" * 80 + "...")


def test_the_observation_is_kept_as_readable_ascii_without_secrets(folder: EvidenceFolder) -> None:
    observation = saw(Answer.SEEN, about=f"caf\xe9 {SECRET}")
    folder.finish(observation)
    text = (folder.folder / "observation.json").read_bytes().decode("ascii")
    shown = json.dumps(observation.model_dump(mode="json"), indent=1)
    assert text == shown.replace(SECRET, "[secret admin]")
    assert "\n  {\n" in text  # one blank for each level
    assert folder.files == ["transcript.txt", "observation.json"]


def test_evidence_that_cannot_be_written_is_a_fault_of_the_bench(tmp_path: Path) -> None:
    (tmp_path / "01-look").write_text("a file")
    with pytest.raises(BenchError, match=r"evidence cannot be written to .*/01-look: File exists\."):
        EvidenceFolder(tmp_path / "01-look", Redactor({}), "look", lambda *_: None)


def test_a_transcript_that_cannot_be_continued_is_a_fault_of_the_bench(folder: EvidenceFolder) -> None:
    (folder.folder / "transcript.txt").unlink()
    (folder.folder / "transcript.txt").mkdir()
    with pytest.raises(BenchError, match=r"evidence cannot be written to .*/01-look: Is a directory\."):
        folder.note("one")
