import base64
import html
import json
import os
import re
import time
from collections.abc import Callable
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


PLAIN = "Tr4shPanda-19"
EACH = [
    *("".join(f"&#{ord(one)};" for one in PLAIN), "".join(f"&#x{ord(one):X};" for one in PLAIN)),
    *("".join(f"&#0{ord(one)}" for one in PLAIN) + ";", "Tr4sh&#80;anda&#45;19", "Tr4sh&#x50;anda-19"),
    *("Tr4sh&#x00000050;anda-19", "Tr4sh&amp;#80;anda-19", "".join(f"&amp;#x{ord(one):x};" for one in PLAIN)),
    *(PLAIN.upper(), PLAIN.lower(), PLAIN.swapcase(), PLAIN[::-1]),
    *(PLAIN.encode().hex(), PLAIN.encode().hex().upper(), PLAIN.encode().hex(":"), PLAIN.encode().hex(" ").upper()),
    *(PLAIN.encode().hex("-"), ", ".join(f"0x{octet:02X}" for octet in PLAIN.encode())),
    *("".join(f"\\x{octet:02x}" for octet in PLAIN.encode()), "".join(f"\\\\x{octet:02X}" for octet in PLAIN.encode())),
    *("".join(f"\\u{ord(one):04x}" for one in PLAIN), "".join(f"\\\\u00{ord(one):02X}" for one in PLAIN)),
    *("Tr4sh\\u0050anda-19", "Tr4sh\\x50anda-19", "Tr4sh\\120anda-19", "Tr4sh\\u{50}anda-19", "Tr4sh\\Panda-19"),
    *(
        "".join(f"%{octet:02x}" for octet in PLAIN.encode()),
        "Tr4sh%50anda-19",
        "Tr4sh%2550anda%252d19",
        "Tr4sh%u0050anda-19",
    ),
    *(
        "Tr4sh=50anda-19",
        "Tr4sh=50an=\r\nda-19",
        str(list(PLAIN.encode())),
        " ".join(str(one) for one in PLAIN.encode()),
    ),
    *(base64.b32encode(PLAIN.encode()).decode(), base64.b32encode(b"xy" + PLAIN.encode() + b"z").decode().lower()),
    *(base64.b64encode(base64.b64encode(b"u:" + PLAIN.encode())).decode(),),
    *(base64.b64encode(b"x" + base64.b64encode(PLAIN.encode() + b"?>")).decode(),),
    *(base64.b64encode(PLAIN.encode("utf-16-le")).decode(), base64.b64encode(PLAIN.encode("utf-16-be")).decode()),
    *(json.dumps(json.dumps(html.escape("\\x54r4sh") + "Panda-19")).replace("Pan", "%50an"),),
]


@pytest.mark.parametrize("form", EACH)
def test_a_secret_is_found_however_a_device_returns_it(form: str) -> None:
    redactor = Redactor({"PW": PLAIN})
    for before, after in (("p=<", ">"), ('{"a": "', '"}'), ("", "")):
        shown = redactor.text(before + form + after)
        assert shown == redactor.data((before + form + after).encode()).decode()
        assert shown.startswith(before)
        assert shown.endswith(after)
        left = shown.removeprefix(before).removesuffix(after).replace("[secret PW]", "", 1)
        assert len(left) <= 14, "what stays are quotes, brackets, padding and what is next to a secret in base64"
        assert shown.count("[secret PW]") == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_secret_is_found_in_wide_characters(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "memory.bin"
    for text in (PLAIN, PLAIN.upper()):
        file.write_bytes(f"before {text} after".encode(encoding))
        assert Redactor({"PW": PLAIN}).file(file)
        kept = file.read_bytes()
        assert len(kept) == len(f"before {text} after".encode(encoding))
        assert text.encode(encoding)[4:-4] not in kept
        assert kept.startswith("before".encode(encoding))


def test_base64_over_several_lines_is_found() -> None:
    text = base64.encodebytes(b"x" * 50 + PLAIN.encode() + b"y" * 50).decode()
    for wrapped in (text, text.replace("\n", "\r\n  "), json.dumps(text)):
        shown = Redactor({"PW": PLAIN}).text(wrapped)
        assert "[secret PW]" in shown
        decoded = base64.b64decode(re.sub(r"\[secret PW\]|[^A-Za-z0-9+/]|n", "", shown) + "===")
        assert b"Panda" not in decoded


@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_at_each_offset(at: int, alphabet: Callable[[bytes], bytes]) -> None:
    secret = "~~~???>>>Panda"
    shown = Redactor({"PW": secret}).data(alphabet(b"x" * at + secret.encode() + b"!!!!"))
    assert b"[secret PW]" in shown
    assert len(shown.replace(b"[secret PW]", b"")) <= 4 + 8


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("camera", "The Camera of CAMERA Inc. at 63:61:6d:65:72:61 is a &Camera; arecam"),
        ("abcd1", "ABCD1 1dcba 61:62:63:64:31 [97, 98, 99, 100, 49]"),
        ("wxyz", "WXYZ zyxw"),
        ("tr4shpanda", "trash panda, tr4sh panda, tr4sh-panda, %74r4sh%20panda, 74:72:34:73:68:70:61:6e:64"),
    ],
)
def test_a_short_secret_blanks_no_other_words(secret: str, text: str) -> None:
    kept = Redactor({"PW": secret}).text(text)
    assert kept.replace("[secret PW]", "") in {text, text.replace("63:61:6d:65:72:61", "")}


def test_ordinary_evidence_is_left_as_it_is() -> None:
    page = Path(__file__).read_text("utf-8").replace(PLAIN, "x").replace("Tr4sh", "x")
    assert Redactor({"PW": "-".join(("Q9", "correct", "horse"))}).text(page) == page
    octets = bytes(range(256)) * 64
    assert Redactor({"PW": "-".join(("Q9", "correct", "horse"))}).data(octets) == octets


def test_a_megabyte_is_redacted_in_seconds() -> None:
    secrets = {f"PW{number}": f'{PLAIN}/{number}&"' for number in range(8)}
    redactor = Redactor(secrets)
    for text in (json.dumps(['a"b\\c'] * 60_000), html.escape("<a href='x'>&</a>" * 20_000), "%20a%41=41" * 100_000):
        began = time.process_time()
        redactor.text(text[: 1 << 20])
        assert time.process_time() - began < 20.0
