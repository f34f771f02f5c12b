"""YAML that no person writes, and YAML that a person writes by mistake."""

import os
from pathlib import Path

import pytest

from lab_config.reading.yaml_file import MOST_DEPTH, read_fields, read_text
from trustprobe.errors import ConfigurationError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGED = "a0: &a0 {k0: 1}\n" + "".join(
    f"a{n}: &a{n} {{k{n}: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
)


def refused(folder: Path, text: str | bytes) -> str:
    path = folder / "bench.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        read_fields(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value).removeprefix(f"configuration: {path}, ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [*x]", "line 1: an anchor contains itself."),
        ("b: 1\na: &x {b: {c: *x}}", "line 2: an anchor contains itself."),
        ("a: &x\n  - &y [*x]", "line 1: an anchor contains itself."),
        (BOMB, "aliases stand for too many values"),
        (MERGED, "aliases stand for too many values"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60)), "too many levels"),
        ("a: " + "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), "line 1: expected fields of a lab, found more than"),
        ("a: " + "[" * 300_000, "more than 40 levels"),
        ("a: " + "{b: " * 300_000, "more than 40 levels"),
        ("a: [" + "1," * 250_000 + "1]", "more than 200000 values"),
        ("x: 1\na: 2026-02-30", "line 2: '2026-02-30' looks like a date, and is not possible."),
        ("a: 2026-13-01", "'2026-13-01' looks like a date"),
        ("a: 2026-01-01 25:00:00", "'2026-01-01 25:00:00' looks like a date"),
        ("a: 0000-01-01", "looks like a date"),
        ("a: " + "9" * 5_000, "looks like a number, and is not possible"),
        ("a: !!python/object:os.system x", "the tag 'tag:yaml.org,2002:python/object:os.system' is not known"),
        ("a: !mine x", "the tag '!mine' is not known"),
        ("a: !!set {b, c}", "is not known"),
        ("a: !!binary aGVsbG8=", "is not known"),
        ("1: x", "line 1: the name of a field is text, found 1. Put it in quotes."),
        ("true: x", "the name of a field is text, found true"),
        ("? [a, b]\n: x", "the name of a field is text, found a list or fields"),
        ("x: 1\nj: {absent: fused off, never used}", 'needs quotes: {absent: "fused off, never used"}.'),
        ("j: {absent: fused off, never used}", "line 1: 'never used' has no value."),
        ("j:\n  k: {a: 1, purpose: administration, view}", 'needs quotes: {purpose: "administration, view"}'),
        ("j: {a}", "'a' has no value. Give it a value."),
        ("a: 1\nb: 2\na: 3", "line 3: a is given twice"),
        ("a: b: c", "line 1: not YAML"),
        ("a: *nowhere", "line 1: not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: 'b", "not YAML"),
        ("\t- a", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_right_is_one_sentence_within_a_second(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


def test_anchors_and_merged_fields_may_be_used(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("one: &one {a: 1, b: [x]}\ntwo: {<<: *one, a: 2}\nthree: [*one, *one]\nfour: on\nfive:\n", "utf-8")
    _, data = read_fields(path)
    assert data["two"] == {"a": 2, "b": ["x"]}
    assert data["three"] == [data["one"], data["one"]]
    assert (data["four"], data["five"]) == ("on", None)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty", "/proc/self", "/nowhere", "/dev/full"])
def test_what_is_no_file_is_refused_at_once(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not a regular file|cannot be read"):
        read_text(Path(name), 100)


def test_a_named_pipe_does_not_block_and_a_long_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="is not a regular file"):
        read_text(tmp_path / "pipe", 100)
    with (tmp_path / "long").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationError, match="has more than 100 octets"):
        read_text(tmp_path / "long", 100)
    (tmp_path / "just").write_bytes(b"x" * 100)
    assert read_text(tmp_path / "just", 100) == "x" * 100
    with pytest.raises(ConfigurationError, match="its name is not valid"):
        read_text(tmp_path / "a\0b", 100)
