"""The bench's power switch: each of on and off is an URL that is fetched, or a command that is run; or QEMU's QMP.

    power:
      on: http://192.0.2.50/relay/0?turn=on          # Shelly, Tasmota, a PDU with HTTP
      off: [uhubctl, -l, 1-1, -p, "2", -a, "off"]    # any program of this machine
    power: {qmp: unix:/run/board.qmp}                # a board that QEMU runs

Whether the sample may lose its power is decided before (the bench's `allow`), not here.
"""

import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass

import requests

from drivers.command import run
from drivers.power.qmp import QmpPower
from lab_config.bench import PowerBench
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import printable

HTTP_SECONDS = 5.0
COMMAND_SECONDS = 15.0
_TAIL = 300


@dataclass(frozen=True)
class PowerSwitch:
    """Switches the sample's supply. Every method raises BenchError when the switch does not do it."""

    bench: PowerBench

    def on(self) -> None:
        """Give the sample its power."""
        if self.bench.qmp is not None:
            QmpPower(self.bench.qmp).on()
        else:
            _switch(self.bench.on, "on")

    def off(self) -> None:
        """Take the sample's power away."""
        if self.bench.qmp is not None:
            QmpPower(self.bench.qmp).off()
        else:
            _switch(self.bench.off, "off")

    def cycle(self, while_off: Callable[[], None] = lambda: None) -> None:
        """Switch off and on, with `settle_seconds` between: no event tells when the board's capacitors are empty.

        `while_off` is called after this time and before the power returns.
        """
        self.off()
        threading.Event().wait(self.bench.settle_seconds)
        try:
            while_off()
        finally:
            self.on()


def _switch(how: str | tuple[str, ...] | None, state: str) -> None:
    assert how is not None, "PowerBench has on and off where it has no qmp"
    if isinstance(how, str) and how.startswith(("http://", "https://")):
        _fetch(how, state)
    else:
        _command(how, state)


def _fetch(url: str, state: str) -> None:
    """GET the URL, straight and not through a proxy of the environment; the answer's body is not read."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.get(url, timeout=HTTP_SECONDS, stream=True) as response:
                status = response.status_code
        except requests.RequestException as error:
            raise BenchError(
                f"the power switch did not answer to `{state}`: {printable(str(error), _TAIL)}.",
                f"Check that the switch is on the network, or correct `power.{state}` in the bench file.",
            ) from error
    if not 200 <= status < 300:
        raise BenchError(
            f"the power switch answered HTTP {status} to `{state}`.", f"Correct `power.{state}` in the bench file."
        )


def _command(how: str | tuple[str, ...], state: str) -> None:
    try:
        command = shlex.split(how) if isinstance(how, str) else list(how)
    except ValueError as error:
        raise ConfigurationError(
            f"`power.{state}` is not a command line: {error}.", f"Correct `power.{state}` in the bench file."
        ) from error
    if not command:
        raise ConfigurationError(f"`power.{state}` is empty.", "Give a command or a URL in the bench file.")
    finished = run(command, COMMAND_SECONDS)
    if finished.code == 0:
        return
    ending = (
        f"did not end within {COMMAND_SECONDS:.0f} s"
        if finished.code is None
        else f"ended with exit code {finished.code}"
    )
    raise BenchError(
        f"the command for power {state} {ending}: {printable(finished.output.strip()[-_TAIL:])}",
        f"Run `{shlex.join(command)}` by hand, and correct `power.{state}` in the bench file.",
    )
