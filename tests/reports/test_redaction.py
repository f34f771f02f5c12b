import base64
import html
import json
import os
import re
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import reports.redaction
from reports.redaction import Redactor
from trustprobe.probe import printable

SECRET = "pä\"ss/w+o<r>d & '1\\2'"
FORMS = {
    "plain": SECRET,
    "json": json.dumps(SECRET),
    "json with characters": json.dumps(SECRET, ensure_ascii=False),
    "json in json": json.dumps(json.dumps({"p": SECRET})),
    "html": html.escape(SECRET),
    "html text": html.escape(SECRET, quote=False),
    "html of jinja": html.escape(SECRET).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "url": quote(SECRET, safe=""),
    "url path": quote(SECRET),
    "form": quote_plus(SECRET),
    "url in small letters": re.sub("%..", lambda match: match[0].lower(), quote(SECRET, safe="")),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for urls": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "basic, 1": base64.b64encode(f"admi:{SECRET}".encode()).decode(),
    "basic, 2": base64.b64encode(f"admin:{SECRET}!".encode()).decode(),
    "basic, 3": base64.b64encode(f"admin2:{SECRET}\r\n".encode()).decode(),
    "hex": SECRET.encode().hex(),
    "printable": printable(SECRET),
    "repr": repr(SECRET),
}


def recoverable(text: str) -> bool:
    """Whether the middle of the secret still stands in one of the forms."""
    return any(part in text for part in ("ss/w", "ss%2Fw", "73732f772b", "ss/w+o"))


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_notation(tmp_path: Path, form: str) -> None:
    file = tmp_path / "transcript.txt"
    file.write_text(f"before {FORMS[form]} after", encoding="utf-8")
    assert Redactor({"ADMIN PW": SECRET}).folder(tmp_path).files == ("transcript.txt",)
    text = file.read_text(encoding="utf-8")
    assert "[secret ADMIN_PW]" in text
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert not recoverable(text)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
def test_a_secret_across_chunks_is_found_and_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(reports.redaction, "CHUNK", chunk)
    file = tmp_path / "log"
    file.write_text("a" * 100 + "hunter22" + "b" * 61 + "hunter22hunter22" + "hunter2", encoding="utf-8")
    assert Redactor({"PW": "hunter22"}).file(file)
    mark = "[secret PW]"
    assert file.read_text(encoding="utf-8") == "a" * 100 + mark + "b" * 61 + mark + mark + "hunter2"


def test_the_longer_of_two_secrets_wins(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("password password123", encoding="utf-8")
    Redactor({"SHORT": "password", "LONG": "password123"}).file(file)
    assert file.read_text(encoding="utf-8") == "[secret SHORT] [secret LONG]"


def test_binary_files_keep_their_offsets(tmp_path: Path) -> None:
    file = tmp_path / "capture.pcap"
    before = b"\xd4\xc3\xb2\xa1\x00\x00hunter22\x00\xff"
    file.write_bytes(before)
    assert Redactor({"PW": "hunter22"}).file(file)
    assert file.read_bytes() == before.replace(b"hunter22", b"********")


def test_json_stays_json(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"a": SECRET, "b": [f"x{SECRET}y"]}), encoding="utf-8")
    Redactor({"PW": SECRET}).file(file)
    assert json.loads(file.read_bytes()) == {"a": "[secret PW]", "b": ["x[secret PW]y"]}


def test_a_file_without_a_secret_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("nothing", encoding="utf-8")
    before = file.stat()
    assert Redactor({"PW": "hunter22"}).folder(tmp_path).files == ()
    assert os.path.samestat(file.stat(), before)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, run = tmp_path / "outside", tmp_path / "run"
    run.mkdir()
    outside.write_text("hunter22", encoding="utf-8")
    (run / "link").symlink_to(outside)
    assert Redactor({"PW": "hunter22"}).folder(run).files == ()
    assert outside.read_text(encoding="utf-8") == "hunter22"


def test_a_value_too_short_to_find_is_named_and_an_empty_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("aaa", encoding="utf-8")
    scrubbed = Redactor({"TINY": "a", "EMPTY": ""}).folder(tmp_path)
    assert scrubbed.left == ("TINY",)
    assert file.read_text(encoding="utf-8") == "aaa"


def test_the_mode_of_a_file_is_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("hunter22", encoding="utf-8")
    file.chmod(0o640)
    Redactor({"PW": "hunter22"}).folder(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]
