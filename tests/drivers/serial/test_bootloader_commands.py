import select
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from drivers.serial import bootloader_commands
from drivers.serial.bootloader import InterruptAutoboot
from drivers.serial.bootloader_commands import (
    ARGUMENTS_LIMIT,
    ENVIRONMENT,
    MEMORY,
    change_arguments,
    read_memory,
)
from drivers.serial.port import Awaited, Console
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import DECLARATION, Getty, Line, PtyDevice, playing
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Fact

PROMPT = "AcmeBoot> "
PROMPTS = [Awaited.prompt(PROMPT, 0.1)]
ARGUMENTS = "console=ttyS0,115200 root=/dev/mmcblk0p2 ro"
DUMP = "80000000: ea000012 e59ff014 e59ff014 e59ff014    ................\r\n"
SOON = 1.5
LONG = 30.0


@dataclass
class Prompt:
    """A bootloader's prompt with a parser like U-Boot's: `;` ends a command, quotes and `$` mean something."""

    environment: dict[str, str] = field(default_factory=lambda: {"bootargs": ARGUMENTS})
    answers: dict[str, str] = field(default_factory=lambda: {"md": DUMP})
    mute: tuple[str, ...] = ()
    """Commands that are never done: neither an answer nor a prompt comes."""
    read_only: bool = False
    obeys_quotes: bool = True
    typed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __call__(self, line: Line) -> None:
        while True:
            line.write(f"\r\n\x1b[1m{PROMPT}\x1b[0m")
            typed = line.line()
            self.typed += [typed] if typed else []
            if typed == "boot":
                return
            for command in self._commands(typed):
                if self._run(line, command):
                    line.rest()

    def _commands(self, typed: str) -> list[list[str]]:
        parser = shlex.shlex(typed, posix=self.obeys_quotes, punctuation_chars=";")
        parser.whitespace_split, parser.commenters = True, ""
        commands: list[list[str]] = [[]]
        for word in parser:
            commands = [*commands, []] if word == ";" else [*commands[:-1], [*commands[-1], word]]
        return [command for command in commands if command]

    def _run(self, line: Line, words: list[str]) -> bool:
        """Do a command; True where it is never done."""
        name = words[0]
        self.done.append(name)
        if name in self.answers:
            line.write(self.answers[name])
        elif name == "printenv" and words[1] in self.environment:
            line.write(f"{words[1]}={self.environment[words[1]]}\r\n")
        elif name == "printenv":
            line.write(f'## Error: "{words[1]}" not defined\r\n')
        elif name == "setenv" and not self.read_only:
            self.environment.pop(words[1], None)
            if value := " ".join(words[2:]):
                self.environment[words[1]] = value
        elif name != "setenv":
            line.write(f"Unknown command '{name}' - try 'help'\r\n")
        return name in self.mute


@contextmanager
def console_of(prompt: Prompt) -> Iterator[tuple[Console, PtyDevice]]:
    """A console that stands at the prompt."""
    with playing(prompt) as dut, Console(dut.bench, 115200) as console:
        console.send("\r")  # what was printed before the port was open is lost
        assert console.read_until(*PROMPTS, seconds=10)
        yield console, dut


def changed(prompt: Prompt) -> Fact:
    with console_of(prompt) as (console, _):
        return change_arguments(console, PROMPTS)


def read(prompt: Prompt, address: int = 0x8000_0000) -> Fact:
    with console_of(prompt) as (console, _):
        return read_memory(console, PROMPTS, address)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootloader_commands, "COMMAND_SECONDS", SOON)


@pytest.mark.parametrize("arguments", [ARGUMENTS, ""], ids=["some", "none"])
def test_arguments_that_can_be_changed_are_seen_and_put_back(arguments: str) -> None:
    environment = {"bootargs": arguments} if arguments else {}
    prompt = Prompt(dict(environment))
    fact = changed(prompt)
    assert (fact.about, fact.answer) == (ENVIRONMENT, Answer.SEEN)
    assert "trustprobe=" in fact.detail
    assert fact.detail.endswith("and restored")
    assert prompt.environment == environment
    assert "saveenv" not in prompt.done


