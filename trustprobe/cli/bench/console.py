"""The steps on the serial console: is the port there, does text come at this rate, is what is typed heard."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from serial.tools.list_ports import comports

from drivers.serial.console import ConsoleDoor
from drivers.serial.login import LoginDialogue
from drivers.serial.port import Awaited, Console, PlainText
from lab_config.account import Account
from lab_config.base import Absent
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration
from lab_config.secrets import Secrets
from trustprobe.cli.bench.desk import Desk, UnexpectedAnswerError
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, printable

RATES = (115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600, 1500000)
"""Tried where no text comes at the declared rate; the commonest first."""
_ANSWER_SECONDS = 1.0
_ECHO_SECONDS = 2.0
_TWICE_SECONDS = 0.3
_READABLE = 0.9
_SHOWN = 60
_OCTETS = 12
_ERASE_LINE = "\x15"
"""Ctrl-U takes back what was typed, at a login prompt as in a shell."""
_CHECK_WIRES = "Check GND, and that the board's TX goes to the adapter's RX and its RX to the adapter's TX."


def port(desk: Desk) -> None:
    """Open the serial port for this process alone, and close it again; nothing is sent."""
    bench, declaration = desk.console
    if bench.url.startswith("/dev/") and not Path(bench.url).exists():
        found = ", ".join(sorted(one.device for one in comports())) or "no serial port at all"
        raise BenchError(
            f"serial port {bench.url} is not there; this machine has {found}.",
            "Plug the adapter in, or correct `console.url` of the bench file.",
        )
    with Console(bench, declaration.baud):
        desk.say(f"{bench.url} is open at {declaration.baud} baud, for this program alone")


@dataclass(frozen=True)
class Heard:
    """What came at one rate."""

    raw: bytes

    @property
    def is_echo(self) -> bool:
        """Whether nothing came but the line ends that were typed."""
        return bool(self.raw) and not self.raw.strip(b"\r\n")

    @property
    def is_text(self) -> bool:
        """Whether nine in ten characters can be read."""
        text = self.raw.decode("utf-8", "replace")
        good = sum((one.isprintable() and one != "\ufffd") or one in "\t\r\n\b\a\x1b" for one in text)
        return bool(self.raw.strip()) and good >= _READABLE * len(text)

    @property
    def last_line(self) -> str:
        """The last line that is not empty, printable."""
        return last_line(self.raw)


def last_line(raw: bytes) -> str:
    """Return the last line of console output that is not empty, as text that no terminal interprets."""
    lines = [line for line in PlainText().feed(raw).split("\n") if line.strip()]
    return printable(lines[-1].rstrip(), _SHOWN) if lines else ""


def baud(desk: Desk) -> None:
    """Type CR, twice at most, and see whether text comes back at the declared rate; where none does, at the others."""
    bench, declaration = desk.console
    heard = _hear(bench, declaration, declaration.baud)
    if heard.is_text:
        desk.say(f"{declaration.baud} baud: text comes, '{heard.last_line}'")
        return
    if heard.is_echo:
        raise BenchError(
            f"{bench.url} gives back the line ends that were typed, and nothing else.",
            f"TX and RX are joined, or no program reads the port. {_CHECK_WIRES}",
        )
    desk.say(f"{declaration.baud} baud: {_words(heard)}", "no")
    if "://" in bench.url and heard.raw:
        raise BenchError(
            f"no text comes through {bench.url}.", f"Set the rate on the serial server itself. {_CHECK_WIRES}"
        )
    for rate in RATES if "://" not in bench.url else ():
        if rate != declaration.baud and (found := _at(bench, declaration, rate)).is_text:
            raise ConfigurationError(
                f"text comes at {rate} baud, '{found.last_line}', and not at {declaration.baud}.",
                f"Write `console.baud: {rate}` in {desk.product_path}.",
            )
    if heard.raw:
        raise BenchError(
            "what comes can be read at no usual rate.", f"Check the voltage of the adapter. {_CHECK_WIRES}"
        )
    raise BenchError(f"nothing comes at {bench.url}.", f"Check that the board is on and has started. {_CHECK_WIRES}")


def _at(bench: ConsoleBench, declaration: ConsoleDeclaration, rate: int) -> Heard:
    """Listen at a rate that the adapter may not have; then nothing is heard."""
    try:
        return _hear(bench, declaration, rate)
    except BenchError:
        return Heard(b"")


def _hear(bench: ConsoleBench, declaration: ConsoleDeclaration, rate: int) -> Heard:
    prompts = (declaration.login_prompt, declaration.password_prompt, declaration.shell_prompt)
    with Console(bench, rate) as console:
        console.drain()
        for _ in range(2):
            console.send("\r")
            if console.read_until(*map(Awaited.prompt, prompts), seconds=_ANSWER_SECONDS):
                break
        return Heard(console.transcript())


def _words(heard: Heard) -> str:
    if not heard.raw:
        return "nothing comes"
    return f"{len(heard.raw)} octets come, which are no text: {heard.raw[:_OCTETS].hex(' ')} ..."


def echo(desk: Desk) -> None:
    """Go to the login prompt, type eight letters, see them come back once, and take them back with Ctrl-U."""
    bench, declaration = desk.console
    word = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz") for _ in range(8))
    with Console(bench, declaration.baud) as console:
        prompt = LoginDialogue(console, declaration).reach_login()
        if prompt is None:
            raise UnexpectedAnswerError(
                f"no prompt of the declaration came; the last line was '{last_line(console.transcript())}'.",
                f"Correct `console.login_prompt` in {desk.product_path}, or do the step `baud` first.",
            )
        desk.say(f"the prompt is '{printable(prompt.text, _SHOWN)}'")
        console.drain()
        before = console.received
        console.send(word)
        for seconds in (_ECHO_SECONDS, _TWICE_SECONDS):
            console.read_until(Awaited.line(f"[^\n]*{word}"), seconds=seconds)
        times = PlainText().feed(console.transcript(before)).count(word)
        console.send(_ERASE_LINE)
    if times == 0:
        raise BenchError(
            "the board prints, and does not show what is typed.",
            f"Its RX hears nothing. {_CHECK_WIRES}",
        )
    if times > 1:
        raise BenchError(
            "what is typed comes back twice.", "Switch off the local echo of the adapter or serial server."
        )
    desk.say(f"{len(word)} letters were typed, and came back once")


def login(desk: Desk) -> None:
    """Log in once with the declared account of the console and the bench's password, and log out again."""
    bench, declaration = desk.console
    account = _account(desk)
    credential = desk.bench.credentials[account.id]
    alone = desk.bench.model_copy(
        update={"credentials": {account.id: credential}, "second": Absent(absent="another account is not asked for")}
    )
    password = Secrets.of(alone, desk.bench_path).value(account.id)
    attempt = ConsoleDoor(bench, declaration).attempt(credential.user, password)
    detail = printable(attempt.detail.rstrip(), _SHOWN * 2)
    if attempt.answer is Answer.SEEN:
        desk.say(f"{credential.user} logged in, and out again: {detail}")
        return
    if attempt.answer is Answer.REFUSED:
        raise UnexpectedAnswerError(
            f"the console refused {credential.user}: {detail}.",
            f"Correct the password that `credentials.{account.id}` of the bench file refers to.",
        )
    raise UnexpectedAnswerError(
        f"the login of {credential.user} came to no end: {detail}.",
        f"Correct the prompts and `refusal` of `console` in {desk.product_path}.",
    )


def _account(desk: Desk) -> Account:
    """Return the first declared account of the console whose password the bench has."""
    accounts = [one for one in desk.product.component.accounts if "console" in one.interfaces]
    if not accounts:
        raise ConfigurationError(
            f"{desk.product_path} declares no account that may log in on the console.",
            "Put `console` among the `interfaces` of an account.",
        )
    for account in accounts:
        if account.id in desk.bench.credentials:
            return account
    raise ConfigurationError(
        f"{desk.bench_path} has no password of {accounts[0].id}, the account of the console.",
        f"Write it under `credentials.{accounts[0].id}`.",
    )
