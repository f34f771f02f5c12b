"""Judges one field device in a network namespace of its own: `python -m virtual_lab.field.judge JSON`.

The lab is entered in this process, which then starts `trustprobe run` as a lab would for a device on the desk.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from trustprobe.errors import TrustprobeError
from trustprobe.place import python
from virtual_lab.field.device import FieldDevice
from virtual_lab.field.lab import FieldLab
from virtual_lab.field.machine import LOG
from virtual_lab.reference import namespace
from virtual_lab.reference.syscalls import die_with_parent

DEVICE_LOG: Final = "device.log"


def main() -> int:
    """Judge, and keep the log of the device next to the results. Return the exit code of the run."""
    wanted = json.loads(sys.argv[1])
    die_with_parent(wanted["parent"])
    out = Path(wanted["out"])
    try:
        device = FieldDevice(wanted["device"], Path(wanted["devices"]))
        namespace.enter_lab()
        with tempfile.TemporaryDirectory(prefix="trustprobe-field-") as scratch:
            folder = Path(scratch) / "device"
            with FieldLab(folder, device, wanted["configuration"], Path(wanted["root"])) as lab:
                code = _run(lab, out)
            (out / DEVICE_LOG).write_bytes((folder / LOG).read_bytes())
            return code
    except TrustprobeError as error:
        print(error, file=sys.stderr)
        return 2


def _run(lab: FieldLab, out: Path) -> int:
    words = ["run", "--bench", str(lab.bench), "--product", str(lab.product), "--out", str(out), "--no-html"]
    done = subprocess.run(
        [*python("trustprobe.cli.main"), *words],
        env={**os.environ, **lab.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
