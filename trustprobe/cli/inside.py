"""`trustprobe run`, inside: the process that judges, in the lab's namespace where the bench is a virtual one."""

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from drivers.errors import HarnessError, TrustprobeError
from fixtures.lock import bench_lock
from lab_config.load import find, peek

ROOT = Path(__file__).resolve().parents[2]
COMPARES = "asset_identification"
"""The capability that compares two samples; a run of another one alone leaves the second virtual device out."""
NONE = "no second sample was started"
SLOW_TO_IMPORT = ("pytest", "paramiko", "requests", "jinja2", "OpenSSL.SSL")
"""Imported while the virtual devices start."""


@dataclass(frozen=True)
class Lab:
    """What a lab changes about a bench: ports that are forwarded, and a declaration with flaws of its own."""

    port_map: dict[str, int]
    product: str | None = None


def main() -> int:
    """Judge with the options in argv[1]; write the run folder's path to argv[2]."""
    signal.signal(signal.SIGTERM, _interrupt)
    options = json.loads(sys.argv[1])
    try:
        with _lab(options) as lab:
            return _judge(options, lab, Path(sys.argv[2]))
    except TrustprobeError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted before the first case: nothing was judged.", file=sys.stderr)
        return 2


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _lab(options: dict[str, object]) -> Iterator[Lab]:
    """Start the virtual device that the bench names, if it names one; of a real bench, take the lock."""
    path = find("benches", str(options["bench"]))
    if peek(path, "virtual") is None:
        with bench_lock(str(peek(path, "id"))):
            yield Lab({})
        return
    from drivers.power.switch import PowerSwitch
    from lab_config.models import PowerBench
    from virtual_lab.declaration import flawed_copy, flaws_on_paper
    from virtual_lab.reference.lab import ReferenceLab
    from virtual_lab.reference.namespace import available, enter_lab
    from virtual_lab.reference.second import SECOND_ADDRESS, SecondDevice, second_environment

    reason = "as asked" if options["loopback"] else available()
    if reason is None:
        enter_lab()
    else:
        print(f"bench: no network namespace for the virtual device ({reason}); it runs on loopback.", file=sys.stderr)
    defects = [str(defect) for defect in options["defects"]]  # type: ignore[attr-defined]
    on_paper = [defect for defect in defects if defect in flaws_on_paper()]
    in_device = [defect for defect in defects if defect not in on_paper]
    with tempfile.TemporaryDirectory(prefix="trustprobe-lab-") as folder, tempfile.TemporaryDirectory() as papers:
        product = str(flawed_copy(_declaration(options), on_paper, Path(papers))) if on_paper else None
        device = ReferenceLab(Path(folder), in_device, loopback=reason is not None, wait=False)
        with device as lab, ExitStack() as opened:
            os.environ.update(lab.environment)
            devices = [lab]
            if options["capability"] in {None, COMPARES}:
                devices.append(opened.enter_context(SecondDevice(Path(folder) / "second", lab, wait=False)))
                os.environ.update(devices[-1].environment)
            else:
                os.environ.update(second_environment(SECOND_ADDRESS, Path(folder) / "second", NONE, NONE))
            for slow in SLOW_TO_IMPORT:
                importlib.import_module(slow)
            for one in devices:
                one.await_boot()
            if options["unpowered"]:
                PowerSwitch(PowerBench(on="", off=lab.environment["REFERENCE_RELAY"] + "?turn=off")).off()
            yield Lab(lab.port_map, product)


def _declaration(options: dict[str, object]) -> Path:
    """Return the file of the product: the one that is named, or the bench's own."""
    named = options["product"] or peek(find("benches", str(options["bench"])), "product")
    return find("products", str(named))


def _judge(options: dict[str, object], lab: Lab, handover: Path) -> int:
    import pytest

    from fixtures.plugin import Prepared
    from fixtures.progress import Progress
    from fixtures.run import load_run

    run = load_run(
        str(options["bench"]),
        lab.product or (str(options["product"]) if options["product"] else None),
        str(options["profile"]),
        Path(str(options["out"])),
        operator=str(options["operator"]),
        port_map=lab.port_map,
    )
    handover.write_text(str(run.folder.path), "utf-8")
    progress = Progress(os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace"))
    prepared = Prepared(run, progress.report)

    arguments = [str(ROOT / "suites"), "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    arguments += ["-o", "filterwarnings=default", "--tb=short", "--alluredir", str(run.folder.allure_results)]
    if options["capability"]:
        arguments += ["--capability", str(options["capability"])]
    code = pytest.main(arguments, plugins=[prepared, progress])
    if prepared.results is None:
        raise HarnessError(f"pytest ended with {code!s} before it judged anything.", "Its message is above.")
    run.folder.scrub(run.secrets.hidden)
    run.folder.finish()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
