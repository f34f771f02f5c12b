import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.debug import bitbang, jtag, openocd
from drivers.debug.adapter import AccessPort, Chain, MemoryAnswer
from drivers.debug.adapter import Tap as AnyTap
from drivers.debug.jtag import ReadMemory, ScanChain
from lab_config.bench import JtagBench
from tests.drivers.debug.tap_server import (
    DECLARATION,
    DP,
    OTHER,
    PAYLOAD,
    debug_port,
    noisy,
    other_tap,
    serving,
    taps,
)
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Observation
from virtual_lab.jtag.tap import Tap

needs_openocd = pytest.mark.skipif(shutil.which("openocd") is None, reason="OpenOCD is not installed")


def without_openocd(_: str) -> None:
    """Stands for shutil.which on a machine without OpenOCD."""


@pytest.fixture(params=[pytest.param("openocd", marks=needs_openocd), "straight"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Through OpenOCD, and straight."""
    if request.param == "straight":
        monkeypatch.setattr(shutil, "which", without_openocd)
    yield request.param


def test_an_idcode_is_seen(way: str) -> None:
    record = MemoryRecorder()
    with serving(taps([debug_port()])) as bench:
        chain = ScanChain(bench, DECLARATION).run(record)
    assert chain.seen == {"chain"}
    assert chain.idcodes == (DP,)
    assert chain.conclusive
    assert record.notes[0].startswith({"openocd": "OpenOCD", "straight": "remote_bitbang"}[way])
    assert record.kept["scan.txt"]


def test_taps_are_listed_from_tdo_to_tdi(way: str) -> None:
    with serving(taps([other_tap(), debug_port()])) as bench:
        assert ScanChain(bench, DECLARATION).run(MemoryRecorder()).idcodes == (OTHER, DP)


def test_a_chain_without_power_is_silent_and_proves_nothing(way: str) -> None:
    with serving(taps([debug_port()], powered=False)) as bench:
        chain = ScanChain(bench, DECLARATION).run(MemoryRecorder())
        memory = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
    assert chain.silent == {"chain"}
    assert chain.idcodes == ()
    assert "one" in chain.detail("chain")
    assert chain.witness is None and not chain.conclusive
    assert memory.silent == {"memory"} and not memory.conclusive


def test_a_chain_that_is_stuck_at_zero_is_silent(way: str) -> None:
    with serving(lambda commands: b"0" * commands.count(b"R")) as bench:
        chain = ScanChain(bench, DECLARATION).run(MemoryRecorder())
    assert chain.silent == {"chain"}
    assert "zero" in chain.detail("chain")


def test_attested_wiring_is_the_witness_of_a_dead_chain(way: str) -> None:
    with serving(taps([debug_port()], powered=False), attested_wiring="A. Tester, 2026-01-05, wiring.jpg") as bench:
        chain = ScanChain(bench, DECLARATION).run(MemoryRecorder())
    assert chain.conclusive
    assert chain.witness and "A. Tester" in chain.witness.what


@pytest.mark.parametrize("place", range(3), ids=["alone", "before another", "behind another"])
def test_memory_that_reads_is_seen_with_its_words(way: str, place: int) -> None:
    chain: list[Tap] = [debug_port()] if place == 0 else [other_tap()]
    if place:
        chain.insert(place - 1, debug_port())
    record = MemoryRecorder()
    with serving(taps(chain)) as bench:
        memory = ReadMemory(bench, DECLARATION).run(record)
    assert memory.seen == {"memory"}
    assert "0x08000000 reads 0x20010000" in memory.detail("memory")
    assert record.kept["memory_ap0.bin"][8:] == PAYLOAD[:56]


def test_a_locked_debug_port_refuses_in_its_own_bits(way: str) -> None:
    with serving(taps([debug_port(locked=True)])) as bench:
        memory = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
    assert memory.refused == {"memory"}
    assert "DeviceEn is 0" in memory.detail("memory")
    assert "STICKYERR" in memory.detail("memory")
    assert memory.conclusive


def test_an_address_without_memory_is_a_fault(way: str) -> None:
    declaration = DECLARATION.model_copy(update={"probe_address": 0x2000_0000})
    with serving(taps([debug_port()])) as bench:
        assert ReadMemory(bench, declaration).run(MemoryRecorder()).refused == {"memory"}


def test_both_ways_give_the_same_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openocd") is None:
        pytest.skip("OpenOCD is not installed")
    for locked in (True, False):
        with serving(taps([debug_port(locked=locked), other_tap()])) as bench:
            through = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
        with monkeypatch.context() as patched, serving(taps([debug_port(locked=locked), other_tap()])) as bench:
            patched.setattr(shutil, "which", without_openocd)
            straight = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
        assert straight.witness == through.witness
        # OpenOCD leaves overrun detection on in CTRL/STAT.
        assert straight.detail("memory")[:-1] == through.detail("memory")[:-1]


def test_a_tap_that_is_no_debug_port_was_not_asked_for_memory(way: str) -> None:
    with serving(taps([other_tap()])) as bench:
        memory = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
    assert memory.silent == {"memory"}
    assert not memory.conclusive


def test_a_declared_length_that_is_wrong_is_no_silence_of_the_device(way: str) -> None:
    declaration = DECLARATION.model_copy(update={"idcodes": (DP, OTHER), "ir_lengths": (4, 8)})
    with serving(taps([debug_port(), other_tap()])) as bench:
        memory = ReadMemory(bench, declaration).run(MemoryRecorder())
    assert not memory.seen
    assert memory.refused or not memory.conclusive


def test_an_adapter_that_is_not_there_is_the_benchs_fault(way: str) -> None:
    with serving(taps([])) as bench:
        pass
    with pytest.raises(BenchError):
        ScanChain(bench, DECLARATION).run(MemoryRecorder())


@pytest.mark.parametrize("address", ["127.0.0.1:9999", "remote_bitbang://", "remote_bitbang://host", "tcp://host:1"])
def test_an_address_that_is_none_is_a_configuration_error(address: str) -> None:
    with pytest.raises(ConfigurationError, match="remote_bitbang"):
        jtag.adapter_of(JtagBench(remote_bitbang=address))


def test_an_openocd_configuration_needs_openocd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", without_openocd)
    with pytest.raises(BenchError) as caught:
        ScanChain(JtagBench(openocd_config=str(tmp_path / "adapter.cfg")), DECLARATION).run(MemoryRecorder())
    assert "apt-get" in caught.value.next_step


@needs_openocd
def test_an_openocd_configuration_of_the_adapter_is_used(tmp_path: Path) -> None:
    config = tmp_path / "adapter.cfg"
    with serving(taps([debug_port()])) as bench:
        assert bench.remote_bitbang
        port = bench.remote_bitbang.rsplit(":", 1)[1]
        config.write_text(
            f"adapter driver remote_bitbang\nremote_bitbang host 127.0.0.1\nremote_bitbang port {port}\n"
            "reset_config none\ntransport select jtag\n"
        )
        file = JtagBench(openocd_config=str(config))
        assert ScanChain(file, DECLARATION).run(MemoryRecorder()).idcodes == (DP,)
        assert ReadMemory(file, DECLARATION).run(MemoryRecorder()).seen == {"memory"}


@needs_openocd
def test_an_openocd_configuration_that_is_wrong_is_the_benchs_fault(tmp_path: Path) -> None:
    config = tmp_path / "adapter.cfg"
    config.write_text("adapter driver there_is_no_such_driver\n")
    with pytest.raises(BenchError, match="did not reach the chain"):
        ScanChain(JtagBench(openocd_config=str(config)), DECLARATION).run(MemoryRecorder())


def mute(commands: bytes) -> bytes:
    return b""


def babble(commands: bytes) -> bytes:
    return b"x" * commands.count(b"R")


def hang_up(commands: bytes) -> bytes:
    raise EOFError


@needs_openocd
def test_a_mute_adapter_is_stopped_with_openocd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openocd, "SECONDS", 1.0)
    monkeypatch.setattr("drivers.command._TERM_SECONDS", 0.3)
    with serving(mute) as bench, pytest.raises(BenchError, match="was stopped"):
        ScanChain(bench, DECLARATION).run(MemoryRecorder())


@pytest.mark.parametrize("wire", [mute, babble, hang_up])
def test_an_adapter_that_does_not_keep_to_the_protocol_is_the_benchs_fault(
    wire: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", without_openocd)
    monkeypatch.setattr(bitbang, "SECONDS", 0.5)
    with serving(wire) as bench, pytest.raises(BenchError):
        ScanChain(bench, DECLARATION).run(MemoryRecorder())


def test_a_floating_tdo_is_unstable_and_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", without_openocd)
    state = [1]

    def noise(commands: bytes) -> bytes:
        answer = bytearray()
        for _ in range(commands.count(b"R")):
            state[0] = (state[0] * 1103515245 + 12345) % (1 << 31)
            answer.append(0x30 + (state[0] >> 16 & 1))
        return bytes(answer)

    with serving(noise) as bench:
        chain = ScanChain(bench, DECLARATION).run(MemoryRecorder())
    assert chain.silent == {"chain"}
    assert chain.idcodes == ()


def test_a_tap_without_idcode_is_counted_and_not_seen() -> None:
    assert bitbang._idcodes([0] + [1] * 64) == [0]
    assert bitbang._idcodes([0] + [DP >> index & 1 for index in range(32)] + [1] * 64) == [0, DP]


NOISE = (0.001, 0.005, 0.02, 0.1)


@pytest.mark.parametrize("rate", NOISE)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("attested", [{}, {"attested_wiring": "A. Tester, 2026-01-05, wiring.jpg"}])
def test_an_open_chip_over_a_noisy_adapter_never_passes(
    way: str, rate: float, seed: int, attested: dict[str, str]
) -> None:
    with serving(noisy(taps([debug_port()]), rate, seed), **attested) as bench:
        memory = ReadMemory(bench, DECLARATION).run(MemoryRecorder())
    assert memory.seen == {"memory"} or not memory.conclusive


def test_words_that_come_twice_over_a_noisy_adapter_were_read(way: str) -> None:
    rate = {"openocd": 0.003, "straight": 0.0005}[way]
    with serving(noisy(taps([debug_port()]), rate, 5)) as bench:
        assert ReadMemory(bench, DECLARATION).run(MemoryRecorder()).seen == {"memory"}


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_what_differs_between_scans_proves_nothing(way: str, rate: float) -> None:
    with serving(noisy(taps([debug_port()]), rate, 7), attested_wiring="A. Tester, 2026-01-05, wiring.jpg") as bench:
        chain = ScanChain(bench, DECLARATION).run(MemoryRecorder())
    assert chain.silent == {"chain"}
    assert chain.idcodes == ()
    assert not chain.conclusive
    assert chain.witness and "never agreed" in chain.witness.what


def test_a_chain_that_is_disturbed_once_is_scanned_until_it_is_stable(way: str) -> None:
    board, calls = taps([debug_port()]), []

    def disturbed(commands: bytes) -> bytes:
        calls.append(commands.count(b"R"))
        answer = board(commands)
        return bytes(octet ^ 1 for octet in answer) if sum(calls) < 200 else answer

    with serving(disturbed) as bench:
        assert ScanChain(bench, DECLARATION).run(MemoryRecorder()).idcodes == (DP,)


@needs_openocd
@pytest.mark.parametrize(
    "line",
    [
        "Warn : Unexpected idcode after end of chain: 64 0xf7ffffff",
        "Error: auto0.tap: IR capture error; saw 0x0003 not 0x0001",
        "Error: Invalid ACK (6) in DAP response",
        "Warn : Bypassing JTAG setup events due to errors",
        "Error: Trying to use configured scan chain anyway...",
    ],
)
def test_what_openocd_says_against_its_own_result_is_read(line: str) -> None:
    assert line.split(": ", 1)[1] in openocd._complaint(f"Info : something\n{line}\nInfo : else")


def test_a_refusal_is_no_complaint() -> None:
    assert not openocd._complaint("Error: JTAG-DP STICKY ERROR\nError: Failed to read memory at 0x08000000\n")


PORT = AccessPort(0, 0x2477_0011, 0, (), fault=True)
REFUSES = MemoryAnswer(0xF000_0040, addressed=True, access_ports=(PORT,))
READS = MemoryAnswer(0xF000_0040, addressed=True, access_ports=(AccessPort(0, 0x2477_0011, 0x40, (7, 8), fault=False),))
BARE = MemoryAnswer(0xF000_0040, addressed=True)
GARBLED = MemoryAnswer(0xF000_0040, addressed=True, complaint="Invalid ACK (6) in DAP response")


@dataclass(frozen=True)
class TwoPorts:
    """An adapter on a chain with two debug ports; each has its answer to every read."""

    answers: tuple[MemoryAnswer, MemoryAnswer]
    tool = "an adapter"

    def scan(self) -> tuple[Chain, bytes]:
        return Chain((AnyTap(DP, 4), AnyTap(DP, 4))), b""

    def read_memory(self, _taps: Sequence[AnyTap], index: int, _address: int) -> tuple[MemoryAnswer, bytes]:
        return self.answers[index], b""


def read_of(monkeypatch: pytest.MonkeyPatch, *answers: MemoryAnswer) -> Observation:
    first, second = answers
    monkeypatch.setattr(jtag, "adapter_of", lambda _bench: TwoPorts((first, second)))
    bench = JtagBench(remote_bitbang="remote_bitbang://127.0.0.1:1")
    return ReadMemory(bench, DECLARATION).run(MemoryRecorder())


@pytest.mark.parametrize("answers", [(GARBLED, REFUSES), (REFUSES, GARBLED)], ids=["first", "second"])
def test_a_refusal_of_one_debug_port_takes_no_doubt_from_the_other(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[MemoryAnswer, MemoryAnswer]
) -> None:
    memory = read_of(monkeypatch, *answers)
    assert memory.silent == {"memory"}
    assert not memory.conclusive
    assert f"TAP {answers.index(GARBLED)}: the answers of the debug port differ" in memory.unproven


@pytest.mark.parametrize("answers", [(BARE, REFUSES), (REFUSES, BARE)], ids=["first", "second"])
def test_a_debug_port_without_memory_is_silence_next_to_one_that_refuses(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[MemoryAnswer, MemoryAnswer]
) -> None:
    memory = read_of(monkeypatch, *answers)
    assert memory.silent == {"memory"}
    assert "shows no memory access port" in memory.detail("memory")
    assert "STICKYERR" in memory.detail("memory")
    assert memory.conclusive


def test_two_debug_ports_that_refuse_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = read_of(monkeypatch, REFUSES, REFUSES)
    assert memory.refused == {"memory"}
    assert memory.conclusive


def test_one_debug_port_that_reads_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_of(monkeypatch, GARBLED, READS).seen == {"memory"}
