"""Where the tree is: the folders drivers, suites, lab_config and so on, of a checkout or of an installed copy.

A checkout holds this package next to the tree. The wheel holds the tree inside this package, in `tree`.
`python -P place.py MODULE WORD...` runs a module of the tree as `python -m` does, but in any current folder.
"""

import sys
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
TREE: Final = PACKAGE / "tree" if (PACKAGE / "tree").is_dir() else PACKAGE.parent


def put_first() -> None:
    """Put the tree first on the path of imports: other packages also have names such as drivers and fixtures."""
    sys.path[:] = [str(TREE), *(entry for entry in sys.path if entry != str(TREE))]


def python(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of the tree in a new Python. Modules of the current folder do not win."""
    return (sys.executable, "-P", str(Path(__file__).resolve()), module)


if __name__ == "__main__":
    import runpy

    put_first()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
