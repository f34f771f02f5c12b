"""The boot chain on the serial console: boot log, autoboot countdown, start of the kernel.

A hardened bootloader reads nothing in its countdown; its prompt exists only where it is planted.
"""

import time
from collections import defaultdict
from typing import NoReturn

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.storage.flash import Flash
from virtual_lab.reference.firmware.terminals.line_editor import LineEditor
from virtual_lab.reference.firmware.terminals.serial_line import SerialLine

PROMPT = "HalcyonBoot> "
COUNTDOWN_MS = 300
MEMORY_BASE = 0x0800_0000
"""Where the bootloader and the debug port see the payload of the active slot."""
_DUMP_OCTETS = 64
_HALT_SECONDS = 60.0


class Bootloader:
    """The bootloader of one device."""

    def __init__(self, line: SerialLine, flash: Flash, defects: Defects, reset: str) -> None:
        self._line = line
        self._flash = flash
        self._defects = defects
        self._reset = reset
        self._slot = flash.active
        self._environment = defaultdict(
            str,
            bootdelay=str(COUNTDOWN_MS),
            slot=self._slot,
            serial=str(flash.config["serial"]),
            bootargs="console=ttyS0,115200 root=/dev/dm-0 ro",
        )

    def run(self) -> None:
        """Print the boot log, count down, and return when the kernel is to start."""
        self._line.write(self._boot_log())
        if self._flash.unfinished(self._slot):
            self._halt()
        if self._interrupted():
            self._prompt()
        self._line.write("Starting kernel ...\n\n")

    def _halt(self) -> NoReturn:
        """Wait for a power cut: the slot that is to boot holds half of an image."""
        self._line.write("No bootable slot. System halted.\n")
        while True:
            self._line.read(_HALT_SECONDS)

    def kernel_log(self) -> None:
        """Print what the kernel says."""
        config = self._flash.config
        lines = (
            "[    0.000000] Booting Linux on physical CPU 0x0",
            f"[    0.000000] Machine model: {config['manufacturer']} {config['model']}",
            "[    0.183442] mmcblk0: mmc0:0001 HV2EMM 7.28 GiB",
            f"[    0.240915] dm-verity: slot {self._slot} mounted read-only",
            f"[    0.307730] macb eth0: link up, address {config['mac']}",
            f"[    0.412031] init: firmware {self._flash.slot(self._slot).version}, serial {config['serial']}",
        )
        self._line.write("\n".join(lines) + "\n")

    def _boot_log(self) -> str:
        slot = self._flash.slot(self._slot)
        lines = [
            f"HalcyonBoot 2.1 (reset: {self._reset})",
            "DRAM:  512 MiB",
            "MMC:   mmc0 8 GB",
            f"Slot {self._slot}: version {slot.version}, rollback counter {slot.rollback_counter}",
            f"Verifying slot {self._slot} ... {'BAD' if self._flash.unfinished(self._slot) else 'OK'}",
        ]
        if self._defects("bootlog_secret"):
            lines += [f"{name}={value}" for name, value in sorted(self._flash.production_secrets.items())]
        return "\n" + "\n".join(lines) + "\n"

    def _interrupted(self) -> bool:
        listening = self._defects("autoboot_interruptible")
        self._line.write(f"Autoboot in {COUNTDOWN_MS} ms\n")
        deadline = time.monotonic() + COUNTDOWN_MS / 1000
        while (seconds := deadline - time.monotonic()) > 0:
            if self._line.read(seconds) and listening:
                return True
        self._line.write("Autoboot in 0 ms\n")
        return False

    def _prompt(self) -> None:
        editor = LineEditor(self._line)
        while True:
            self._line.write(f"\n{PROMPT}")
            words = (editor.read() or "").split()
            if words == ["boot"]:
                return
            if words:
                self._line.write(self._command(words))

    def _command(self, words: list[str]) -> str:
        if words == ["help"]:
            return "boot, help, md ADDR, printenv [NAME], setenv NAME [VALUE ...]"
        if words[0] == "printenv" and len(words) <= 2:
            return "\n".join(f"{name}={self._environment[name]}" for name in words[1:] or self._environment)
        if words[0] == "setenv" and len(words) >= 2:
            self._environment[words[1]] = " ".join(words[2:])
            return ""
        if words[0] == "md" and len(words) == 2:
            return self._dump(words[1])
        return f"Unknown command '{words[0]}' - try 'help'"

    def _dump(self, word: str) -> str:
        memory = self._flash.payload(self._slot)
        try:
            offset = int(word, 16) - MEMORY_BASE
        except ValueError:
            return "md ADDR: the address is hexadecimal"
        if not 0 <= offset <= len(memory) - _DUMP_OCTETS:
            return "data abort"
        rows = []
        for start in range(offset, offset + _DUMP_OCTETS, 16):
            row = (int.from_bytes(memory[at : at + 4], "little") for at in range(start, start + 16, 4))
            rows.append(f"{MEMORY_BASE + start:08x}: " + " ".join(f"{value:08x}" for value in row))
        return "\n".join(rows)
