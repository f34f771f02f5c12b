"""The firmware: `python -m virtual_lab.reference.firmware --flash DIR --uart-fd N ...`, or `main` in a fork.

The board starts it at power on and ends it with a signal. It ends by itself, with RESTART, to be started again.
"""

import argparse
import importlib
import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.leftovers.boot_window import telnet_before_the_firewall
from virtual_lab.reference.firmware.ports import Ports
from virtual_lab.reference.firmware.storage.flash import Flash
from virtual_lab.reference.firmware.terminals.bootloader import Bootloader
from virtual_lab.reference.firmware.terminals.serial_line import LineClosedError, SerialLine

RESTART = 75
"""Exit status that asks the board to start the firmware again (a software reset)."""
_LAST_RECORDS_SECONDS = 1.0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firmware", description="Run the firmware of the reference device.")
    parser.add_argument("--flash", type=Path, required=True, help="state folder of the device")
    parser.add_argument("--uart-fd", type=int, required=True, help="file descriptor of the serial console")
    parser.add_argument("--address", required=True, help="the device's own address; nothing else is bound")
    parser.add_argument("--collector", help="address of the log collector, in place of the one on the flash")
    parser.add_argument("--port-map", type=json.loads, default={}, help='ports to bind: {"tcp/443": 20443}')
    parser.add_argument("--reset", choices=("power-on", "software", "watchdog"), default="power-on")
    return parser.parse_args(words)


def load() -> None:
    """Import what is slow to import."""
    importlib.import_module("virtual_lab.reference.firmware.terminals.console")
    importlib.import_module("virtual_lab.reference.firmware.services")


def main(words: Sequence[str] | None = None) -> int:
    """Boot, serve until a restart is asked for, and return the exit status; `words` are those of the command line."""
    arguments = _arguments(words)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # nothing to put away: each file on the flash changes in one step
    loading = threading.Thread(target=load, daemon=True)
    loading.start()  # the slow imports run while the bootloader counts down
    flash = Flash(arguments.flash)
    defects = Defects(flash.config["defects"])
    line = SerialLine(arguments.uart_fd)
    bootloader = Bootloader(line, flash, defects, arguments.reset)
    try:
        bootloader.run()
    except LineClosedError:
        return 0
    bootloader.kernel_log()
    ports = Ports(arguments.address, arguments.port_map)
    if defects("boot_window_telnet"):
        telnet_before_the_firewall(ports)
    loading.join()

    from virtual_lab.reference.firmware.device import Boot, Device
    from virtual_lab.reference.firmware.services import start_services
    from virtual_lab.reference.firmware.terminals.console import Console

    device = Device(flash, defects, ports, Boot(arguments.reset))
    start_services(device, arguments.collector or flash.config["collector"]["address"])
    Console(device, line).start()
    device.restarting.wait()
    line.write("\nreboot: Restarting system\n")
    device.log.flush(_LAST_RECORDS_SECONDS)
    return RESTART


if __name__ == "__main__":
    status = main()
    os._exit(status)  # a reset: no thread gets to say goodbye
