import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from virtual_lab.reference.uart import Uart

MORE_THAN_A_PTY_HOLDS = b"\xa5" * 100_000


def with_uart(path: Path, check: Callable[[Uart], Awaitable[None]]) -> None:
    """Run a check against a UART whose loop runs, for 10 s at most."""

    async def run() -> None:
        uart = Uart(path)
        uart.start(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(check(uart), 10)
        finally:
            uart.close()

    asyncio.run(run())


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "console"


def test_what_the_device_says_to_nobody_is_lost_and_never_holds_it_up(path: Path) -> None:
    async def check(uart: Uart) -> None:
        uart.power(on=True)
        await asyncio.to_thread(write_all, uart.master, MORE_THAN_A_PTY_HOLDS)

    with_uart(path, check)


def test_what_is_typed_without_power_is_lost_and_never_holds_the_typist_up(path: Path) -> None:
    async def check(uart: Uart) -> None:
        with path.open("wb", buffering=0) as console:
            await asyncio.to_thread(write_all, console.fileno(), MORE_THAN_A_PTY_HOLDS)
            console.write(b"in the dark")
            uart.power(on=True)
            console.write(b"in the light")
            assert await asyncio.to_thread(os.read, uart.master, 64) == b"in the light"

    with_uart(path, check)


def test_every_octet_passes_both_ways_unchanged(path: Path) -> None:
    octets = bytes(range(256))

    async def check(uart: Uart) -> None:
        uart.power(on=True)
        with path.open("r+b", buffering=0) as console:
            os.write(uart.master, octets)
            assert await asyncio.to_thread(console.read, 256) == octets
            console.write(octets)
            assert await asyncio.to_thread(os.read, uart.master, 256) == octets

    with_uart(path, check)


def test_the_path_is_gone_when_the_uart_is_closed(path: Path) -> None:
    path.symlink_to("left by a board that was killed")

    async def check(uart: Uart) -> None:
        assert path.is_char_device()

    with_uart(path, check)
    assert not path.is_symlink()
