"""A device whose ports come and go, on loopback: an address of its own, where only this test listens."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from drivers.network.sweep import boot_window
from drivers.network.sweep.boot_window import OTHER_CLOSED, BootWindow, boot_ports
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.recorder import MemoryRecorder
from tests.free_ports import free_port
from trustprobe.probe import Answer, Witness

ADDRESS = "127.0.7.77"
TARGET = Target(NetworkBench(address=ADDRESS))
LONG, SHORT = 10.0, 0.3


class Ports:
    """Four free ports of this address, which open and close as a device does that boots."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.canary, self.early, self.always, self.never = (free_port(ADDRESS) for _ in range(4))

    def open(self, port: int) -> socket.socket:
        return self._stack.enter_context(socket.create_server((ADDRESS, port)))

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset({self.canary, self.early, self.always, self.never})


@pytest.fixture
def ports() -> Iterator[Ports]:
    with contextlib.ExitStack() as stack:
        yield Ports(stack)


def test_a_port_that_is_open_only_until_the_canary_answers_is_seen(ports: Ports) -> None:
    early: list[socket.socket] = []

    def boot() -> None:
        """The early port hands over to the canary once somebody has connected to it."""
        early.append(ports.open(ports.early))
        threading.Thread(target=serve_early, daemon=True).start()

    def serve_early() -> None:
        early[0].accept()[0].close()
        early[0].close()
        ports.open(ports.canary)

    ports.open(ports.always)
    record = MemoryRecorder()
    seen = BootWindow(TARGET, ports.numbers, ports.canary, boot, LONG).run(record)
    assert seen.opened - seen.lasting == {ports.early, ports.canary}
    assert seen.lasting == {ports.always}
    assert "after power on" in seen.detail(f"tcp/{ports.early}")
    assert seen.refused == {OTHER_CLOSED}
    assert seen.conclusive


def test_a_canary_that_does_not_come_back_leaves_no_witness(ports: Ports) -> None:
    seen = BootWindow(TARGET, ports.numbers, ports.canary, lambda: None, SHORT).run(MemoryRecorder())
    assert not seen.conclusive
    assert seen.witness is not None
    assert f"canary tcp/{ports.canary} did not answer again" in seen.witness.what


def test_a_device_whose_kernel_was_never_heard_while_it_booted_leaves_no_witness(ports: Ports) -> None:
    ports.open(ports.canary)
    seen = BootWindow(TARGET, frozenset(), ports.canary, lambda: None, LONG).run(MemoryRecorder())
    assert not seen.conclusive
    assert seen.witness is not None
    assert "no port was seen closed" in seen.witness.what


def test_the_table_holds_the_ports_that_matter_most() -> None:
    assert {22, 23, 80, 443, 2323, 5555} <= boot_ports()
    assert len(boot_ports()) >= 190
    assert all(0 < port < 65_536 for port in boot_ports())


def booted(*rounds: tuple[float, str], canary: float | None) -> Witness:
    """Return the witness of a boot: when each round began, and what it heard (`-` nothing, `r` a closed port)."""
    boot = boot_window._Boot()
    for began, heard in rounds:
        boot.enter({80: Answer.REFUSED if heard == "r" else Answer.SILENT}, began, began + 0.1)
    boot.canary = canary
    return BootWindow(TARGET, frozenset({80}), 443, lambda: None, LONG)._witness(boot)


def seconds(silent: int, heard: int, step: float = 0.2) -> tuple[tuple[float, str], ...]:
    return tuple((number * step, "-" if number < silent else "r") for number in range(silent + heard))


@pytest.mark.parametrize(
    ("rounds", "canary", "holds"),
    [
        (seconds(0, 5), 0.8, True),
        (seconds(3, 3), 1.0, True),
        (seconds(70, 45), 22.8, True),
        (seconds(25, 1), 5.0, False),
        (seconds(60, 1), 12.0, False),
        (seconds(130, 100), 45.8, False),
        (seconds(50, 3), 10.4, False),
        (seconds(30, 0), None, False),
    ],
)
def test_a_link_that_is_silent_for_most_of_the_boot_hides_what_opens(
    rounds: tuple[tuple[float, str], ...], canary: float | None, holds: bool
) -> None:
    witness = booted(*rounds, canary=canary)
    assert witness.holds is holds, witness.what
    if canary is not None:
        assert ("the link gave no answer for the first" in witness.what) is not holds
