"""Who may read secrets: what an account that is no administrator's can read through its shell.

The content of a file never leaves the device: of each only the path, the mode and a count of octets are kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from drivers.network.logins.ssh import SshDoor
from drivers.storage.readable_script import (
    CONTROLS,
    ScriptRecord,
    kinds,
    mode_of,
    new_mark,
    number_of,
    octets_of,
    owner_of,
    records,
    script,
)
from trustprobe.probe import (
    DETAIL_LIMIT,
    Answer,
    Asked,
    Fact,
    Observation,
    Recorder,
    Witness,
    all_of,
    condition,
    printable,
)

_READ = Asked(door="the shell", shape="a file that is read")
_FIND = Asked(door="the shell", shape="a search of the file system")

SEARCH = "search"
"""The fact of the search for undeclared files. Each file that it found is also a separate fact."""
SECONDS = 90.0
OUTPUT_BYTES = 262_144
_MOST = 50
_REFUSALS = ("Permission denied", "Operation not permitted")


class ReadableSecrets(Observation):
    """A fact for each declared file and for each other one that was found, by its path, and one for the search."""

    account: str
    shell: bool
    """A POSIX shell answered who the account is."""
    instead: str = ""
    """The output instead of that, if the device ended the session."""


@dataclass(frozen=True)
class ReadSecretFiles:
    """Log in over SSH, try to read the declared files, and search for other readable ones of a secret's kind.

    REFUSED is the system's own "Permission denied"; a file that is not there is SILENT, and holds no witness. What the
    account itself owns in its home is no finding. An administrator (uid 0) may read everything and proves nothing.
    Witness: a file that everybody may read is read by the same code, and the search, which comes upon another, ends.
    """

    door: SshDoor
    user: str
    password: str = field(repr=False)
    files: tuple[str, ...]
    seconds: float = SECONDS

    @property
    def name(self) -> str:
        """One observation an account."""
        return f"readable_secrets.{self.door.interface}"

    def run(self, record: Recorder) -> ReadableSecrets:
        """Log in once, run one script, and say what its records show."""
        mark = new_mark()
        output = self.door.gather(self.user, self.password, script(mark, self.files), self.seconds, OUTPUT_BYTES)
        record.keep("output.txt", output.data)
        session = _Session(records(output.data, mark), self.files)
        for line in session.own:
            record.note(f"the account's own: {line}")
        witnesses = [condition(output.gap, holds=False)] if output.gap else []
        witnesses += session.witnesses() if session.answered or not output.gap else []
        return ReadableSecrets(
            question=f"Which files with a secret can {self.user} read?",
            facts=tuple(session.facts()),
            witness=all_of(witnesses),
            account=self.user,
            shell=session.answered,
            instead="" if output.gap or session.answered else printable(output.data.strip(), 200) or "nothing",
        )


class _Session:
    """What the records of one session show."""

    def __init__(self, found: Sequence[ScriptRecord], files: tuple[str, ...]) -> None:
        looks = {record.about: record for record in found if record.word == "look"}
        self._looked = {path: looks.get(str(number)) for number, path in enumerate((*CONTROLS, *files))}
        self._files = files
        self._kinds = {str(number): kind for number, kind in enumerate(kinds())}
        words = {record.word: record.text for record in found if record.word in ("id", "home")}
        self.answered = "id" in words
        self._uid = number_of(words.get("id", ""))
        self._home = words.get("home", "").rstrip("/")
        self._known = {record.about for record in found if record.word == "knows"}
        self._counts = [(record.about, number_of(record.text) or 0) for record in found if record.word == "count"]
        self._ended = any(record.word == "end" for record in found)
        self._hits: dict[str, str] = {}
        self.own: list[str] = []
        for hit, mode in pairwise(found):
            if hit.word == "hit" and mode.word == "mode" and hit.about in self._kinds:
                self._add(hit, mode)

    def _add(self, hit: ScriptRecord, mode: ScriptRecord) -> None:
        path = hit.data.decode("utf-8", "backslashreplace")
        line = f"{self._kinds[hit.about].about}: {mode_of(mode.text)}"
        if self._home and path.startswith(f"{self._home}/") and owner_of(mode.text) == self._uid:
            self.own.append(f"{path}: {line}")
        else:
            self._hits[printable(path, 300)] = line

    def facts(self) -> Iterator[Fact]:
        """Say of each declared file, of each other one that was found, and of the search, what it came to.

        What an account can read says nothing while it may be an administrator's.
        """
        if not self._uid:
            why = "not tested" if not self.answered else "not judged: the account may be an administrator's"
            yield from (Fact(about=part, answer=Answer.SILENT, detail=why) for part in (*self._files, SEARCH))
            return
        for path in self._files:
            yield self._declared(path)
        others = [path for path in self._hits if path not in self._files]
        for path in others[:_MOST]:
            yield Fact(about=path, answer=Answer.SEEN, detail=self._hits[path])
        more = f" ({_MOST} of them are named)" if len(others) > _MOST else ""
        detail = f"{len(others)} readable files with a secret were found in addition to the declared ones{more}"
        words = detail if self._ended else "the search did not end"
        yield Fact(about=SEARCH, answer=Answer.SILENT, detail=words, asked=_FIND)

    def _declared(self, path: str) -> Fact:
        looked = self._looked[path]
        if looked is None:
            return Fact(about=path, answer=Answer.SILENT, detail="not tested")
        read = octets_of(looked)
        if read is not None and read[0]:
            return Fact(about=path, answer=Answer.SEEN, detail=f"declared secret: {read[1]}")
        if looked.text.endswith(_REFUSALS):
            return Fact(about=path, answer=Answer.REFUSED, detail=printable(looked.text))
        words = f"it is empty: {read[1]}" if read is not None else printable(looked.text) or "no message"
        return Fact(about=path, answer=Answer.SILENT, detail=words[:DETAIL_LIMIT], asked=_READ)

    def witnesses(self) -> list[Witness]:
        """Say what proves that a readable secret would have been seen."""
        if not self.answered:
            return [condition("no POSIX shell answered the command `id -u`", holds=False)]
        if self._uid is None:
            return [condition("the shell does not show the uid of the account (`id -u`)", holds=False)]
        if self._uid == 0:
            return [condition("the account's uid is 0: an administrator may read everything", holds=False)]
        who = condition(f"the account's uid is {self._uid}", holds=True)
        missing = [fact for fact in map(self._declared, self._files) if fact.answer is Answer.SILENT]
        gone = [
            condition(f"{fact.about} is declared, but was not found ({fact.detail})", holds=False) for fact in missing
        ]
        return [who, self._control(), *gone, self._search()]

    def _control(self) -> Witness:
        for path in CONTROLS:
            looked = self._looked[path]
            read = octets_of(looked) if looked else None
            if read is not None and read[0]:
                return Witness(what=f"{path} was read ({read[0]} octets)", holds=True, asked=_READ)
        return condition(
            f"neither {' nor '.join(CONTROLS)} could be read, although every user may read them", holds=False
        )

    def _search(self) -> Witness:
        """The search ended, came upon readable files by name and by content, and grep knows each kind."""
        if not self._ended:
            return condition("the search for other files did not end", holds=False)
        blind = [kind.about for number, kind in self._kinds.items() if kind.content and number not in self._known]
        if blind:
            return condition(f"the device's grep does not find {', '.join(blind)} in an example", holds=False)
        named, small = 0, {number: 0 for number, kind in self._kinds.items() if kind.everywhere}
        for number, count in self._counts:
            if number in small:
                small[number] += count
            else:
                named += count
        what = f"the search found {named} readable files by name and {min(small.values())} by content"
        return Witness(what=what, holds=named > 0 and min(small.values()) > 0, asked=_FIND)
