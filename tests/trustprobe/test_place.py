"""The tree is found in a checkout and in an installed copy, and comes before packages of the same names."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from trustprobe import place


def strangers(folder: Path, *names: str) -> Path:
    """Make packages that end the process that imports them."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('the {name} of another project')\n", "utf-8")
    return folder


def output(command: tuple[str, ...], cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_checkout_holds_the_package_next_to_the_tree() -> None:
    assert place.PACKAGE == place.TREE / "trustprobe"
    assert (place.TREE / "conftest.py").is_file()


def test_the_tree_comes_first_on_the_path_of_imports_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ["", str(place.TREE), "/elsewhere"]
    monkeypatch.setattr(sys, "path", path)
    place.put_first()
    assert sys.path == [str(place.TREE), "", "/elsewhere"]
    assert sys.path is path  # whoever holds the list sees the change


def test_a_module_of_the_tree_is_run_without_the_current_folder() -> None:
    assert place.python("virtual_lab.x") == (sys.executable, "-P", str(place.PACKAGE / "place.py"), "virtual_lab.x")


def test_packages_of_other_projects_with_our_names_do_not_win(tmp_path: Path) -> None:
    elsewhere = strangers(tmp_path / "elsewhere", "drivers", "fixtures")
    program = "import trustprobe, drivers.power, fixtures; print(drivers.__file__, fixtures.__file__)"
    path = os.pathsep.join((str(elsewhere), str(place.TREE)))
    shown = output((sys.executable, "-c", program), strangers(tmp_path / "here", "drivers"), PYTHONPATH=path)
    assert shown.split() == [str(place.TREE / name / "__init__.py") for name in ("drivers", "fixtures")]


def test_a_module_of_the_tree_runs_in_a_folder_that_holds_packages_of_our_names(tmp_path: Path) -> None:
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "config").write_text("a setting", "utf-8")
    here = strangers(tmp_path / "here", "trustprobe", "virtual_lab", "runpy")
    output((*place.python("virtual_lab.reference.dump"), str(tmp_path / "flash"), "image.tar"), here)
    with tarfile.open(here / "image.tar") as image:
        assert image.getnames() == ["config"]


def test_an_installed_copy_holds_the_tree_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "trustprobe"
    (package / "tree").mkdir(parents=True)
    shutil.copy(place.PACKAGE / "place.py", package)
    (package / "tree" / "drivers.py").write_text("import sys; print(__name__, sys.path[0], *sys.argv)", "utf-8")
    shown = output((sys.executable, "-P", str(package / "place.py"), "drivers", "one", "two"), tmp_path)
    tree = package / "tree"
    assert shown.split() == ["__main__", str(tree), str(tree / "drivers.py"), "one", "two"]
