"""The script of `permissions.py`: what a POSIX shell is told to do on the device, and the records that it writes.

It reads files and writes to nothing but its output. A record begins with a mark that was made for the run and stands
nowhere in the script in one piece, so that neither a file's name nor a command line that echoes can pretend one.
"""

import re
import secrets
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.data import table
from trustprobe.probe import Frozen

CONTROLS = ("/etc/passwd", "/proc/version")
"""Files that everybody may read; one of them is enough."""
_PROCESSOR_SECONDS = 60
_LISTED = re.compile(r"([a-zA-Z-]{10}[.+@]?)\s+[0-9]+\s+([0-9]{1,10})\s+([0-9]{1,10})\s")
_BEGINNING = """\
exec 2>/dev/null
trap '' PIPE
LC_ALL=C; PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin; export LC_ALL PATH
ulimit -t {seconds}
m={first}; m=${{m}}{last}; export m
say() {{ printf '\\n%s %s\\n' "$m" "$*"; }}
look() {{
say look "$1"
if [ -e "$2" ] && [ ! -f "$2" ]; then echo 'it is not a regular file'
elif e=$( ( : <"$2" ) 2>&1 ); then echo $(dd if="$2" bs=512 count=1 | wc -c) octets; ls -ldnL "$2"
else printf %s "$e"; fi
}}
say id; id -u
say home; printf %s "$HOME"
"""
# Of all the files that one batch holds: what is readable, and what of that holds a secret. A whole batch is searched
# first, since it mostly holds none. $0 is the kind, $1 what a line must match, $2 what none may. Where nobody reads any
# more, the search (the parent) ends.
_EACH = """\
printf "\\n%s batch\\n" "$m" || kill "$PPID"
c=$1; u=$2; shift 2
if [ -z "$c" ] || grep -qE -e "$c" -- "$@"; then for f; do
( : <"$f" ) || continue
[ -z "$c" ] || grep -qE -e "$c" -- "$f" || continue
[ -z "$u" ] || ! grep -qE -e "$u" -- "$f" || continue
printf "\\n%s hit %s\\n%s\\n%s mode\\n" "$m" "$0" "$f" "$m"; ls -ldn -- "$f"
done; fi
n=0; for f; do [ -r "$f" ] && n=$((n+1)); done
printf "\\n%s count %s\\n%s" "$m" "$0" "$n"
"""


class SecretKind(Frozen):
    """One kind of secret, as drivers/data/secret_files.yaml has it."""

    about: str
    names: tuple[str, ...]
    not_names: tuple[str, ...] = ()
    everywhere: bool = False
    content: str = ""
    unless: str = ""
    example: str = ""


@dataclass(frozen=True)
class ScriptRecord:
    """What the script wrote under one mark: a word, what it is about, and the octets up to the next mark."""

    word: str
    about: str
    data: bytes

    @property
    def text(self) -> str:
        """The octets as text, without the blanks around."""
        return self.data.decode("utf-8", "backslashreplace").strip()


def kinds() -> tuple[SecretKind, ...]:
    """Return the kinds of secrets that are searched for."""
    return tuple(
        SecretKind.model_validate({"about": about, **row}) for about, row in table("secret_files")["kinds"].items()
    )


def new_mark() -> tuple[str, str]:
    """Return the two halves of a mark that nothing on the device contains."""
    return f"tp{secrets.token_hex(6)}", f"{secrets.token_hex(6)}:"


def script(mark: tuple[str, str], files: Sequence[str]) -> str:
    """Return the script: who am I, can the controls and these files be read, which others of a secret's kind can be."""
    first, last = mark
    lines = [_BEGINNING.format(seconds=_PROCESSOR_SECONDS, first=first, last=last)]
    lines += [f"look {number} {shlex.quote(path)}\n" for number, path in enumerate((*CONTROLS, *files))]
    for number, kind in enumerate(kinds()):
        if kind.content:
            tried = f"printf '%s\\n' {shlex.quote(kind.example)} | grep -qE -e {shlex.quote(kind.content)}"
            lines.append(f"{tried} && say knows {number}\n")
    return "".join([*lines, f"each={shlex.quote(_EACH)}\n", _find(), "</dev/null\nsay end $?\necho\n"])


def records(output: bytes, mark: tuple[str, str]) -> tuple[ScriptRecord, ...]:
    """Return the records of an output; the last one before an output ended in the middle is left out."""
    parts = output.split(b"\n" + "".join(mark).encode() + b" ")[1:]
    found = []
    for part in parts:
        head, _, data = part.partition(b"\n")
        word, _, about = head.decode("ascii", "replace").partition(" ")
        found.append(ScriptRecord(word, about, data))
    return tuple(found if found and found[-1].word == "end" else found[:-1])


def number_of(text: str) -> int | None:
    """Return a number that a command wrote."""
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def octets_of(record: ScriptRecord) -> tuple[int, str] | None:
    """Return how many octets were read of a file, and its mode and owner; None where it could not be opened."""
    match = re.match(r"([0-9]{1,10}) octets(?:\n(.*))?", record.text, re.DOTALL)
    return None if match is None else (int(match[1]), mode_of(match[2] or ""))


def mode_of(listed: str) -> str:
    """Return mode, owner and group of a line of `ls -ldn`, without the name: they begin it, whatever is named."""
    match = _LISTED.match(listed)
    return f"{match[1]}, owner {match[2]}, group {match[3]}" if match else "mode unknown"


def owner_of(listed: str) -> int | None:
    """Return the owner of a line of `ls -ldn`."""
    match = _LISTED.match(listed)
    return int(match[2]) if match else None


def _find() -> str:
    """Return the one search: each kind by its names, then what is small and no program's by its content.

    No `-exec` stands in parentheses: there busybox's find collects files for `+`, and forgets to run it in the end.
    """
    data = table("secret_files")
    branches, last = [], []
    for number, kind in enumerate(kinds()):
        run = f'-exec sh -c "$each" {number} {shlex.quote(kind.content)} {shlex.quote(kind.unless)} {{}} +'
        if kind.names:
            unwanted = "".join(f" ! -name {shlex.quote(name)}" for name in kind.not_names)
            branches.append(f"-type f {_any_of('-name', kind.names)}{unwanted} {run}")
        if kind.everywhere:
            last.append(run)
    elsewhere = "".join(f" ! -path {shlex.quote(folder + '/*')}" for folder in data["programs"])
    elsewhere += "".join(f" ! -name {shlex.quote(name)}" for name in data["examples"])
    branches.append(f"-type f -size -{data['blocks']}{elsewhere} {' '.join(last)}")
    roots = " ".join(map(shlex.quote, data["roots"]))
    return f"find {roots} {_any_of('-path', data['skipped'])} -prune -o {' -o '.join(branches)} "


def _any_of(test: str, values: Iterable[str]) -> str:
    return r"\( " + " -o ".join(f"{test} {shlex.quote(value)}" for value in values) + r" \)"
