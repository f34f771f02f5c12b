"""The steps that switch the board: they watch it start on its console, and check that the switch controls it."""

import time
from collections.abc import Callable

from drivers.network.recognise.services import RecogniseServices
from drivers.power.switch import PowerSwitch
from drivers.serial.boot import LOGIN_SETTLE, Boot, ends_of_boot, restarted
from drivers.serial.port import Arrival, Awaited, PlainText
from lab_config.base import Absent
from lab_config.bench import Permission
from lab_config.component import ConsoleDeclaration, Service
from trustprobe.cli.bench.console import last_line
from trustprobe.cli.bench.desk import Desk, NoRecord, UnexpectedAnswerError
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, printable

HAND_SECONDS = 60.0
"""The time to reach the switch of a board that is switched by hand."""
DARK_SECONDS = 10.0
"""After this time the capacitors of a board are empty."""
_POLL_SECONDS = 0.2
"""Between two attempts to reach a board that gives no other sign of life."""
_SHOWN = 60


def boot(desk: Desk) -> None:
    """Switch the board off and on, by hand if the bench may not, and read its console until the login prompt."""
    bench, declaration = desk.console
    restart, patience = _restart(desk)
    seconds = desk.product.component.boot_seconds + patience
    with restarted(bench, declaration.baud, restart, seconds) as boot:
        if boot.read_until(Awaited.line(r"[^\n]")) is None:
            raise BenchError(
                f"no data arrived on the console within {seconds:g} s.",
                "Check that the board was switched on, and run the step `baud`.",
            )
        began = time.monotonic()
        arrival = boot.read_until(*ends_of_boot(declaration))
        took = max(0.0, time.monotonic() - began - LOGIN_SETTLE)  # a busy machine reads the whole log at once
        _tell(desk, declaration, boot, arrival, took)


def _tell(desk: Desk, declaration: ConsoleDeclaration, boot: Boot, arrival: Arrival | None, took: float) -> None:
    raw = boot.raw
    if not boot.shows(declaration.boot_start):
        raise UnexpectedAnswerError(
            f"no line of the boot log begins as declared. The first line is '{_first_line(raw)}'.",
            f"Correct `console.boot_start` in {desk.product_path}. It is a regular expression for the start of a line.",
        )
    desk.say(f"the boot log begins with '{_start(declaration, raw)}'")
    if arrival is None:
        raise UnexpectedAnswerError(
            f"the boot did not end with a login prompt. The last line is '{last_line(raw)}'.",
            f"Correct `console.login_prompt` or `boot_seconds` in {desk.product_path}.",
        )
    desk.say(f"it ends with '{printable(arrival.text, _SHOWN)}' after {took:.1f} s and {len(raw)} octets")


def _restart(desk: Desk) -> tuple[Callable[[], None], float]:
    """Return how the board is restarted, and how many seconds a person needs for it."""
    if not isinstance(desk.bench.power, Absent) and Permission.POWER in desk.bench.allow:
        return PowerSwitch(desk.bench.power).cycle, desk.bench.power.settle_seconds
    request = f"switch the board off and on now (within {HAND_SECONDS:.0f} s)"
    return lambda: desk.say(request, "do"), HAND_SECONDS


def _first_line(raw: bytes) -> str:
    lines = [line for line in PlainText().feed(raw).split("\n") if line.strip()]
    return printable(lines[0].rstrip(), _SHOWN) if lines else ""


def _start(declaration: ConsoleDeclaration, raw: bytes) -> str:
    """Return the declared first line of the log. A reset may print a damaged line before it."""
    text = PlainText().feed(raw)
    found = Awaited.line(declaration.boot_start).find(text)
    return printable(text[found.start() :].split("\n", 1)[0].rstrip(), _SHOWN) if found else ""


def power(desk: Desk) -> None:
    """Switch the board off and on, and check that it goes off and starts. This requires `power` in `allow`."""
    bench = desk.named(desk.bench.power, "power", "power: {on: ..., off: ...}")
    if Permission.POWER not in desk.bench.allow:
        raise ConfigurationError(
            f"{desk.bench_path} does not allow switching the power of the sample.", "Add `power` to `allow`."
        )
    canary = None if isinstance(desk.bench.network, Absent) else desk.canary
    if canary is None and isinstance(desk.bench.console, Absent):
        raise ConfigurationError(
            "the bench has neither network nor console, so nothing shows whether the board is on.",
            "Connect one of them.",
        )
    switch = PowerSwitch(bench)
    switch.off()
    if canary is not None:
        try:
            _see_it_dark(desk, canary)
        except BaseException:
            switch.on()
            raise
    _see_it_start(desk, switch, canary)


def _see_it_dark(desk: Desk, canary: Service) -> None:
    deadline = time.monotonic() + DARK_SECONDS
    while _speaks(desk, canary):
        if time.monotonic() >= deadline:
            raise BenchError(
                f"the board was switched off, but {canary.about} still answers after {DARK_SECONDS:.0f} s.",
                "Check that the switch controls this board, and that no serial or debug adapter powers it.",
            )
        time.sleep(_POLL_SECONDS)
    desk.say(f"off: {canary.about} no longer answers")


def _see_it_start(desk: Desk, switch: PowerSwitch, canary: Service | None) -> None:
    seconds = desk.product.component.boot_seconds
    began = time.monotonic()
    if not isinstance(desk.bench.console, Absent):
        port, declaration = desk.console
        with restarted(port, declaration.baud, switch.on, seconds) as boot:
            if boot.read_until(Awaited.line(r"[^\n]")) is None:
                raise BenchError(
                    "the board was switched on, but no data arrives on the console.",
                    "Check that the switch controls this board.",
                )
            boot.read_until(*ends_of_boot(declaration))
        desk.say("on: the console prints")
    else:
        switch.on()
    if canary is None:
        return
    while not _speaks(desk, canary):
        if time.monotonic() >= began + seconds:
            raise UnexpectedAnswerError(
                f"the board was switched on, but {canary.about} does not answer within {seconds:g} s.",
                f"Read the console, or correct `boot_seconds` in {desk.product_path}.",
            )
        time.sleep(_POLL_SECONDS)
    desk.say(f"on: {canary.about} answers after {time.monotonic() - began:.1f} s")


def _speaks(desk: Desk, service: Service) -> bool:
    """Whether the service answers in its protocol: a router accepts connections even if the board is off."""
    observed = RecogniseServices(desk.target, (service,), asks_on=False).run(NoRecord())
    return observed.facts[0].answer is Answer.SEEN
