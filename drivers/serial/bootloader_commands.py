"""What a bootloader lets do whoever has stopped it: change the kernel's arguments, read memory. Nothing is saved.

Commands are those of U-Boot, which most bootloaders with a prompt have taken over.
"""

import re
import secrets

from drivers.probe import Answer, Fact, printable
from drivers.serial.port import Awaited, Console, PlainText

COMMAND_SECONDS = 2.0
ENVIRONMENT, MEMORY = "environment", "memory"
_WORDS = re.compile(r"^(?:0x)?[0-9a-f]{4,16}:?\s+(?:[0-9a-f]{2,8}\s+){3}", re.IGNORECASE | re.MULTILINE)
_VALUE = re.compile(r"^bootargs=(.*)$", re.MULTILINE)


def say(console: Console, prompts: list[Awaited], command: str) -> str:
    """Give a command at the prompt, and return what came until the next prompt; within COMMAND_SECONDS."""
    before = console.received
    console.send(f"{command}\r")
    console.read_until(*prompts, seconds=COMMAND_SECONDS)
    return PlainText().feed(console.transcript(before))


def change_arguments(console: Console, prompts: list[Awaited]) -> Fact:
    """Add a word made for this run to the kernel's arguments, read them back, and put the old ones back.

    SEEN is the word in what the bootloader shows of its environment. The environment is not saved.
    """
    found = _VALUE.search(say(console, prompts, "printenv bootargs"))
    old = found[1].strip() if found else ""
    canary = f"trustprobe={secrets.token_hex(6)}"
    say(console, prompts, f"setenv bootargs {old} {canary}")
    shown = say(console, prompts, "printenv bootargs")
    say(console, prompts, f"setenv bootargs {old}".rstrip())
    values = _VALUE.findall(shown)
    if any(canary in value for value in values):
        words = f"the kernel's arguments were changed to {printable(values[-1], 200)!r}, and put back"
        return Fact(about=ENVIRONMENT, answer=Answer.SEEN, detail=words)
    return Fact(about=ENVIRONMENT, answer=Answer.REFUSED, detail=f"`setenv` changed nothing: {printable(shown, 200)}")


def read_memory(console: Console, prompts: list[Awaited], address: int) -> Fact:
    """Ask for memory at an address. SEEN is a line of an address and words."""
    shown = say(console, prompts, f"md {address:08x}")
    found = _WORDS.search(shown)
    if found:
        return Fact(about=MEMORY, answer=Answer.SEEN, detail=f"`md {address:08x}` shows {printable(found[0], 100)}")
    return Fact(about=MEMORY, answer=Answer.REFUSED, detail=f"`md {address:08x}` shows none: {printable(shown, 200)}")
