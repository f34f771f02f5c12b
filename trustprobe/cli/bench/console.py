"""The steps on the serial console: whether the port exists, whether text arrives, whether input is echoed."""

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
"""Tried if no text arrives at the declared rate. The most common rate comes first."""
_ANSWER_SECONDS = 1.0
_ECHO_SECONDS = 2.0
_TWICE_SECONDS = 0.3
_READABLE = 0.9
_SHOWN = 60
_OCTETS = 12
_ERASE_LINE = "\x15"
"""Ctrl-U deletes the typed line, both at a login prompt and in a shell."""
_CHECK_WIRES = "Check GND, and that the board's TX goes to the adapter's RX and its RX to the adapter's TX."


def port(desk: Desk) -> None:
    """Open the serial port exclusively, and close it again. This step sends nothing."""
    bench, declaration = desk.console
    if bench.url.startswith("/dev/") and not Path(bench.url).exists():
        found = ", ".join(sorted(one.device for one in comports())) or "no serial port"
        raise BenchError(
            f"the serial port {bench.url} does not exist. This machine has {found}.",
            "Plug in the adapter, or correct `console.url` in the bench file.",
        )
    with Console(bench, declaration.baud):
        desk.say(f"{bench.url} is open at {declaration.baud} baud, for this program only")


@dataclass(frozen=True)
class Heard:
    """The data that arrived at one rate."""

    raw: bytes

    @property
    def is_echo(self) -> bool:
        """Whether only the typed line ends came back."""
        return bool(self.raw) and not self.raw.strip(b"\r\n")

    @property
    def is_text(self) -> bool:
        """Whether nine in ten characters are printable."""
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
    """Type CR, at most twice, and check that text arrives at the declared rate. If none does, try the other rates."""
    bench, declaration = desk.console
    heard = _hear(bench, declaration, declaration.baud)
    if heard.is_text:
        desk.say(f"{declaration.baud} baud: text arrives, '{heard.last_line}'")
        return
    if heard.is_echo:
        raise BenchError(
            f"{bench.url} returns only the line ends that were typed.",
            f"TX and RX are connected to each other, or no program reads the port. {_CHECK_WIRES}",
        )
    desk.say(f"{declaration.baud} baud: {_words(heard)}", "no")
    if "://" in bench.url and heard.raw:
        raise BenchError(
            f"no text arrives through {bench.url}.", f"Set the rate on the serial server itself. {_CHECK_WIRES}"
        )
    for rate in RATES if "://" not in bench.url else ():
        if rate != declaration.baud and (found := _at(bench, declaration, rate)).is_text:
            raise ConfigurationError(
                f"text arrives at {rate} baud, '{found.last_line}', but not at {declaration.baud} baud.",
                f"Write `console.baud: {rate}` in {desk.product_path}.",
            )
    if heard.raw:
        raise BenchError("the data is no text at any usual rate.", f"Check the voltage of the adapter. {_CHECK_WIRES}")
    raise BenchError(f"no data arrives at {bench.url}.", f"Check that the board is on and has started. {_CHECK_WIRES}")


def _at(bench: ConsoleBench, declaration: ConsoleDeclaration, rate: int) -> Heard:
    """Listen at a rate. If the adapter does not support it, return no data."""
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
        return "no data arrives"
    return f"{len(heard.raw)} octets arrive that are no text: {heard.raw[:_OCTETS].hex(' ')} ..."


def echo(desk: Desk) -> None:
    """Type eight letters at the login prompt, check that they come back once, and delete them with Ctrl-U."""
    bench, declaration = desk.console
    word = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz") for _ in range(8))
    with Console(bench, declaration.baud) as console:
        prompt = LoginDialogue(console, declaration).reach_login()
        if prompt is None:
            raise UnexpectedAnswerError(
                f"no declared prompt appeared. The last line was '{last_line(console.transcript())}'.",
                f"Correct `console.login_prompt` in {desk.product_path}, or run the step `baud` first.",
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
            "the board prints, but does not echo what is typed.",
            f"Its RX receives nothing. {_CHECK_WIRES}",
        )
    if times > 1:
        raise BenchError(
            "what is typed comes back twice.", "Switch off the local echo of the adapter or serial server."
        )
    desk.say(f"{len(word)} typed letters came back once")


def login(desk: Desk) -> None:
    """Log in once with the declared console account and the password of the bench, and log out again."""
    bench, declaration = desk.console
    account = _account(desk)
    credential = desk.bench.credentials[account.id]
    alone = desk.bench.model_copy(
        update={"credentials": {account.id: credential}, "second": Absent(absent="another account is not needed")}
    )
    password = Secrets.of(alone, desk.bench_path).value(account.id)
    attempt = ConsoleDoor(bench, declaration).attempt(credential.user, password)
    detail = printable(attempt.detail.rstrip(), _SHOWN * 2)
    if attempt.answer is Answer.SEEN:
        desk.say(f"{credential.user} logged in and out again: {detail}")
        return
    if attempt.answer is Answer.REFUSED:
        raise UnexpectedAnswerError(
            f"the console refused {credential.user}: {detail}.",
            f"Correct the password that `credentials.{account.id}` in the bench file refers to.",
        )
    raise UnexpectedAnswerError(
        f"the login of {credential.user} did not complete: {detail}.",
        f"Correct the prompts and `refusal` of `console` in {desk.product_path}.",
    )


def _account(desk: Desk) -> Account:
    """Return the first declared account of the console whose password the bench has."""
    accounts = [one for one in desk.product.component.users if "console" in one.interfaces]
    if not accounts:
        raise ConfigurationError(
            f"{desk.product_path} declares no account that may log in on the console.",
            "Add `console` to the `interfaces` of an account.",
        )
    for account in accounts:
        if account.id in desk.bench.credentials:
            return account
    raise ConfigurationError(
        f"{desk.bench_path} has no password for {accounts[0].id}, the console account.",
        f"Add it under `credentials.{accounts[0].id}`.",
    )
