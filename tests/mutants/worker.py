"""Runs the tests of one file against mutants of it: `python -m tests.mutants.worker FILE TEST` in a copy of the tree.

Everything that does not depend on the file is imported once. Each mutant is then written, and a fork runs the tests,
so that a mutant costs a fraction of a second. One JSON object per line comes in (`text`, `seconds`) and goes out.
"""

import ast
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("drivers", "fixtures", "lab_config", "reports", "standards", "trustprobe", "virtual_lab")
"""Packages that may be imported before the fork. suites/ is not: importing a case registers it."""
PLUGINS = ("pytest", "allure_pytest.plugin", "_hypothesis_pytestplugin", "xdist.plugin", "pytest_timeout")
OUTPUT = 4_000
"""Octets of the output of pytest that are kept."""


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, with the names that may be modules."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def file_of(module: str) -> Path | None:
    """Return the file of a module of this tree; None for any other."""
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def closure(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Return the modules of this tree that files import, directly or not, each with what it imports itself."""
    graph: dict[str, set[str]] = {}
    waiting = {name for path in paths for name in imports(path)}
    while waiting:
        name = waiting.pop()
        path = file_of(name)
        if path is not None and name not in graph:
            parent = name.rpartition(".")[0]
            graph[name] = imports(path) | ({parent} if parent else set())
            waiting |= graph[name]
    return graph


def independent(graph: dict[str, set[str]], module: str) -> list[str]:
    """Return the modules of the graph that do not import the module, directly or not."""
    tainted = {module}
    while grown := {name for name, wanted in graph.items() if name not in tainted and wanted & tainted}:
        tainted |= grown
    return sorted(name for name in graph if name not in tainted and name.split(".")[0] in OURS)


def run_tests(test: str, seconds: float) -> dict[str, object]:
    """Run the tests in a fork. `code` is pytest's exit code, None if the time was over."""
    started = time.monotonic()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(read)
        import pytest

        early = "ignore::pytest.PytestAssertRewriteWarning"  # plugins were imported before the fork
        exit_code = pytest.main(["-x", "-q", "--noconftest", "-p", "no:xdist", "--tb=short", "-W", early, test])
        sys.stdout.flush()
        os._exit(int(exit_code))
    os.close(write)
    code, output = _wait(child, read, started + seconds)
    os.close(read)
    return {"code": code, "seconds": time.monotonic() - started, "output": output[-OUTPUT:].decode("utf-8", "replace")}


def _wait(child: int, read: int, deadline: float) -> tuple[int | None, bytes]:
    ended = os.pidfd_open(child)
    output = b""
    watched = [ended, read]
    while ended in watched:
        ready, _, _ = select.select(watched, [], [], max(deadline - time.monotonic(), 0))
        if not ready or ended in ready:
            break
        data = os.read(read, 65_536)
        output = (output + data)[-OUTPUT:]
        if not data:
            watched.remove(read)
    over = ended not in select.select([ended], [], [], 0)[0]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests started and left behind ends too
    _, status = os.waitpid(child, 0)
    os.close(ended)
    while read in watched and select.select([read], [], [], 0)[0] and (data := os.read(read, 65_536)):
        output = (output + data)[-OUTPUT:]
    return (None if over else os.waitstatus_to_exitcode(status)), output


def main(file: str, test: str) -> None:
    """Answer each line of stdin."""
    path = ROOT / file
    original = path.read_text("utf-8")
    module = ".".join(Path(file).with_suffix("").parts)
    for name in PLUGINS:
        importlib.import_module(name)
    for name in independent(closure([ROOT / test, path]), module):
        importlib.import_module(name)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
    gc.freeze()  # pytest collects garbage at its end: nothing that was imported is any
    try:
        for line in sys.stdin:
            job = json.loads(line)
            path.write_text(job["text"], "utf-8")
            print(json.dumps(run_tests(test, job["seconds"])), flush=True)
    finally:
        path.write_text(original, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
