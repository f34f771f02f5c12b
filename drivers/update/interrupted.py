"""Updates whose power is cut while the image is being written: what comes back is the old version or the new one.

The image is the vendor's and newer. Who switches the power is given; what must come back is said by the cases.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from drivers.errors import BenchError
from drivers.network.http import WebAnswer, WebClient
from drivers.network.http_settings import Shown
from drivers.network.target import Target
from drivers.power.switch import PowerSwitch
from drivers.probe import Answer, Fact, Observation, Recorder, Witness
from drivers.update.http_upload import upload
from drivers.update.image import container
from drivers.update.running import Running, in_words, restarted
from lab_config.models import HttpLogin, Identity, Service, UpdateDeclaration

MOMENTS = (0.3, 0.7)
"""Of the declared time that writing takes."""


@dataclass(frozen=True)
class CutPower:
    """Install an image, and cut the power at each of MOMENTS. SEEN is a device that comes back with neither version.

    `ready` waits for the device at most so many seconds; it has come back from a power cut before. Witness: at each
    moment the mechanism had taken the image, and the device has started since.
    """

    target: Target
    service: Service
    http_login: HttpLogin
    update: UpdateDeclaration
    identity: Identity
    image: bytes
    user: str
    password: str = field(repr=False)
    power: PowerSwitch
    ready: Callable[[float], bool]
    write_seconds: float
    boot_seconds: float

    @property
    def name(self) -> str:
        """One observation."""
        return "update_interrupted"

    def run(self, record: Recorder) -> Observation:
        """Cut at one moment after the other, until the new version runs or none does."""
        version = container(self.update.container).version(self.image)
        facts: list[Fact] = []
        cut = 0
        client = WebClient(self.target, self.service)
        with Running(
            client, self.http_login, self.update, self.identity, self.user, self.password, self.ready, record
        ) as running:
            before = running.settled(lambda _now: True, lambda _status: False, self.boot_seconds)
            if before is None or before.version == version:
                raise BenchError(
                    f"{in_words(before)}, so that installing {version} shows nothing.", "Name a newer one."
                )
            for moment in MOMENTS:
                about = f"cut at {moment:.0%}"
                record.progress(len(facts) + 1, len(MOMENTS), about)
                words = self._cut(running, moment)
                if words:
                    facts.append(Fact(about=about, answer=Answer.SILENT, detail=words))
                    break
                now = running.shown() if self.ready(self.boot_seconds) else None
                cut += now is None or restarted(now, before)
                known = now is not None and now.version in {before.version, version}
                facts.append(Fact(about=about, answer=Answer.SILENT if known else Answer.SEEN, detail=in_words(now)))
                record.note(f"{about}: {in_words(now)}")
                if not known or (now or Shown()).version == version:
                    break
        return Observation(
            question="What runs after the power was cut during an update?",
            facts=tuple(facts),
            witness=Witness(
                what=f"{cut} of {len(facts)} cuts came after the image was taken, and ended in a new start",
                holds=bool(facts) and cut == len(facts),
            ),
        )

    def _cut(self, running: Running, moment: float) -> str:
        """Upload, wait, cut and restore the power; say why not where the image is not taken."""
        session = running.session()
        if session is None:
            return "no session to upload with"
        answer = upload(session, self.update.path, self.image)
        if not isinstance(answer, WebAnswer) or not answer.ok:
            return f"the image was not taken: {answer.words if isinstance(answer, WebAnswer) else answer.detail}"
        Event().wait(moment * self.write_seconds)  # the moment is what is tried; no event tells of it
        self.power.cycle()
        return ""
