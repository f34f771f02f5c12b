import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers.storage.dump import image_of
from lab_config.bench import StorageBench
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError, ConfigurationError


def bench(script: str, **more: float) -> StorageBench:
    return StorageBench.model_validate({"dump": (sys.executable, "-c", script, "{file}"), **more})


WRITES = "import sys; open(sys.argv[1], 'wb').write(b'image ' * 10)"


def test_the_program_writes_the_image_and_the_image_goes_away_with_the_block() -> None:
    record = MemoryRecorder()
    with image_of(bench(WRITES), record) as image:
        assert image.path.read_bytes() == b"image " * 10
        assert (image.octets, image.searched, image.whole) == (60, 60, True)
    assert not image.path.exists()
    assert not record.kept


def test_the_command_may_be_one_line() -> None:
    with image_of(StorageBench(dump="cp /etc/hostname {file}"), MemoryRecorder()) as image:
        assert image.path.read_bytes() == Path("/etc/hostname").read_bytes()


def test_an_image_beyond_the_bound_is_not_whole() -> None:
    with image_of(bench(WRITES, most_octets=59), MemoryRecorder()) as image:
        assert (image.octets, image.searched, image.whole) == (60, 59, False)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('no chip \\x1b[31mfound')", r"ended with exit code 1: no chip \\x1b\[31mfound"),
        ("pass", "left no image"),
        ("import sys; open(sys.argv[1], 'wb')", "left no image"),
    ],
)
def test_a_program_that_fails_is_the_benchs_fault(script: str, said: str) -> None:
    with pytest.raises(BenchError, match=said), image_of(bench(script), MemoryRecorder()):
        pass


def test_a_program_that_does_not_end_is_stopped() -> None:
    script = "import threading; threading.Event().wait()"
    with (
        pytest.raises(BenchError, match=r"did not end within 0\.2 s"),
        image_of(bench(script, seconds=0.2), MemoryRecorder()),
    ):
        pass


def test_a_line_that_is_no_command_line_is_a_mistake_in_the_bench_file() -> None:
    with pytest.raises(ConfigurationError, match="not a command line"):
        with image_of(StorageBench(dump="flashrom '{file}"), MemoryRecorder()):
            pass


def test_a_command_that_names_no_file_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match="dump does not name the image"):
        StorageBench(dump=("flashrom", "-r", "image"))


def test_a_program_that_writes_names_the_file_too() -> None:
    with pytest.raises(ValidationError, match="write does not name the image"):
        StorageBench(dump="cat {file}", write=("flashrom", "-w", "image"))
