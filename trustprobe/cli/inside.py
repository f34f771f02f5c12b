"""`trustprobe run`, inside: the process that judges. If the bench is virtual, it runs in the lab's namespace."""

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from lab_config.load import find, peek
from trustprobe.cli.guard import UNEXPECTED, guarded, say
from trustprobe.cli.labs import Lab, LabRequest, start
from trustprobe.errors import HarnessError
from trustprobe.judging.lock import bench_lock
from trustprobe.place import TREE
from trustprobe.probe import printable

STOP_SECONDS = 30.0
"""How long an interrupted judging process may take to write what it has."""
LOG_OCTETS: Final = 1 << 20
"""How much is kept of each log of the lab, from its end."""


def main() -> int:
    """Judge with the options in argv[1]; write the run folder's path to argv[2]. Every error exits 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    return guarded(_main)


def _main() -> int:
    options = json.loads(sys.argv[1])
    try:
        _end_with(options.get("parent"))
        with _lab(options) as lab:
            return _judge(options, lab, Path(sys.argv[2]))
    except KeyboardInterrupt:
        say("the run was interrupted before the first case, so nothing was judged.")
        return UNEXPECTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Stop once. What follows must not interrupt the writing of the results."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_stopping)
    raise KeyboardInterrupt


def _already_stopping(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. The process that waits for this one ends it after STOP_SECONDS."""


def _end_with(parent: int | None) -> None:
    """If the process that waits for this one is killed, stop and write the results so far."""
    if parent is None or sys.platform != "linux":
        return
    from virtual_lab.reference.syscalls import die_with_parent

    signal.signal(signal.SIGHUP, _orphaned)
    die_with_parent(parent, signal.SIGHUP)


def _orphaned(_number: int, _frame: FrameType | None) -> None:
    """End this process after a while: no other process is left to end it."""
    last = threading.Timer(STOP_SECONDS, os.kill, (os.getpid(), signal.SIGKILL))
    last.daemon = True
    last.start()
    signal.signal(signal.SIGHUP, _already_stopping)
    raise KeyboardInterrupt


@contextmanager
def _lab(options: dict[str, object]) -> Iterator[Lab]:
    """Start the virtual device that the bench names. If the bench is real, take its lock."""
    path = find("benches", str(options["bench"]))
    virtual = peek(path, "virtual")
    if virtual is None:
        with bench_lock(str(peek(path, "id"))):
            yield Lab({})
        return
    wanted = LabRequest(
        defects=tuple(str(defect) for defect in options["defects"]),  # type: ignore[attr-defined]
        capabilities=tuple(str(capability) for capability in options["capabilities"]),  # type: ignore[attr-defined]
        unpowered=bool(options["unpowered"]),
        loopback=bool(options["loopback"]),
        declaration=_declaration(options),
    )
    with start(virtual, wanted) as lab:
        yield lab


def _declaration(options: dict[str, object]) -> Path:
    """Return the file of the product: the one from the options, or the one of the bench."""
    named = options["product"] or peek(find("benches", str(options["bench"])), "product")
    return find("products", str(named))


def _judge(options: dict[str, object], lab: Lab, handover: Path) -> int:
    import pytest

    from trustprobe.judging.plugin import Prepared
    from trustprobe.judging.progress import Progress
    from trustprobe.judging.run import load_run

    run = load_run(
        str(options["bench"]),
        lab.product or (str(options["product"]) if options["product"] else None),
        str(options["profile"]),
        Path(str(options["out"])),
        operator=str(options["operator"]),
        port_map=lab.port_map,
    )
    handover.write_text(str(run.folder.path), "utf-8")
    output = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    progress = Progress(output, verbose=bool(options["verbose"]))
    prepared = Prepared(run, progress.report)

    arguments = [str(TREE / "suites"), "-c", str(TREE / "pyproject.toml"), "--rootdir", str(TREE)]
    arguments += ["-o", "filterwarnings=default", "--tb=short", "--alluredir", str(run.folder.allure_results)]
    for capability in options["capabilities"]:  # type: ignore[attr-defined]
        arguments += ["--capability", str(capability)]
    with tempfile.TemporaryDirectory(prefix="trustprobe-keys-") as folder:
        # pytest would leave the keys of the bench's servers in its own folder, and clear those of other runs away.
        code = pytest.main([*arguments, "--basetemp", str(Path(folder) / "run")], plugins=[prepared, progress])
    if prepared.results is None:
        raise progress.broken or HarnessError(f"pytest ended with {code!s} before it judged.", "Report this fault.")
    if progress.broken is not None:
        say(f"{progress.broken} The results up to this point are in {run.folder.path}.")
    run.folder.scrub(run.secrets.hidden)
    run.folder.finish()
    for log in lab.logs:
        run.folder.write(f"lab_{log.name}", run.redactor.text(_end_of(log)))
    return int(code)


def _end_of(log: Path) -> str:
    """Return the end of a log of the lab with each line made printable. Return nothing if there is no log."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_OCTETS))
        return "".join(f"{printable(line)}\n" for line in file.read(LOG_OCTETS).splitlines())


if __name__ == "__main__":
    sys.exit(main())
