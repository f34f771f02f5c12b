"""Unexpected errors as one sentence, and output that can no longer be written."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from trustprobe.errors import BenchError, HarnessError
from trustprobe.judging.unexpected import let_go, sentence_for


def said(error: BaseException) -> str:
    return str(sentence_for(error))


def numbered(number: int, name: object = None) -> OSError:
    return OSError(number, "x") if name is None else OSError(number, "x", name)


def test_an_error_of_ours_stays_as_it_is() -> None:
    ours = BenchError("no cable.")
    assert sentence_for(ours) is ours


def test_the_first_of_several_errors_is_reported() -> None:
    group = BaseExceptionGroup("both", [BenchError("no cable."), BenchError("no power."), BenchError("no lab.")])
    assert said(group) == "bench: no cable."


def test_used_up_memory_is_a_fault_of_the_bench() -> None:
    assert isinstance(sentence_for(MemoryError()), BenchError)


def test_any_other_error_is_a_fault_of_the_harness_at_its_innermost_line() -> None:
    def inner() -> None:
        raise KeyError("a\x1b\n b...")

    with pytest.raises(KeyError) as raised:
        inner()
    error = sentence_for(raised.value)
    assert isinstance(error, HarnessError)
    line = inner.__code__.co_firstlineno + 1
    assert error.what.startswith(f"unexpected KeyError at test_unexpected.py:{line}: ")
    assert "\x1b" not in error.what
    assert "TRUSTPROBE_TRACEBACK=1" in error.next_step


def test_the_innermost_of_many_files_is_named_with_its_line() -> None:
    names: dict[str, Any] = {}
    for number, line in enumerate(("1 / 0", "f0()", "f1()", "f2()")):
        source = "\n" * number + f"def f{number}(): {line}"
        exec(compile(source, f"/library/part_{number}.py", "exec"), names)
    with pytest.raises(ZeroDivisionError) as raised:
        names["f3"]()
    assert sentence_for(raised.value).what.startswith("unexpected ZeroDivisionError at part_0.py:1: ")


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ValueError("a   b."), "unexpected ValueError: a b."),
        (ValueError(), "unexpected ValueError: without a message."),
        (ValueError("y" * 601), f"unexpected ValueError: {'y' * 600}... [cut, 601 characters in all]."),
        (OSError("no number"), "unexpected OSError: no number."),
        (numbered(errno.EINVAL), "unexpected OSError: [Errno 22] x."),
    ],
)
def test_the_words_of_a_library_are_one_line_of_limited_length(error: Exception, what: str) -> None:
    assert sentence_for(error).what == what
    assert isinstance(sentence_for(error), HarnessError)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize(("name", "where"), [(None, "the output"), ("/out/a", "/out/a"), (b"/out/b", "/out/b")])
def test_a_full_disk_is_named_with_the_file(number: int, name: object, where: str) -> None:
    error = sentence_for(numbered(number, name))
    assert isinstance(error, BenchError)
    assert error.what == f"{where} cannot be written: {os.strerror(number)}."


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO])
def test_a_closed_output_is_a_fault_of_the_bench_and_an_unreadable_file_has_its_name(number: int) -> None:
    assert said(numbered(number)).startswith("bench: the output was closed ")
    assert said(numbered(number, 1)).startswith("bench: the output was closed ")
    assert said(numbered(number, "/dev/x")).startswith(f"bench: /dev/x: {os.strerror(number)}.")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN])
def test_used_up_resources_are_a_fault_of_the_bench(number: int) -> None:
    assert said(numbered(number)).startswith(f"bench: the system refuses: {os.strerror(number)}.")


def test_a_file_that_cannot_be_opened_is_named_legibly() -> None:
    assert said(numbered(errno.ENOENT, Path("/a\x1b"))).startswith("bench: /a\\x1b: No such file or directory.")
    assert said(numbered(errno.ENOENT, "y" * 201)).startswith(f"bench: {'y' * 200}...")
    unnumbered = PermissionError("x")
    unnumbered.filename = "/a"
    assert said(unnumbered).startswith("bench: /a: PermissionError.")


def test_what_a_closed_pipe_still_holds_goes_nowhere() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", encoding="utf-8")
    stream.write("nobody reads this")
    with pytest.raises(BrokenPipeError):
        stream.flush()
    opened = len(list(Path("/proc/self/fd").iterdir()))
    let_go(stream)
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    assert Path(f"/proc/self/fd/{stream.fileno()}").readlink() == Path(os.devnull)
    stream.close()
    let_go(stream)  # a closed one, too


def test_nothing_that_a_stream_held_is_written_when_its_descriptor_is_restored() -> None:
    reading, writing = os.pipe()
    stream, saved = os.fdopen(writing, "w", encoding="utf-8"), os.dup(writing)
    stream.write("nobody reads this")
    let_go(stream)
    os.dup2(saved, stream.fileno())
    os.close(saved)
    stream.close()
    with os.fdopen(reading, "rb") as reader:
        assert reader.read() == b""
