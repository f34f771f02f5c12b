"""Runs a program in its own place that ends when the program that started it ends, however that happens.

`python -m virtual_lab.firmware.machine.tether PARENT PROGRAM ARGUMENT...`; PARENT is the process id of who starts it.
"""

import os
import resource
import sys

from virtual_lab.reference.syscalls import die_with_parent

FILE_LIMIT = 4 << 30
"""Octets that one file of the program's may grow to: a device that prints without end does not fill the disk."""


def main() -> None:
    """Become the program; exit with 127 where there is none."""
    parent, *command = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    die_with_parent(int(parent))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