def test_each_run_adds_a_word_of_its_own() -> None:
    prompt = Prompt()
    assert changed(prompt).detail != changed(prompt).detail


@pytest.mark.parametrize("arguments", ["quiet; reset", "quiet ${extra}", 'dyndbg="file a +p"', "a && reset", "a\\;b"])
def test_arguments_that_the_bootloader_could_carry_out_are_typed_as_plain_text(arguments: str) -> None:
    prompt = Prompt({"bootargs": arguments})
    fact = changed(prompt)
    assert fact.answer is Answer.SEEN
    assert prompt.environment == {"bootargs": arguments}
    assert set(prompt.done) == {"printenv", "setenv"}


@pytest.mark.parametrize(
    "arguments",
    ["x" * (ARGUMENTS_LIMIT + 1), "y" * 100_000, "quiet'; reset; '", "tasse=ä", "a\u2028b", "\ufffd"],
    ids=["over the limit", "endless", "quote", "umlaut", "line separator", "undecodable"],
)
def test_arguments_that_could_not_be_put_back_are_left_alone(arguments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootloader_commands, "COMMAND_SECONDS", LONG)  # the prompt ends it, after 100 kB as well
    prompt = Prompt({"bootargs": arguments})
    fact = changed(prompt)
    assert fact.answer is Answer.SILENT
    assert "not changed" in fact.detail
    assert "\u2028" not in fact.detail
    assert prompt.typed == ["printenv bootargs"]


def test_arguments_that_were_not_put_back_are_said_to_be_other_than_before() -> None:
    prompt = Prompt({"bootargs": "quiet; splash"}, obeys_quotes=False)
    fact = changed(prompt)
    assert fact.answer is Answer.SEEN
    assert prompt.environment["bootargs"] != "quiet; splash"
    assert "and not restored" in fact.detail


def test_a_bootloader_that_keeps_its_arguments_refuses_by_showing_them() -> None:
    fact = changed(Prompt(read_only=True))
    assert fact.answer is Answer.REFUSED
    assert ARGUMENTS in fact.detail


def test_a_bootloader_without_these_commands_refuses_in_its_words() -> None:
    words = {name: f"Unknown command '{name}'\x07\r\n" for name in ("printenv", "setenv")}
    fact = changed(Prompt(answers=words))
    assert fact.answer is Answer.REFUSED
    assert "Unknown command 'setenv'" in fact.detail


def test_the_echo_of_the_command_is_no_proof_of_a_change() -> None:
    echo = "setenv bootargs trustprobe=000000000000\r\n"
    fact = changed(Prompt(answers={"setenv": echo}))
    assert fact.answer is Answer.REFUSED


@pytest.mark.parametrize("command", ["printenv", "setenv"])
@pytest.mark.usefixtures("impatient")
def test_a_bootloader_that_gets_stuck_at_a_command_has_refused_nothing(command: str) -> None:
    fact = changed(Prompt(mute=(command,), read_only=True))
    assert fact.answer is Answer.SILENT
    assert f"after `{command} bootargs" in fact.detail


@pytest.mark.parametrize("probe", [changed, read])
def test_a_prompt_that_comes_again_without_a_word_has_refused_nothing(probe: Callable[[Prompt], Fact]) -> None:
    fact = probe(Prompt(answers=dict.fromkeys(("printenv", "setenv", "md"), "")))
    assert fact.answer is Answer.SILENT
    assert "printed only its prompt" in fact.detail


@pytest.mark.parametrize("dump", [DUMP, "0x80000000  00 01 02 03 04 05\r\n"])
def test_memory_that_is_shown_is_seen_in_the_devices_words(dump: str) -> None:
    prompt = Prompt(answers={"md": dump})
    fact = read(prompt)
    assert (fact.about, fact.answer) == (MEMORY, Answer.SEEN)
    assert dump[:12] in fact.detail
    assert prompt.typed == ["md 80000000"]


