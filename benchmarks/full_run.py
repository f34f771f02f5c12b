"""Where the time of a full run goes: one run of the virtual reference device, case by case, and the memory it took.

.venv/bin/python benchmarks/full_run.py [OUT]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from trustprobe.cli.run import RunOptions, judge, read_results

MEMORY_MB = 300


def main() -> int:
    """Print `seconds case`, the rest, and the peak memory of the judging process or of its largest child."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        started = time.monotonic()
        results = read_results(judge(RunOptions("reference", None, "device_interfaces", out), quiet=True))
        whole = time.monotonic() - started
    for case in sorted(results.cases, key=lambda case: -case.seconds):
        print(f"{case.seconds:8.2f} s  {case.id}")
    cases = sum(case.seconds for case in results.cases)
    print(f"{whole - cases:8.2f} s  start of the process and of the virtual device, and the end of both")
    print(f"{whole:8.2f} s  in all, {results.overall}")
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    holds = megabytes < MEMORY_MB
    print(f"{megabytes:8.0f} MB at most in one process | target {MEMORY_MB} | {'holds' if holds else 'FALLS SHORT'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
