"""A board on the desk: starts the reference device as something that the command knows nothing of, and judges it.

    python -m tests.trustprobe.desk FOLDER [TRIGGER [may_not_switch]]

The bench file has no `virtual`, as a lab's own has not. With TRIGGER, the power goes off when a line of the run's
output contains that text. With `may_not_switch`, the bench does not allow switching the power. Prints one JSON object:
the exit code, and the secrets that must be nowhere in the run's folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import requests

from virtual_lab.reference.lab import ReferenceLab
from virtual_lab.reference.namespace import enter_lab
from virtual_lab.reference.second import SecondDevice

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Judge, and print what came of it."""
    folder, trigger = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    enter_lab()
    with ReferenceLab(folder / "device") as lab, SecondDevice(folder / "second", lab) as second:
        text = (ROOT / "lab_config" / "benches" / "reference.yaml").read_text("utf-8")
        own = text.replace("virtual: reference\n", "").replace("id: reference\n", f"id: desk_{os.getpid()}\n")
        if "may_not_switch" in sys.argv:
            own = own.replace("power, ", "", 1)
        (folder / "desk.yaml").write_text(own, "utf-8")
        command = [
            sys.executable,
            "-m",
            "trustprobe.cli.main",
            "run",
            "--no-html",
            "--verbose",
            "--bench",
            str(folder / "desk.yaml"),
        ]
        with subprocess.Popen(
            [*command, "--bench", str(folder / "desk.yaml"), "--out", str(folder / "out")],
            env=os.environ | lab.environment | second.environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if trigger and trigger in line:
                    requests.get(f"{lab.environment['REFERENCE_RELAY']}?turn=off", timeout=600).raise_for_status()
                    trigger = None
    secrets = [value for name, value in lab.environment.items() if name.endswith("_PASSWORD")]
    print(json.dumps({"exit_code": process.returncode, "secrets": secrets, "triggered": trigger is None}))


if __name__ == "__main__":
    main()
