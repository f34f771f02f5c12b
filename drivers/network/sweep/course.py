"""The course of a TCP sweep, whichever way ports are asked: windows clocked by the canary, rounds, rests and the end.

After each window of ports the canary must answer: then the next is asked faster. When its answer gets lost, the silent
ports of the window are asked again, slower. When it stays away, the device is left alone until it answers again.
"""

import random
import time
from collections import deque
from collections.abc import Sequence

from drivers.network.sweep.answers import CANARY_ASKS, MISSED, PortAnswers
from drivers.network.sweep.asker import SweepAsker
from drivers.network.sweep.pace import SweepPace
from trustprobe.probe import Recorder

SWEEP_SECONDS = 1_800.0
"""The longest that a sweep may take."""
REST_SECONDS = 60.0
"""How long a device that fell silent is waited for."""
MOST_RESTS = 8
INDISTINCT_LEAST, INDISTINCT_SHARE = 256, 0.5
"""So many open ports, and that share of those asked, are no services but a tarpit or a SYN proxy."""
_LEAST_ROUNDS, _MOST_ROUNDS, _SETTLED_ROUNDS = 3, 12, 5
_FEW = 0.1
"""The share of a round's ports whose answers do not make one more round worth it."""
_ROUND_SECONDS = (0.3, 0.6, 1.0)
_ALIVE_ASKS = 3
"""How often another port must have answered where the canary did not, to go on without it: in about 5 s."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
_FIRST_PATIENCE, _LONGEST_PATIENCE = 0.25, 2.0


class PortSweep:
    """One sweep; `run` may be called once."""

    def __init__(self, asker: SweepAsker, packets_per_second: int, record: Recorder) -> None:
        self.answers: PortAnswers = asker.answers
        self._asker, self._record = asker, record
        self._pace = SweepPace(packets_per_second)
        self._patience = _FIRST_PATIENCE
        self._lost_in_a_row = self._mute_in_a_row = 0
        self._has_canary = True
        """False once the canary port alone fell silent: the sweep goes on, for what is seen is seen."""
        self._total = self._asked = self._heard = 0

    def run(self, ports: Sequence[int]) -> PortAnswers:
        """Ask all these ports, and keep what answered; raises BenchError when this machine cannot ask."""
        began = time.monotonic()
        self._deadline, self._total = began + SWEEP_SECONDS, len(ports)
        self.answers.asked = len(ports)
        with self._asker.opened():
            self._greet()
            self._rounds(ports)
            self._asker.begin()
            self._asker.ask_canary()
            self._await_canary(can_rest=False)
        self.answers.seconds = time.monotonic() - began
        self._asker.keep(self._record)
        return self.answers

    def _greet(self) -> None:
        """Ask the canary alone: a device that blocks a sweep from its first window on is known to have answered."""
        asker = self._asker
        asker.begin()
        asker.ask_canary()
        asker.listen(self._patience, lambda: asker.canary_heard)
        if asker.canary_open:
            self.answers.canary.count(True, repeated=False)

    def _rounds(self, ports: Sequence[int]) -> None:
        silent, answers = list(ports), self.answers
        for number in range(1, _MOST_ROUNDS + 1):
            heard, opened = answers.heard, len(answers.open)
            asked, repeated = answers.canary.asked, answers.canary.repeated
            # A new order each time: what is lost at a place in a burst is then another port in the next round.
            random.shuffle(silent)
            self._round(silent, _ROUND_SECONDS[min(number, 3) - 1])
            silent = answers.silent_of(silent)
            if answers.unfinished:
                return
            answers.count_round(answers.canary.asked - asked, answers.canary.repeated - repeated)
            if not silent:
                return
            enough = number >= _LEAST_ROUNDS and (answers.unseen < MISSED or not answers.canary.answered)
            # Some devices limit their RSTs alone: then most closed ports stay silent, however often they are asked.
            news = answers.heard - heard
            few = number >= _SETTLED_ROUNDS and news < _FEW * (news + len(silent))
            if enough and opened == len(answers.open) and (few or not news):
                return
            answers.lost += len(silent)
        answers.unfinished = f"the device still lost answers in the last of {_MOST_ROUNDS} rounds"

    def _round(self, ports: Sequence[int], patience: float) -> None:
        queue, all_heard = deque(ports), self.answers.heard + len(ports)
        while queue:
            window = [queue.popleft() for _ in range(min(self._pace.window, self._asker.capacity, len(queue)))]
            counts = self._window(window)
            self._look_out()
            if self.answers.unfinished:
                return
            if not counts:
                again = self.answers.silent_of(window)
                self.answers.lost += len(again)
                queue.extend(again)
        self._asker.settle()
        self._asker.listen(patience, lambda: self.answers.heard >= all_heard)

    def _look_out(self) -> None:
        """Say how far the sweep is, and end it when there is no use in more."""
        answers, done = self.answers, min(self.answers.heard, self._total)
        self._record.progress(done, self._total, f"TCP ports, {self._pace.per_second} per second")
        opened = len(answers.open)
        if opened >= INDISTINCT_LEAST and opened >= INDISTINCT_SHARE * min(self._asked, self._total):
            answers.indistinct = True
            answers.unfinished = (
                f"{opened} of the first {min(self._asked, self._total)} ports answered SYN-ACK, as with a tarpit or a "
                "SYN proxy. Services cannot be distinguished, so the sweep ended early"
            )
        elif time.monotonic() > self._deadline:
            answers.unfinished = f"the sweep ran out of time at {self._pace.per_second} questions per second"

    def _window(self, ports: Sequence[int]) -> bool:
        """Ask these ports with the canary among them; return whether their silence counts: the canary answered."""
        asker, pace = self._asker, self._pace
        asker.begin()
        self._heard = self.answers.heard
        # At random, in its batch too, for a rate limit lets the first of a burst through and drops the last.
        place, batch = random.randrange(len(ports)), pace.batch
        for start in range(0, len(ports), batch):
            asked = ports[start : start + batch]
            asker.listen(pace.wait())
            before = place - start
            if 0 <= before < len(asked):
                asker.ask(asked[:before])
                asker.ask_canary()
                pace.spend(1)
                asker.ask(asked[before:])
            else:
                asker.ask(asked)
            pace.spend(len(asked))
        self._asked += len(ports)
        asker.listen(0.0)
        return self._await_canary()

    def _await_canary(self, *, can_rest: bool = True) -> bool:
        """Wait for the canary, ask again when its answer is lost, and learn from that how fast to ask.

        Returns False if the questions around it must be sent again.
        """
        asker, canary = self._asker, self.answers.canary
        for number in range(1 if self._lost_in_a_row > 1 else CANARY_ASKS):
            if number:
                asker.ask_canary()
                self.answers.lost += 1
            asker.listen(self._patience * 2**number, lambda: asker.canary_heard)
            if asker.canary_heard:
                break
        answered, late = bool(asker.canary_open), number > 0 and asker.canary_late
        was_open = canary.answered > 0
        canary.count(answered, repeated=number > 0 and not late)
        if answered:
            return self._learn(number, late)
        if was_open and asker.canary_refused:
            self.answers.doubt()
        if was_open and self._has_canary:
            return not can_rest or self._rest()
        self._go_without_canary(mute=self.answers.heard == self._heard)
        return True

    def _go_without_canary(self, *, mute: bool) -> None:
        """Go on though the canary was never open: what is seen is seen, and the pace stays what it is."""
        if self._asker.canary_refused:
            self._pace.rise()
            return
        self._pace.hold()
        self._lost_in_a_row += 1
        self._mute_in_a_row = self._mute_in_a_row + 1 if mute else 0
        if self._mute_in_a_row > 1:
            self.answers.unfinished = "the device did not answer, so the sweep ended early"

    def _learn(self, repeats: int, late: bool) -> bool:
        """Set the pace by an answer of the canary; return whether it came to the first question."""
        self.answers.confirm()
        if late:
            self._patience = min(_LONGEST_PATIENCE, 2 * self._patience)
        elif repeats:
            self._pace.halve()
            return False
        else:
            self._pace.rise()
        return True

    def _rest(self) -> bool:
        """Leave the device alone until its canary answers; always False: what was asked last is asked again."""
        asker, answers = self._asker, self.answers
        word = "refused its canary port, which was open before" if asker.canary_refused else "became silent"
        self._record.note(f"the device {word} after {answers.sent} questions: the sweep pauses")
        began, pause, alive = time.monotonic(), _FIRST_PAUSE, 0
        while len(answers.rests) < MOST_RESTS and time.monotonic() - began < REST_SECONDS:
            asker.listen(pause)
            asker.begin()
            asker.ask_canary()
            alive += self._answers_elsewhere()
            if asker.canary_open:
                answers.rests.append(time.monotonic() - began)
                self._pace.silenced()
                self._record.note(
                    f"it answers again after {answers.rests[-1]:.1f} s: the sweep continues at "
                    f"{self._pace.per_second} per second"
                )
                return False
            if alive >= _ALIVE_ASKS and not asker.canary_refused:
                self._has_canary = False
                self._record.note("only the canary port is silent and others answer, so the sweep continues without it")
                return False
            pause = min(_LONGEST_PAUSE, 2 * pause)
        often = f", for the {len(answers.rests) + 1}th time" if answers.rests else ""
        answers.unfinished = (
            f"the device {word} after {answers.sent} questions{often} and did not answer again within "
            f"{time.monotonic() - began:.0f} s: {self._cause}"
        )
        return False

    @property
    def _cause(self) -> str:
        """Return what a device that is silent for good may have done, as far as the sweep shows."""
        canary = self.answers.canary
        if canary.lossy:
            lost = f"{canary.repeated} of {canary.asked} questions to the canary had to be repeated"
            return f"packets get lost on the way ({lost}): check the cable and the network between"
        return "it protects itself against sweeps, or it stopped"

    def _answers_elsewhere(self) -> bool:
        """Wait for the canary, and return whether a port that was closed says so once more."""
        asker, answers = self._asker, self.answers
        other = next(iter(answers.closed), None)
        if other is not None:
            answers.closed.discard(other)
            asker.ask([other])
        asker.listen(2 * self._patience, lambda: asker.canary_heard)
        if other is None or other in answers.closed:
            return other is not None
        answers.enter(other, False)
        return False
