"""The actions that a stopped bootloader allows: change the kernel's arguments, read memory. Nothing is saved.

Commands are those of U-Boot, which most bootloaders with a prompt have taken over.
"""

import re
import secrets
from dataclasses import dataclass

from drivers.serial.port import Awaited, Console, PlainText
from trustprobe.probe import Answer, Fact, printable

COMMAND_SECONDS = 2.0
ARGUMENTS_LIMIT = 1_000
"""Characters of the kernel's arguments that are typed back; longer command lines are cut by some bootloaders."""
ENVIRONMENT, MEMORY = "environment", "memory"
_WORDS = re.compile(r"^(?:0x)?[0-9a-f]{4,16}:?[ \t]+(?:[0-9a-f]{2,8}[ \t]+){3}", re.IGNORECASE | re.MULTILINE)
_SHOW = "printenv bootargs"
_VALUE = re.compile(r"^bootargs=(.*)$", re.MULTILINE)
_PLAIN = re.compile(r"[\w ,.:/=+@%-]*", re.ASCII)
_QUOTABLE = re.compile(r"[ -&(-~]*")


@dataclass(frozen=True)
class BootloaderReply:
    """What came after a command, and whether it ended with a prompt: without one the bootloader is not done."""

    command: str
    text: str
    prompted: bool

    @property
    def arguments(self) -> str:
        """The kernel's arguments that it shows; empty where it shows none."""
        found = _VALUE.search(self.text)
        return found[1].strip() if found else ""

    @property
    def words(self) -> list[str]:
        """The lines that are neither the echo of the command, or a part of it, nor the prompt."""
        lines = (line.strip() for line in self.text.split("\n")[:-1])
        return [line for line in lines if line not in self.command and not line.endswith(self.command)]


def say(console: Console, prompts: list[Awaited], command: str) -> BootloaderReply:
    """Give a command at the prompt, and return what came until the next prompt; within COMMAND_SECONDS."""
    console.drain()  # what comes late of the command before is no answer to this one
    before = console.received
    console.send(f"{command}\r")
    prompted = console.read_until(*prompts, seconds=COMMAND_SECONDS) is not None
    return BootloaderReply(command, PlainText().feed(console.transcript(before)), prompted)


def change_arguments(console: Console, prompts: list[Awaited]) -> Fact:
    """Add a word made for this run to the kernel's arguments, read them back, and put the old ones back.

    SEEN is the word in what the bootloader shows of its environment. The environment is not saved. Arguments that
    cannot be typed back as they were are left alone.
    """
    first = say(console, prompts, _SHOW)
    if not first.prompted:
        return _not_shown(ENVIRONMENT, "the kernel's arguments were not shown", first)
    old = first.arguments
    if len(old) > ARGUMENTS_LIMIT or not _QUOTABLE.fullmatch(old):
        words = f"not changed, because they could not be restored exactly: {printable(old, 200)}"
        return Fact(about=ENVIRONMENT, answer=Answer.SILENT, detail=words)
    canary = f"trustprobe={secrets.token_hex(6)}"
    change = say(console, prompts, f"setenv bootargs {_quoted(f'{canary} {old}'.rstrip())}")
    shown = say(console, prompts, _SHOW)
    say(console, prompts, f"setenv bootargs {_quoted(old)}".rstrip())
    changed = next((value for value in _VALUE.findall(shown.text) if canary in value), None)
    if changed is None:
        return _not_shown(ENVIRONMENT, "`setenv` changed nothing", change, shown)
    restored = say(console, prompts, _SHOW).arguments == old
    ending = "and restored" if restored else "and not restored. The next start uses the saved arguments"
    words = f"the kernel's arguments were changed to {printable(changed, 200)!r}, {ending}"
    return Fact(about=ENVIRONMENT, answer=Answer.SEEN, detail=words)


def read_memory(console: Console, prompts: list[Awaited], address: int) -> Fact:
    """Ask for memory at an address. SEEN is a line of an address and words."""
    reply = say(console, prompts, f"md {address:08x}")
    if found := _WORDS.search(reply.text):
        return Fact(about=MEMORY, answer=Answer.SEEN, detail=f"`{reply.command}` shows {printable(found[0], 100)}")
    return _not_shown(MEMORY, f"`{reply.command}` shows no memory", reply)


def _quoted(value: str) -> str:
    """Return a value as one that the bootloader takes literally: it must not carry out what its own arguments hold."""
    return value if _PLAIN.fullmatch(value) else f"'{value}'"


def _not_shown(about: str, what: str, *replies: BootloaderReply) -> Fact:
    """Say that a thing did not show: refused in the bootloader's words, silent where it was not done or said none."""
    if unanswered := [reply.command for reply in replies if not reply.prompted]:
        words = f"{what}: no prompt appeared within {COMMAND_SECONDS:.0f} s after `{printable(unanswered[0], 200)}`"
        return Fact(about=about, answer=Answer.SILENT, detail=words)
    if said := [line for reply in replies for line in reply.words]:
        return Fact(about=about, answer=Answer.REFUSED, detail=f"{what}: {printable(' '.join(said), 200)}")
    return Fact(about=about, answer=Answer.SILENT, detail=f"{what}, and the bootloader printed only its prompt")
