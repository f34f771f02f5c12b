"""Does software start that was altered where it is stored? A bench writes the storage, and puts it back.

    storage:
      dump: [flashrom, -p, ch341a_spi, -r, "{file}"]
      write: [flashrom, -p, ch341a_spi, -w, "{file}"]
      seconds: 300

What is altered is one bit in each text that the declaration names, which no program looks at: software that nothing
verifies starts as it did before, so that a device which does not start it has verified it.
"""

import filecmp
import mmap
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from drivers.network.web.administration.settings import Shown
from drivers.storage.dump import Image, image_of, write_image
from drivers.storage.watched_start import WatchedStart
from drivers.update.running import differs, in_words, restarted
from lab_config.bench import StorageBench
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

_START = Asked(door="the storage", shape="a start of what is stored")

MOST_PLACES = 64
"""Places at which one text is altered."""
_CASE = 0x20
"""The bit of ASCII that makes a capital letter of a small one."""


class AlteredStart(Observation):
    """SEEN is what ran before, started from altered storage; REFUSED is that other software runs, or that none starts.

    REFUSED needs the device's own word: the software that runs, or the declared line of the bootloader. A part whose
    start no new boot id shows is left open: the power switch may have switched nothing.
    """

    altered: frozenset[str]
    """The parts that were read back altered before the device was started."""

    def row(self, part: str) -> "AlteredStart":
        """Narrow to one part; the witness then says as well that its text stood altered in the storage."""
        narrow = self.about(part)
        assert narrow.witness is not None
        held = part in self.altered
        words = f"the text of {part} was {'read back altered' if held else 'not altered'} before the start"
        return narrow.model_copy(update={"witness": all_of([narrow.witness, condition(words, holds=held)])})


