"""Reads the storage of the reference device, as a clip on its flash chip would.

`python -m virtual_lab.reference.dump FLASH FILE` writes a tar of the flash folder. The key store beside it is a chip of
its own, and is not read.
"""

import sys
import tarfile
from pathlib import Path


def dump(flash: Path, image: Path) -> None:
    """Write the image; the device may go on writing to its flash meanwhile."""
    with tarfile.open(image, "w") as archive:
        for path in sorted(flash.rglob("*")):
            try:
                archive.add(path, path.relative_to(flash), recursive=False)
            except FileNotFoundError:
                continue  # replaced under our eyes


if __name__ == "__main__":
    dump(Path(sys.argv[1]), Path(sys.argv[2]))
