"""Updates whose power is cut while the image is being written: what comes back is the old version or the new one.

The image is the vendor's and newer. Who switches the power is given; what must come back is said by the cases.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from drivers.network.web.administration.settings import Shown
from drivers.network.web.transport.client import WebAnswer
from drivers.power.switch import PowerSwitch
from drivers.update.http_upload import rejection
from drivers.update.running import Running, Updatable, in_words, restarted
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

_CUT = Asked(door="the update mechanism", shape="a start after a power cut during the installation")

Reading = Callable[[Callable[[], None], float, Recorder], tuple[Answer, str]]
"""Reads the console during a restart: whether it shows that nothing starts, and the reason."""
MOMENTS = (0.3, 0.7)
"""Of the declared time that writing takes."""


@dataclass(frozen=True)
class CutPower:
    """Install an image, and cut the power at each of MOMENTS. SEEN is a device that comes back with neither version.

    If the network gives no answer afterwards, the console must show that nothing starts. Without that, what runs is not
    known, and the fact is left open.

    The device has come back from a power cut before. Witness: at each moment the mechanism had taken the image and not
    yet installed it, and the device has started since.
    """

    device: Updatable
    image: bytes
    power: PowerSwitch
    write_seconds: float
    boot_seconds: float
    console: Reading | None = None

    @property
    def name(self) -> str:
        """One observation."""
        return "update_interrupted"

    def run(self, record: Recorder) -> Observation:
        """Cut at one moment after the other, until the new version runs or none does."""
        version = self.device.version_of(self.image)
        rejected = rejection(self.device.update)
        facts: list[Fact] = []
        left_open: dict[str, str] = {}
        cut = 0
        with Running(self.device, record) as running:
            before = self._before(running, version)
            now: Shown | None = before
            for moment in MOMENTS:
                about = f"cut at {moment:.0%}"
                record.progress(len(facts) + 1, len(MOMENTS), about)
                last = now or before
                words, interrupted = self._cut(running, moment, before.version, rejected)
                if words:
                    facts.append(Fact(about=about, answer=Answer.SILENT, detail=words))
                    break
                now = self._settled(running)
                old = now is not None and now.version == before.version
                cut += now is None or (restarted(now, last) and (old or interrupted))
                answer, shown = Answer.SILENT, in_words(now)
                if now is None:
                    answer, why = self._by_console(record)
                    shown = f"{shown}: {why}"
                    left_open |= {about: shown} if answer is Answer.SILENT else {}
                elif now.version not in {before.version, version}:
                    answer = Answer.SEEN
                facts.append(Fact(about=about, answer=answer, detail=shown))
                record.note(f"{about}: {shown}")
                if not old:
                    break
        return Observation(
            question="Which version runs after a power cut during an update?",
            facts=tuple(facts),
            left_open=left_open,
            witness=Witness(
                what=f"{cut} of {len(facts)} power cuts happened during the installation and led to a new start",
                holds=bool(facts) and cut == len(facts),
                asked=_CUT,
            ),
            asked=_CUT,
        )

    def _by_console(self, record: Recorder) -> tuple[Answer, str]:
        if self.console is None:
            return Answer.SILENT, "the network gives no answer, and this bench has no console that shows what starts"
        return self.console(self.power.cycle, self.boot_seconds, record)

    def _before(self, running: Running, version: str) -> Shown:
        """Return what runs before the first cut; BenchError where an installation of the version would not show."""
        before = self._settled(running)
        if before is None:
            raise self.device.unreadable()
        if before.version == version:
            raise BenchError(
                f"the device already has {in_words(before)}, so installing {version} would show nothing.",
                "Name a newer image in `images.spare` of the bench file.",
            )
        return before

    def _settled(self, running: Running) -> Shown | None:
        """Return what runs as soon as it can be read: a device that starts may answer before it can be logged in to."""
        running.device.ready(self.boot_seconds)
        return running.settled(lambda _now: True, lambda _status: False, self.boot_seconds)

    def _cut(self, running: Running, moment: float, old: str | None, rejected: re.Pattern[str]) -> tuple[str, bool]:
        """Upload, wait, cut and restore the power: whether the old version still ran just before.

        Says why the power was not cut where the image is not taken.
        """
        session = running.session()
        if session is None:
            return "there is no session to upload with", False
        asking = _seconds_to_ask(running)
        answer = running.upload(session, self.image)
        if not isinstance(answer, WebAnswer) or not answer.ok:
            words = answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"
            return f"the image was not accepted: {words}", False
        # The moment is what is tested, and no event announces it. The requests must not delay the cut on a slow device.
        Event().wait(max(0.0, moment * self.write_seconds - asking))
        status, shown = running.status(), running.shown()
        if status is not None and rejected.search(status):
            return f"the image was not accepted: the status shows {printable(status, 200)}", False
        self.power.cycle()
        return "", shown is not None and shown.version == old


def _seconds_to_ask(running: Running) -> float:
    """Return how long it takes to ask for the status and for what runs."""
    began = time.monotonic()
    running.status()
    running.shown()
    return time.monotonic() - began
