"""The pages of the documentation: what they show runs, every page can be reached, and the site fetches nothing."""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from drivers.network.target import Target
from lab_config.bench import Bench, NetworkBench
from lab_config.load import load
from reports.offline_page import external_references
from reports.results import Overall, RequirementVerdict, Verdict
from tests.drivers.network.namespaces import are_permitted
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer
from virtual_lab.firmware.image import host

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_whole_bench_of_the_page_is_a_bench(tmp_path: Path) -> None:
    path = tmp_path / "my_bench.yaml"
    path.write_text(blocks("connect_a_board.md", "yaml")[-1], "utf-8")
    bench = load(path, Bench)
    assert bench.network == NetworkBench(address="192.168.7.20", interface="enx001122334455")


@pytest.mark.parametrize("number", range(len(blocks("connect_a_board.md", "yaml")) - 1))
def test_each_part_of_a_bench_that_the_page_shows_is_one(tmp_path: Path, number: int) -> None:
    whole, part = blocks("connect_a_board.md", "yaml")[-1], blocks("connect_a_board.md", "yaml")[number]
    shown = re.findall(r"^(\w+):", part, re.MULTILINE)
    kept = re.sub(rf"^({'|'.join(shown)}):.*\n(?:  .*\n)*", "", whole, flags=re.MULTILINE)
    path = tmp_path / "bench.yaml"
    path.write_text(kept + part, "utf-8")
    assert shown[0] in load(path, Bench).model_fields_set


@pytest.fixture(scope="module")
def driver() -> ModuleType:
    return load_driver()


def load_driver() -> ModuleType:
    """Return the example of the page as a module."""
    module = ModuleType("echo_of_the_page")
    sys.modules[module.__name__] = module
    exec(compile(blocks("write_a_driver.md", "python")[0], "write_a_driver.md", "exec"), module.__dict__)
    return module


@contextmanager
def echo_server(*, wrong: bytes = b"") -> Iterator[int]:
    """Repeat the first datagram that comes, or answer something else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)

        def repeat() -> None:
            data, source = sock.recvfrom(64)
            sock.sendto(wrong or data, source)

        thread = threading.Thread(target=repeat)
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


def asked(driver: ModuleType, port: int) -> Answer:
    target = Target(NetworkBench(address="127.0.0.1", port_map={"udp/7": port}))
    answer: Answer = driver.Echo(target).run(MemoryRecorder()).facts[0].answer
    return answer


def bound() -> socket.socket:
    """A UDP port that takes what comes and never answers."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


UNREACHABLE = """
import sys
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.docs.test_pages import load_driver
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError
try:
    load_driver().Echo(Target(NetworkBench(address="192.0.2.1"))).run(MemoryRecorder())
except BenchError as error:
    print(error)
"""
"""The driver in a network namespace without any network."""


def test_the_driver_of_the_page_sees_an_answer(driver: ModuleType) -> None:
    with echo_server() as port:
        assert asked(driver, port) is Answer.SEEN


def test_the_driver_of_the_page_tells_a_refusal(driver: ModuleType) -> None:
    assert asked(driver, free_port(kind=socket.SOCK_DGRAM)) is Answer.REFUSED


def test_to_the_driver_of_the_page_another_word_is_no_answer(driver: ModuleType) -> None:
    with echo_server(wrong=b"welcome") as port:
        assert asked(driver, port) is Answer.SILENT


def test_to_the_driver_of_the_page_a_mute_port_is_silent(driver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SECONDS", 0.1)
    with bound() as sock:
        assert asked(driver, sock.getsockname()[1]) is Answer.SILENT


def test_the_driver_of_the_page_sends_nothing_to_a_port_that_is_not_forwarded(
    driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bound() as sock:
        monkeypatch.setattr(driver, "PORT", sock.getsockname()[1])
        target = Target(NetworkBench(address="127.0.0.1", port_map={"tcp/443": 10443}))
        with pytest.raises(NotForwardedError):
            driver.Echo(target).run(MemoryRecorder())
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def test_to_the_driver_of_the_page_a_network_that_cannot_be_reached_is_the_fault_of_the_bench() -> None:
    if not are_permitted():
        pytest.skip("this machine does not permit network namespaces without root")
    command = ["unshare", "-Urn", sys.executable, "-c", UNREACHABLE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.stdout.startswith("bench: this machine cannot send to 192.0.2.1: Network is unreachable."), done.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "virtual_lab.md"], ids=lambda page: page.name)
def test_the_line_for_apt_holds_what_the_firmware_device_is_built_with(page: Path) -> None:
    line = re.search(r"^sudo apt-get install --no-install-recommends (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert line is not None
    always_there = {"apt", "dpkg"}
    assert line[1].split() == sorted({*host.TOOLS.values(), *host.FILES.values()} - always_there)


def test_every_word_of_a_report_is_explained() -> None:
    text = (DOCS / "verdicts.md").read_text("utf-8")
    assert not [word for word in (*Verdict, *RequirementVerdict, *Overall) if word not in text]


def test_every_page_can_be_reached() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    missing = [page.name for page in PAGES if f" {page.name}\n" not in nav]
    assert not missing, f"mkdocs.yml: add {', '.join(missing)} under `nav`"


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="MkDocs is not installed: it is in the group docs")
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    built = sorted((tmp_path / "site").glob("*.html"))
    assert len(built) >= len(PAGES)
    assert {page.name: found for page in built if (found := external_references(page.read_text("utf-8")))} == {}
    styles = [path.read_text("utf-8") for path in (tmp_path / "site").rglob("*.css")]
    assert not [style for style in styles if re.search(r"(url\(\s*['\"]?|@import\s+['\"])(https?:)?//", style)]
