"""`trustprobe bench check`: the steps, their order, and how their lines and errors are printed."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import typer

from lab_config.base import Absent
from lab_config.bench import Bench, Permission
from lab_config.connected import require_connected
from lab_config.load import find, peek
from trustprobe.cli.bench.boot import boot, power
from trustprobe.cli.bench.console import baud, echo, login, port
from trustprobe.cli.bench.debug import debug
from trustprobe.cli.bench.desk import Desk, Mark
from trustprobe.cli.bench.network import address, services, tls
from trustprobe.cli.bench.trust import trust
from trustprobe.errors import ConfigurationError
from trustprobe.judging.lock import bench_lock

Step = Callable[[Desk], None]
_PARTS: Final = ("console", "network", "jtag", "power")


def files(desk: Desk) -> None:
    """Read the bench file, the declaration and the files that they name. This step opens no port and sends nothing."""
    require_connected(desk.bench, desk.bench_path)
    named = [part for part in _PARTS if not isinstance(getattr(desk.bench, part), Absent)]
    absent = [part for part in _PARTS if part not in named]
    desk.say(f"{desk.bench_path} connects {', '.join(named) or 'nothing'}; absent: {', '.join(absent) or 'nothing'}")
    component = desk.product.component
    desk.say(f"{desk.product_path} declares {len(component.declared)} services, {len(component.users)} accounts")


STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {one.__name__: one for one in (files, port, baud, echo, boot, login, address, services, tls, debug, power, trust)}
)
"""Each step relies on the steps before it."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"console": ("port", "baud", "echo", "boot", "login"), "network": ("address", "services", "tls")}
)
_NEEDS: Final = {**{step: part for part, steps in GROUPS.items() for step in steps}, "debug": "jtag", "power": "power"}


def steps_help() -> str:
    """Return a line for each step, from its docstring, and the meaning of a group and of no name."""
    lines = [f"{name:<9} {' '.join((step.__doc__ or '').split())}" for name, step in STEPS.items()]
    groups = [f"{group:<9} {', '.join(steps)}" for group, steps in GROUPS.items()]
    return "\n".join([*lines, *groups, "Without a name: every step whose part the bench has, in this order."])


def check_bench(what: str | None, bench: str, product: str | None) -> int:
    """Run one step, one group, or every step that the bench has the parts for. The first that fails raises."""
    said = _Said()
    desk = Desk.read(bench, product, said.say)
    with bench_lock(str(peek(find("benches", bench), "id"))):
        for name in _wanted(what, desk.bench):
            said.step = name
            try:
                STEPS[name](desk)
            except KeyboardInterrupt:
                said.say("interrupted", "no")
                return 2
    return 0


def _wanted(what: str | None, bench: Bench) -> tuple[str, ...]:
    if what is None:
        return tuple(name for name in STEPS if _can(name, bench))
    if what in GROUPS:
        return GROUPS[what]
    if what in STEPS:
        return (what,)
    raise ConfigurationError(f"there is no step {what!r}.", f"Give one of {', '.join((*STEPS, *GROUPS))}.")


def _can(name: str, bench: Bench) -> bool:
    if name == "power" and Permission.POWER not in bench.allow:
        return False
    if name == "trust":
        return not (isinstance(bench.collector, Absent) and isinstance(bench.cloud, Absent))
    return name not in _NEEDS or not isinstance(getattr(bench, _NEEDS[name]), Absent)


class _Said:
    """Prints a line at once, with its mark and the name of the step."""

    step = ""

    def say(self, line: str, mark: Mark = "ok") -> None:
        typer.echo(f"{mark}  {self.step:<9} {line}")
