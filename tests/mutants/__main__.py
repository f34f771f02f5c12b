"""`make mutants`: change the code that judges, one place at a time, and see whether its tests fail.

Exit code 1 if a mutant survived that is not on the list of equivalent mutants, 2 if tests fail without a mutation.
"""

import argparse
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.copied import LEAST_SECONDS, SLOWER, make_copy, worker
from tests.mutants.mutant import Mutant, mutants
from tests.mutants.report import Row, figures, page, table
from tests.mutants.targets import ROOT, changed, equivalents, mirrored, targets

AT_ONCE = 40
"""Mutants of one file that one worker gets; both workers share a large file."""


def judge(folder: Path, file: str, part: list[Mutant], row: Row) -> None:
    """Run the tests of a file against some of its mutants, and note in the row what became of each."""
    with worker(folder, file, mirrored(file)) as running:
        plain = running.run(part[0].original, 120)
        if plain.code != 0:
            row.broken = plain.output
            return
        for mutant in part:
            seconds = max(LEAST_SECONDS, SLOWER * plain.seconds)
            result = running.run(mutant.text, seconds)
            if result.code is None:  # once more, slower: a machine that is busy for a moment kills no mutant
                result = running.run(mutant.text, 3 * seconds)
            row.note(mutant, survived=result.code == 0, seconds=result.seconds)


def run(files: list[str], jobs: int) -> list[Row]:
    """Return a row for each file."""
    known = equivalents()
    rows = [Row(file, [one for one in known if one.file == file]) for file in files]
    parts: list[tuple[str, list[Mutant], Row]] = []
    for row in rows:
        found = mutants(row.file, (ROOT / row.file).read_text("utf-8"))
        row.mutants = len(found)
        if not (ROOT / mirrored(row.file)).is_file():
            for mutant in found:
                row.note(mutant, survived=True, seconds=0)
            continue
        parts += [(row.file, found[at : at + AT_ONCE], row) for at in range(0, len(found), AT_ONCE)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folders = SimpleQueue[Path]()
        for number in range(min(jobs, len(parts))):
            folders.put(Path(temporary) / str(number))
        local = threading.local()

        def work(part: tuple[str, list[Mutant], Row]) -> None:
            if not hasattr(local, "folder"):
                local.folder = folders.get()
                make_copy(local.folder)
            judge(local.folder, *part)
            print(f"{part[0]}: {part[2].judged} of {part[2].mutants}", file=sys.stderr)

        with ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(work, part) for part in parts]:
                done.result()
    return rows


def main() -> int:
    """Parse the command line, run, and print the table and the survivors."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("files", nargs="*", help="files to mutate; without any, all of them")
    parser.add_argument("--since", help="only what changed since this revision")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--page",
        type=Path,
        help="write the figures and the equivalent mutants to this page; other files keep their figures",
    )
    given = parser.parse_args()
    files = given.files or (changed(given.since) if given.since else targets())
    rows = run(files, given.jobs)
    for row in rows:
        for mutant in row.survived:
            print(f"survived: {mutant.diff}\n")
        for entry in row.stale:
            print(f"{row.file}: no surviving mutant is like this entry of equivalent.yaml:")
            print(f"-{entry.was}\n+{entry.becomes}\n")
        if row.broken:
            print(f"{mirrored(row.file)} fails without a mutation:\n{row.broken}\n")
    print(table(figures(rows)))
    if given.page:
        before = given.page.read_text("utf-8") if given.page.is_file() else ""
        given.page.write_text(page(rows, equivalents(), targets(), before), "utf-8")
    if any(row.broken for row in rows):
        return 2
    return int(any(row.survived or row.stale for row in rows))


if __name__ == "__main__":
    sys.exit(main())