@dataclass
class _Starts:
    """What is known of the starts so far."""

    before: Shown
    record: Recorder
    last: Shown
    """What the device showed when it was last seen running."""
    altered: set[str] = field(default_factory=set)
    left_open: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StartAltered:
    """Alter one part of the stored software after the other, start the device each time, and put the storage back.

    Witness: with its storage as it was, the device starts what ran before.
    """

    storage: StorageBench
    parts: Mapping[str, str]
    """Regular expressions of octets (Latin-1), by the name of the part."""
    device: WatchedStart

    @property
    def name(self) -> str:
        """One observation."""
        return "altered_start"

    def run(self, record: Recorder) -> AlteredStart:
        """Raises BenchError where the storage cannot be read, written, or put back, and where nothing runs before."""
        before = self.device.shown(record)
        if before is None:
            raise BenchError(
                "the running version cannot be read, so the storage was not touched.",
                "Check the administrator's credential in the bench file and `identity` in the declaration.",
            )
        record.note(f"before: {in_words(before)}")
        starts = _Starts(before, record, before)
        self.device.power.off()
        try:
            facts = self._altered(starts)
        except BaseException:
            self.device.power.on()
            raise
        after = self.device.start(record)
        back = isinstance(after, Shown) and not differs(after, before)
        said = in_words(after) if isinstance(after, Shown) else f"nothing ({after or 'silence'})"
        record.note(f"with the original storage, the device started {said}")
        return AlteredStart(
            question="Does the device start software that was altered in its storage?",
            facts=tuple(facts),
            witness=Witness(what=f"with the original storage, the device started {said}", holds=back, asked=_START),
            asked=_START,
            left_open=starts.left_open,
            altered=frozenset(starts.altered),
        )

    def _altered(self, starts: _Starts) -> list[Fact]:
        """Alter one part after the other; whatever comes of it, the storage is put back."""
        facts: list[Fact] = []
        record = starts.record
        with image_of(self.storage, record) as original:
            try:
                for number, (part, text) in enumerate(self.parts.items(), 1):
                    record.progress(number, len(self.parts), part)
                    facts.append(self._started(part, text, original, starts))
                    record.note(f"{part} -> {facts[-1].answer}: {facts[-1].detail}")
            finally:
                self._put_back(original, record)
            self._verify(original, record)
        return facts

    def _started(self, part: str, text: str, image: Image, starts: _Starts) -> Fact:
        places = places_of(text, image)
        if not places:
            words = (
                f"the storage contains no text that matches {printable(text, 200)!r}: correct `stored_software.parts`"
            )
            return Fact(about=part, answer=Answer.SILENT, detail=words)
        flip(image.path, places)
        changed = {place: octet_at(image.path, place) for place in places}
        try:
            self._write(image, starts.record)
            if not self._holds(changed, starts.record):
                raise BenchError(
                    "the storage does not contain the data that was written to it.",
                    "Run the commands of `storage.write` and `storage.dump` by hand, and check for write protection.",
                )
            starts.altered.add(part)
            answer, words = self._outcome(part, self.device.start(starts.record), changed, starts)
            count = f"{len(places)} place{'s' if len(places) > 1 else ''}"
            return Fact(about=part, answer=answer, detail=f"altered at {count}: {words}")
        finally:
            self.device.power.off()
            flip(image.path, places)

    def _outcome(
        self, part: str, now: Shown | str | None, changed: Mapping[int, int], starts: _Starts
    ) -> tuple[Answer, str]:
        """Say what started with a part altered; what runs as before may run from a copy that was put right."""
        if now is None:
            return Answer.SILENT, "nothing started within the declared time"
        if isinstance(now, str):
            return Answer.REFUSED, f"the bootloader reports {printable(now, 300)!r}"
        last, starts.last = starts.last, now
        if differs(now, starts.before):
            return Answer.REFUSED, f"other software started: {in_words(now)}"
        if not restarted(now, last):
            starts.left_open[part] = "no new boot id shows that the device restarted, so its storage was not read again"
            return Answer.SILENT, f"the device runs as before, with no new boot id: {in_words(now)}"
        if self._holds(changed, starts.record):
            return Answer.SEEN, f"started as before: {in_words(now)}"
        return Answer.REFUSED, f"the device repaired it before it started: {in_words(now)}"

    def _holds(self, changed: Mapping[int, int], record: Recorder) -> bool:
        """Whether the storage has these octets now."""
        with image_of(self.storage, record) as now:
            return all(octet_at(now.path, place) == octet for place, octet in changed.items())

    def _write(self, image: Image, record: Recorder) -> None:
        self.device.power.off()  # a program that reads the storage gives the power back when it ends
        write_image(self.storage, image, record)

    def _put_back(self, original: Image, record: Recorder) -> None:
        """Write what was there; an image that cannot be written is kept, since the device needs it."""
        try:
            self._write(original, record)
        except BaseException as error:  # Ctrl-C in the midst of writing, too
            raise _kept(original, f"could not be restored: {str(error) or 'it was interrupted'}") from error

    def _verify(self, original: Image, record: Recorder) -> None:
        """Read back what was put back."""
        with image_of(self.storage, record) as now:
            if not filecmp.cmp(now.path, original.path, shallow=False):
                raise _kept(original, "was restored, but reads back differently")


def _kept(image: Image, what: str) -> BenchError:
    """Keep an image, and return the error that says where."""
    kept = Path(tempfile.mkdtemp(prefix="trustprobe-original-")) / "image"
    shutil.copyfile(image.path, kept)
    return BenchError(
        f"the storage of the sample {what}",
        f"Write {kept} to it by hand, then remove that file, which contains the sample's secrets.",
    )


def places_of(text: str, image: Image) -> tuple[int, ...]:
    """Return where the last letter of each match lies in the image; at most MOST_PLACES."""
    pattern = re.compile(text.encode("latin-1"))
    with image.path.open("rb") as file, mmap.mmap(file.fileno(), image.searched, access=mmap.ACCESS_READ) as octets:
        matches = islice(pattern.finditer(octets), MOST_PLACES)
        letters = ((match.start(), re.search(rb"[A-Za-z](?=[^A-Za-z]*\Z)", match[0])) for match in matches)
        return tuple(start + letter.start() for start, letter in letters if letter is not None)


def flip(path: Path, places: tuple[int, ...]) -> None:
    """Turn the letter at each place from small to capital, or back."""
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            octet = file.read(1)[0]
            file.seek(place)
            file.write(bytes([octet ^ _CASE]))


def octet_at(path: Path, place: int) -> int:
    """Return one octet of a file; -1 beyond its end."""
    with path.open("rb") as file:
        file.seek(place)
        octet = file.read(1)
    return octet[0] if octet else -1
