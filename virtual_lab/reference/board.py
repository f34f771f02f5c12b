"""The hardware of the reference device, as a process of its own: UART, JTAG, processor, power.

`python -m virtual_lab.reference.board` is started by the lab, which hands it the sockets that live on the bench's side
of the device and the control socket. What runs on the processor is in `firmware/` and unknown here.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from virtual_lab.jtag.adapter import serve
from virtual_lab.jtag.debug_port import DebugPort, Memory, MemoryAccessPort
from virtual_lab.jtag.tap import ScanChain, Tap
from virtual_lab.reference import syscalls
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import Flash
from virtual_lab.reference.namespace import DEVICE_INTERFACE, NETMASK, PREFIX6
from virtual_lab.reference.processor import Processor, Program, command
from virtual_lab.reference.relay import PowerRelay
from virtual_lab.reference.uart import Uart

CONSOLE: Final = "lab/console"
FIRMWARE_LOG: Final = "lab/firmware.log"
NAMESPACE_MADE: Final = b"n"
CABLE_JOINED: Final = b"c"
POWERED: Final = b"p"
PROCESSOR_DEAD: Final = b"d"
"""Messages on the control socket, one octet each; end of file there means that the lab is gone."""
_SECOND_TAP_IDCODE = 0x0641_3041
_CABLE_SECONDS = 10.0


class Board:
    """The parts of the board, wired; `power` is what the relay switches."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        folder: Path = arguments.folder
        self._flash = folder / "flash"
        self._has_link = not arguments.loopback
        self._address6: str = arguments.address6
        defects = Defects(Flash(self._flash).config["defects"])
        self._memory = Memory()
        self._debug_port = DebugPort(MemoryAccessPort(self._memory, locked=not defects("jtag_open")))
        taps: list[Tap] = [self._debug_port]
        if defects("jtag_second_tap"):
            taps.append(Tap(_SECOND_TAP_IDCODE, ir_length=5, idcode_instruction=0b00001))
        self.chain = ScanChain(taps)
        self.uart = Uart(folder / CONSOLE)
        words = ["--flash", str(self._flash), "--uart-fd", str(self.uart.master)]
        words += ["--address", arguments.address, "--collector", arguments.collector]
        words += ["--port-map", arguments.port_map]
        self._control: socket.socket = arguments.control
        self._processor = Processor(
            program_of(arguments.firmware),
            words,
            self.uart.master,
            folder / FIRMWARE_LOG,
            self._load_memory,
            lambda: self._tell(PROCESSOR_DEAD),
        )

    def power(self, on: bool) -> None:
        """Connect or cut the supply. Cut, the link goes first: no farewell of the kernel's leaves the device."""
        if on == self.chain.powered:
            return
        if self._has_link:
            syscalls.set_link(DEVICE_INTERFACE, up=on)
            if on and self._address6:  # the kernel forgets it when the link goes down
                syscalls.set_address6(DEVICE_INTERFACE, self._address6, PREFIX6)
        self.uart.power(on=on)
        if on:
            self._debug_port.power_on_reset()
            self._processor.power_on()
        else:
            self._processor.power_off()
        self.chain.powered = on

    async def run(self, relay: socket.socket, jtag: socket.socket) -> None:
        """Power the board, and serve relay and JTAG until SIGTERM or the end of the lab."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        loop.add_reader(self._control, ended.set)
        self.uart.start(loop)
        servers = [await PowerRelay(self.power).serve(relay), await serve(self.chain, jtag, lambda: None)]
        try:
            self.power(True)
            self._tell(POWERED)
            await ended.wait()
        finally:
            self.power(False)
            for server in servers:
                server.close()
            self.uart.close()
            loop.remove_reader(self._control)

    def _load_memory(self) -> None:
        flash = Flash(self._flash)
        self._memory.load(flash.payload(flash.active))

    def _tell(self, message: bytes) -> None:
        self._control.sendall(message)


def connect_network(control: socket.socket, address: str) -> None:
    """Make the device's namespace, wait for the lab's cable, and configure the interface, which stays down."""
    syscalls.unshare(syscalls.CLONE_NEWNET)
    syscalls.set_link("lo", up=True)
    _answer_all_closed_ports()
    control.sendall(NAMESPACE_MADE)
    control.settimeout(_CABLE_SECONDS)
    if control.recv(1) != CABLE_JOINED:
        sys.exit("board: the lab joined no cable")
    control.settimeout(None)
    syscalls.set_address(DEVICE_INTERFACE, address, NETMASK)
    syscalls.set_link(DEVICE_INTERFACE, up=False)  # giving it an address brought it up


def _answer_all_closed_ports() -> None:
    """Let the kernel say by ICMP at once which UDP ports are closed: a run need not wait for one message a second."""
    for limit in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
        with contextlib.suppress(OSError):  # where /proc/sys is read-only, a run only takes longer
            Path("/proc/sys/net", limit).write_text("0")


def program_of(words: str | None) -> Program:
    """Return the firmware: a program that is named as a JSON list, or the reference device's own, loaded once here."""
    if words is not None:
        return command(json.loads(words))
    from virtual_lab.reference.firmware import __main__ as firmware

    firmware.load()
    return firmware.main


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; descriptors become sockets."""

    def inherited(descriptor: str) -> socket.socket:
        return socket.socket(fileno=int(descriptor))

    parser = argparse.ArgumentParser(prog="virtual_lab.reference.board", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="state folder with flash/ and lab/")
    parser.add_argument("--loopback", action="store_true", help="stay in the lab's network namespace")
    parser.add_argument("--address", required=True, help="address of the device")
    parser.add_argument("--address6", default="", help="IPv6 address of the device, where it has one")
    parser.add_argument("--collector", required=True, help="address of the log collector")
    parser.add_argument("--port-map", default="{}", help='JSON: {"tcp/443": 20443}')
    parser.add_argument("--firmware", help="JSON: another command that runs on the processor")
    parser.add_argument("--parent", type=int, required=True, help="process id of the lab")
    parser.add_argument("--control", type=inherited, required=True, help="descriptor of the control socket")
    parser.add_argument("--relay", type=inherited, required=True, help="descriptor of the relay's listening socket")
    parser.add_argument("--jtag", type=inherited, required=True, help="descriptor of the adapter's listening socket")
    return parser.parse_args(arguments)


def main() -> None:
    """Run one board until SIGTERM."""
    arguments = parse(None)
    syscalls.die_with_parent(arguments.parent)
    if not arguments.loopback:
        connect_network(arguments.control, arguments.address)
    board = Board(arguments)
    asyncio.run(board.run(arguments.relay, arguments.jtag))


if __name__ == "__main__":
    main()
