"""Updates by HTTP upload: bad images offered one by one, the good one afterwards, and an upload without a login.

A transfer's status code proves nothing about an update: what counts is what runs afterwards. Which images are bad is
made in `image.py`; whether taking one is a failure is said by the cases.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from drivers.network.web.administration.settings import Shown
from drivers.network.web.probes.denial import denies
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.update.running import Running, Updatable, differs, in_words, restarted
from lab_config.component import UpdateDeclaration
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_IMAGE = Asked(door="the update mechanism", shape="an image to install")
_STATUS = Asked(door="the update mechanism", shape="the status after a refused image")
_UPLOAD = Asked(door="the update mechanism", shape="an upload")

KEPT_OCTETS = 1 << 20
"""Images up to this size are kept as evidence; of larger ones the digest."""
REPLAYED = "replayed"
"""The image of the version that runs: that it was taken shows by a start, where no slot tells."""
_LOGIN = re.compile(
    rb"\blog[ _-]?(?:in|on)\b|\bsign[ _-]?in\b|\bsession|un-?auth|\bauth(?:ori|enti)|forbidden|"
    rb"access denied|permi(?:tted|ss)",
    re.IGNORECASE,
)
"""Words about who asks. Next to words about the image they leave open which of the two was judged."""


class UpdateTrials(Observation):
    """What each bad image came to, and the base. A fact `NAME` is about what runs, `NAME.transfer` about the upload.

    The witness of the bad images is the base: the same mechanism took it afterwards. The base's own is `reading`.
    """

    base_version: str
    version_before: str | None
    version_after: str | None
    digests: dict[str, str]
    """SHA-256 of each image."""
    reading: Witness
    """The version could be read before and after the base was offered."""
    refusals: tuple[str, ...] = ()
    """Bad images that the mechanism refused, and after which its status could be read."""
    reported: tuple[str, ...] = ()
    """Those of them after which the status reported a refusal, in words that it did not show before the image."""

    def installation(self) -> Self:
        """Narrow to the base, with its own witness: it need not have been taken for its absence to be proven."""
        return self.about("base", "base.transfer").model_copy(update={"witness": self.reading})

    def reporting(self) -> Self:
        """Narrow to what the status said of refused images: one fact, about `status`. Witness: some were refused."""
        words = f"of {len(self.refusals)} refused images the status reported {', '.join(self.reported) or 'none'}"
        fact = Fact(about="status", answer=Answer.SEEN if self.reported else Answer.SILENT, detail=words)
        refused = f"{len(self.refusals)} images were refused, and the status was read after them"
        witness = Witness(what=refused, holds=bool(self.refusals), asked=_STATUS)
        return self.model_copy(update={"facts": (fact,), "witness": witness, "asked": _STATUS})


def _words(answer: WebAnswer | NoAnswerError) -> str:
    return answer.words if isinstance(answer, WebAnswer) else f"no answer: {answer.detail}"


def _turned_down(answer: WebAnswer | NoAnswerError) -> bool:
    """Whether a transfer was refused as such; 401 and 403 are about the asker, not the image."""
    return isinstance(answer, WebAnswer) and 400 <= answer.status < 500 and answer.status not in {401, 403}


def _reached(answer: WebAnswer | NoAnswerError, running: Running) -> bool:
    if isinstance(answer, NoAnswerError):
        return answer.connected
    return not running.device.asks_for_login(answer)


def _transfer(name: str, answer: WebAnswer | NoAnswerError) -> Fact:
    if isinstance(answer, WebAnswer) and answer.ok:
        kind = Answer.SEEN
    else:
        kind = Answer.REFUSED if _turned_down(answer) else Answer.SILENT
    return Fact(about=f"{name}.transfer", answer=kind, detail=_words(answer))


def _keep(record: Recorder, name: str, image: bytes) -> str:
    digest = hashlib.sha256(image).hexdigest()
    record.note(f"{name}: {len(image)} octets, SHA-256 {digest}")
    if len(image) <= KEPT_OCTETS:
        record.keep(f"{name}.img", image)
    return digest


def rejection(update: UpdateDeclaration) -> re.Pattern[str]:
    """Return how the update status says that an image was rejected; ConfigurationError where that is no expression."""
    try:
        return re.compile(update.rejected)
    except re.error as error:
        raise ConfigurationError(
            f"{update.rejected!r} is not a regular expression: {error}.",
            "Correct `update.rejected` in the declaration.",
        ) from error


def _moved(before: Shown, now: Shown) -> bool:
    """Whether the device has started since, or runs something else."""
    return differs(now, before) or restarted(now, before)


@dataclass
class _Trial:
    """The state of one run of TryImages."""

    running: Running
    seconds: float
    rejected: re.Pattern[str]
    record: Recorder
    facts: dict[str, Fact] = field(default_factory=dict)
    offered: list[str] = field(default_factory=list)
    """Images that reached the mechanism; one that was turned away at the login did not."""
    unanswered: list[str] = field(default_factory=list)
    """Images whose upload ended without an answer. How much of them arrived is not known."""
    refusals: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)

    def say(self, about: str, answer: Answer, detail: str) -> None:
        """Set what is known of one part."""
        self.record.note(f"{about} -> {answer}: {detail}")
        self.facts[about] = Fact(about=about, answer=answer, detail=detail[:2000])

    def offer(self, name: str, image: bytes, before: Shown, done: Callable[[Shown], bool]) -> Shown | None:
        """Upload an image, wait for what comes of it, and return what runs then; sets the facts of the image."""
        status_before = self.running.status()
        session = self.running.session()
        if session is None:
            answer: WebAnswer | NoAnswerError = NoAnswerError(
                Answer.SILENT, "there is no session to upload with", connected=False
            )
        else:
            answer = self.running.upload(session, image)
        transfer = _transfer(name, answer)
        self.say(transfer.about, transfer.answer, transfer.detail)
        if _reached(answer, self.running):
            self.offered.append(name)
        if isinstance(answer, NoAnswerError):
            self.unanswered.append(name)

        def refused(status: str | None) -> bool:
            return status is not None and status != status_before and bool(self.rejected.search(status))

        seconds = 0.0 if transfer.answer is Answer.REFUSED else self.seconds
        after = self.running.settled(done, refused, seconds)
        status = self.running.status()
        said_no = transfer.answer is Answer.REFUSED or refused(status)
        again = name == REPLAYED and transfer.answer is Answer.SEEN and not said_no
        words = f"{transfer.detail}; {in_words(after)}"
        if after is not None and done(after) and differs(after, before):
            self.say(name, Answer.SEEN, words)
        elif after is not None and differs(after, before):
            self.say(name, Answer.SILENT if name == "base" else Answer.SEEN, words)
        elif again and after is not None and restarted(after, before):
            self.say(name, Answer.SEEN, f"installed a second time, and started: {words}")
        elif after is not None and said_no:
            self.say(name, Answer.REFUSED, words)
            said_before = status == status_before and bool(self.rejected.search(status_before or ""))
            if status is not None and name != "base" and not said_before:  # the same words again prove nothing
                self.refusals.append(name)
                self.reported += [name] if refused(status) else []
        else:
            self.say(name, Answer.SILENT, words)
        return after


@dataclass(frozen=True)
class TryImages:
    """Offer each bad image, then the base they were made from. SEEN is an image that runs.

    `bad` is offered in its order and ends with the first image that changes what runs. `restart` restarts the device.
    Witness: every bad image was offered, and the base taken afterwards.
    """

    device: Updatable
    base: bytes
    bad: tuple[tuple[str, bytes], ...]
    restart: Callable[[], None] | None
    seconds: float

    @property
    def name(self) -> str:
        """One observation."""
        return "update_trials"

    def run(self, record: Recorder) -> UpdateTrials:
        """Offer, look, offer the next; at the end the base."""
        version = self.device.version_of(self.base)
        digests = {name: _keep(record, name, image) for name, image in (*self.bad, ("base", self.base))}
        with Running(self.device, record) as running:
            trial = _Trial(running, self.seconds, rejection(self.device.update), record)
            if (first := running.shown()) is None:
                raise self.device.unreadable()
            taken, runs = self._offer_bad(trial, first)
            if taken is None and self.restart is not None:
                taken = self._after_restart(trial, runs)
            before = running.shown()
            if taken is None and before is not None and differs(before, runs):
                self._blamed(trial, before, "some time after its upload")
            after = self._install(trial, before, version)
        return UpdateTrials(
            question="Which images does the update mechanism install?",
            facts=tuple(trial.facts.values()),
            witness=self._witness(trial, version),
            asked=_IMAGE,
            base_version=version,
            version_before=first.version,
            version_after=after.version if after else None,
            digests=digests,
            refusals=tuple(trial.refusals),
            reported=tuple(trial.reported),
            reading=Witness(
                what=f"before the base image: {in_words(before)}; afterwards: {in_words(after)}",
                holds=before is not None and after is not None and before.version != version,
                asked=_IMAGE,
            ),
        )

    def _offer_bad(self, trial: _Trial, first: Shown) -> tuple[str | None, Shown]:
        """Offer the bad images until one of them runs; its name, and what runs if none does.

        A replay that is taken leaves the version as it was, and so the others their question.
        """
        taken: str | None = None
        for number, (name, image) in enumerate(self.bad, start=1):
            trial.record.progress(number, len(self.bad) + 1, name)
            if taken is not None:
                trial.say(name, Answer.SILENT, f"not tested: {taken} was installed before")
                continue
            before = trial.running.shown() or first
            if differs(before, first):
                taken = self._blamed(trial, before, "some time after its upload")
                trial.say(name, Answer.SILENT, f"not tested: {taken} was installed before")
                continue
            after = trial.offer(name, image, before, partial(_moved, before))
            if after is not None and trial.facts[name].answer is Answer.SEEN:
                replayed = name == REPLAYED and after.version == first.version
                taken, first = (None, after) if replayed else (name, first)
        return taken, first

    def _after_restart(self, trial: _Trial, first: Shown) -> str | None:
        """Restart, and look again: some mechanisms install at the next start."""
        assert self.restart is not None
        self.restart()
        self.device.ready(self.seconds)
        now = trial.running.shown()
        if now is None or not differs(now, first):
            answer = Answer.SILENT if now is None else Answer.REFUSED
            trial.say("after_restart", answer, f"after a restart: {in_words(now)}")
            return None
        trial.say("after_restart", Answer.SEEN, f"after a restart: {in_words(now)}")
        return self._blamed(trial, now, "after a restart")

    def _blamed(self, trial: _Trial, now: Shown, when: str) -> str | None:
        """Name the image that runs though nothing had changed right after its upload: the last that was accepted."""
        names = [name for name, _ in self.bad if f"{name}.transfer" in trial.facts]
        accepted = [name for name in names if trial.facts[f"{name}.transfer"].answer is Answer.SEEN]
        if not names:
            return None
        taken = (accepted or names)[-1]
        trial.say(taken, Answer.SEEN, f"the last transferred image runs {when}: {in_words(now)}")
        return taken

    def _install(self, trial: _Trial, before: Shown | None, version: str) -> Shown | None:
        """Offer the base; it counts only where another version ran before."""
        trial.record.progress(len(self.bad) + 1, len(self.bad) + 1, "base")
        after = trial.offer("base", self.base, before or Shown(), lambda now: now.version == version)
        if before is None:
            trial.say("base", Answer.SILENT, "the version before it could not be read")
        elif before.version == version:
            trial.say("base", Answer.SILENT, f"{version} was running before the base image was offered")
        return after

    def _witness(self, trial: _Trial, version: str) -> Witness:
        installed = trial.facts["base"].answer is Answer.SEEN
        words = f"the base image {version} {'was installed' if installed else 'was not installed'} afterwards"
        offered = [name for name, _ in self.bad if name in trial.offered]
        every = f"{len(offered)} of {len(self.bad)} bad images were offered"
        complete = condition(every, holds=len(offered) == len(self.bad))
        base = Witness(what=words, holds=installed, asked=_IMAGE)
        return all_of([base, complete, *self._broken_off(trial)])

    def _broken_off(self, trial: _Trial) -> list[Witness]:
        """Name the images whose upload ended without an answer, unless that of the base ended so as well."""
        if "base" in trial.unanswered:
            return []
        silent = [name for name in trial.unanswered if trial.facts[name].answer is Answer.SILENT]
        words = "the upload ended without an answer, and that of the base image did not"
        return [condition(f"{name}: {words}", holds=False) for name in silent]


@dataclass(frozen=True)
class UploadUnauthorised:
    """Upload an image without a login. SEEN is an upload that the mechanism took up, even to reject the image.

    An upload is taken up if it was accepted, if it was rejected in the words that the declaration gives for a rejected
    image, or if it changed the status. An authorised login uploads an empty image before, so that the status can
    change. Witness: the authorised login could upload and read the status. If the image is vendor-signed and newer,
    SEEN may mean that it is installed. An answer that may be about the login or about the image is left open.
    """

    device: Updatable
    image: bytes
    seconds: float

    @property
    def name(self) -> str:
        """One observation."""
        return "update_unauthorised"

    def run(self, record: Recorder) -> Observation:
        """Upload, and check the effect with an authorised login."""
        _keep(record, "unauthorised", self.image)
        with Running(self.device, record) as running:
            control = self._control(running, record)
            before, status = running.shown(), running.status()
            steady = running.status() == status
            answer = running.upload(self.device.web.client(), self.image)
            record.note(f"POST {self.device.update.path} without a login -> {_words(answer)}")
            fact, doubt = self._fact(running, answer, before, status if steady else None)
            last = running.status()
        answers = None not in {status, last}
        words = f"GET {self.device.update.status_path} {'answers' if answers else 'fails'} with an authorised login"
        read = condition(words, holds=answers)
        if fact.answer is Answer.SILENT and isinstance(answer, NoAnswerError):
            doubt = "the upload without a login ended without an answer"
        return Observation(
            question="Does the device accept an update from a client without a login?",
            facts=(fact,),
            left_open={fact.about: doubt} if doubt else {},
            witness=all_of([control, read]),
            asked=_UPLOAD,
        )

    def _control(self, running: Running, record: Recorder) -> Witness:
        """Upload an empty image with an authorised login: the mechanism, not the login, answers."""
        session = running.session()
        if session is None:
            return condition(f"the login of {self.device.web.user} failed", holds=False)
        answer = running.upload(session, b"")
        record.note(f"control: an empty image with an authorised login -> {_words(answer)}")
        holds = isinstance(answer, WebAnswer) and not self.device.asks_for_login(answer)
        what = f"an empty image with an authorised login -> {_words(answer)}"
        return Witness(what=what, holds=holds, asked=_UPLOAD)

    def _fact(
        self, running: Running, answer: WebAnswer | NoAnswerError, before: Shown | None, status: str | None
    ) -> tuple[Fact, str]:
        """Return what came of the upload, and why that is left open, if it is."""
        about = f"POST {self.device.update.path}"
        if isinstance(answer, WebAnswer) and self.device.asks_for_login(answer):
            return Fact(about=about, answer=Answer.REFUSED, detail=answer.words), ""
        accepted = isinstance(answer, WebAnswer) and answer.ok
        after = running.settled(
            partial(_moved, before or Shown()),
            lambda now: None not in {now, status} and now != status,
            self.seconds if accepted else 0.0,
        )
        now = running.status()
        changed = None not in {now, status} and now != status
        changed = changed or (None not in {before, after} and differs(after or Shown(), before or Shown()))
        taken, doubt = self._taken_up(answer)
        words = (
            "the update status or the running version changed"
            if changed
            else "neither the status nor the version changed"
        )
        seen = Answer.SEEN if changed or taken else Answer.SILENT
        return Fact(about=about, answer=seen, detail=f"{_words(answer)}; {words}"), "" if changed else doubt

    def _taken_up(self, answer: WebAnswer | NoAnswerError) -> tuple[bool, str]:
        """Return whether the answer alone shows that the mechanism took the image up, and else what is left open.

        Only a refusal in words about the login, and in none of those for a rejected image, shows that it did not.
        """
        if isinstance(answer, NoAnswerError):
            return False, ""
        judged = bool(rejection(self.device.update).search(answer.body.decode("utf-8", "replace")))
        denied, about_login = denies(answer), bool(_LOGIN.search(answer.body))
        if not (answer.ok or judged):
            unclear = not 400 <= answer.status < 500
            return False, f"the upload is neither taken nor refused: {_words(answer)}" if unclear else ""
        if denied and about_login and not judged:
            return False, ""
        if denied or about_login:
            return False, f"it is not clear whether the login or the image was refused: {_words(answer)}"
        return True, ""