@pytest.mark.usefixtures("impatient")
def test_memory_is_seen_although_no_prompt_follows_it() -> None:
    assert read(Prompt(mute=("md",))).answer is Answer.SEEN


@pytest.mark.parametrize("words", ["data abort", "Unknown command 'md'", "0400\r\n0012\r\n0013\r\n0014", "80000000: ?"])
def test_an_answer_without_a_line_of_memory_is_a_refusal(words: str) -> None:
    fact = read(Prompt(answers={"md": f"{words}\r\n"}))
    assert fact.answer is Answer.REFUSED
    assert words.split("\r\n")[0] in fact.detail


@pytest.mark.usefixtures("impatient")
def test_silence_at_a_memory_command_is_silence() -> None:
    assert read(Prompt(answers={"md": ""}, mute=("md",))).answer is Answer.SILENT


@pytest.mark.parametrize("probe", [changed, read])
@pytest.mark.usefixtures("impatient")
def test_endless_output_is_bounded_and_proves_nothing(probe: Callable[[Prompt], Fact]) -> None:
    noise = "\x1b]0;title\x07no answer \u202e\r\n" * 20_000
    fact = probe(Prompt(answers=dict.fromkeys(("printenv", "setenv", "md"), noise), mute=("printenv", "md")))
    assert fact.answer is Answer.SILENT
    assert len(fact.detail) < 1_000
    assert fact.detail.isprintable()


def test_a_refusal_is_quoted_without_what_acts_on_a_terminal() -> None:
    fact = read(Prompt(answers={"md": "no\u202e " + "x" * 5_000 + "\x1b[2J\r\n"}))
    assert fact.answer is Answer.REFUSED
    assert fact.detail.isprintable()
    assert len(fact.detail) < 400


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_comes_late_is_not_taken_for_that_of_the_next_command() -> None:
    late = Prompt(answers={"md": "", "printenv": "", "setenv": ""})
    with console_of(late) as (console, dut):
        dut.line.write(f"Unknown command 'md'\r\n{PROMPT}")  # of a command before
        assert select.select([dut.slave], [], [], LONG)[0]  # the kernel hands it on in its own time
        assert read_memory(console, PROMPTS, 0).answer is Answer.SILENT


@pytest.mark.parametrize("probe", [change_arguments, lambda console, prompts: read_memory(console, prompts, 0)])
def test_an_adapter_that_goes_away_is_the_benchs_fault(probe: Callable[[Console, list[Awaited]], Fact]) -> None:
    with console_of(Prompt()) as (console, dut):
        dut.unplug()
        with pytest.raises(BenchError, match="serial port"):
            probe(console, PROMPTS)
        dut.errors.append(BenchError("unplugged"))  # the line is closed already


@dataclass
class Stopped:
    """A board whose bootloader any key stops."""

    prompt: Prompt

    def __call__(self, line: Line) -> None:
        line.write("AcmeBoot 2.1 (reset: power-on)\r\nAutoboot in 2 seconds")
        line.key()
        self.prompt(line)
        line.write("\r\nStarting kernel ...\r\n")
        Getty()(line)


@pytest.mark.usefixtures("impatient")
def test_the_keys_are_no_witness_for_a_command_that_got_no_answer() -> None:
    with playing(Getty(), boot=Stopped(Prompt(answers={"md": ""}, read_only=True))) as dut:
        seen = InterruptAutoboot(dut.bench, DECLARATION, dut.restart, 10).run(MemoryRecorder())
    assert seen.seen == {"keys"}
    assert seen.conclusive
    assert seen.of(ENVIRONMENT).refused == {ENVIRONMENT}
    assert seen.of(ENVIRONMENT).conclusive
    assert seen.of(MEMORY).silent == {MEMORY}
    assert not seen.of(MEMORY).conclusive
