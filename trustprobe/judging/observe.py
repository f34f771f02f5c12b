"""`observe`: the only path to the device. It runs a probe once per session, and keeps observation and evidence."""

import threading
import time
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar, cast

from reports.redaction import Redactor
from trustprobe.errors import BenchError, HarnessError, TrustprobeError
from trustprobe.judging.evidence import EvidenceFolder, Report, safe_name
from trustprobe.judging.outcomes import Outcome
from trustprobe.probe import Observation, Probe

Observed = TypeVar("Observed", bound=Observation)


class Observer:
    """Runs probes, and keeps the observation of each one, or the reason why there is none."""

    def __init__(self, evidence: Path, redactor: Redactor, report: Report, firmware: str) -> None:
        self._evidence = evidence
        self._redactor = redactor
        self._report = report
        self.firmware = firmware
        """The firmware version seen last; each observation records it."""
        self._observed: dict[str, Observation] = {}
        self._failed: dict[str, Exception] = {}
        self._begun: dict[str, Future[None]] = {}
        self._steady: set[str] = set()
        self.awaited = ""
        """The probe that a case waits for. Its progress is shown."""
        self._lock = threading.Lock()
        self._count = 0

    def begin(
        self, probe: Probe[Observed], *, steady: bool = False, turn: AbstractContextManager[object] | None = None
    ) -> None:
        """Run a long and harmless probe in parallel with the next ones. A later call to observe it waits until it ends.

        A `steady` probe tolerates all that leaves the device running: a changed setting, a login, a used console.
        Probes that share a `turn`, a semaphore, run one after the other, or as many at once as it allows.
        The thread is a daemon: an interrupted run does not wait for it. Its progress shows while a case waits.
        """
        name = probe.name
        if name in self._begun or name in self._observed or name in self._failed:
            return
        ended: Future[None] = Future()

        def ask() -> None:
            try:
                with turn or nullcontext():
                    self._observed[name] = self._run(probe)
            except BaseException as error:  # noqa: BLE001 - raised to the observer, which would wait for ever without it
                ended.set_exception(error)
            else:
                ended.set_result(None)

        self._begun[name] = ended
        self._steady |= {name} if steady else set()
        threading.Thread(target=ask, name=name, daemon=True).start()

    def settle(self, *, but_steady: bool = False) -> None:
        """Wait until no begun probe still runs, because it would be disturbed. `but_steady`: except the steady probes.

        The progress of the awaited probe is shown.
        """
        left = [
            (name, ended)
            for name, ended in self._begun.items()
            if not (ended.done() or (but_steady and name in self._steady))
        ]
        for name, ended in left:
            self.awaited = name
            wait([ended])

    def __call__(self, probe: Probe[Observed], *, fresh: bool = False) -> Observed:
        """Run the probe, or return what it observed before; `fresh=True` asks again, after the device's state changed.

        Whatever a library throws comes out as HarnessError: an AssertionError inside paramiko is no finding.
        """
        self._wait(probe, fresh)
        if not fresh:
            if probe.name in self._failed:
                raise self._failed[probe.name]
            if probe.name in self._observed:
                return cast(Observed, self._observed[probe.name])
        observation = self._run(probe)
        self._observed[probe.name] = observation
        for outdated in (self._failed, self._begun):
            outdated.pop(probe.name, None)
        return observation

    def _wait(self, probe: Probe[Observed], fresh: bool) -> None:
        self.awaited = probe.name
        if begun := self._begun.get(probe.name):
            wait([begun])
            if not fresh:
                begun.result()

    def _run(self, probe: Probe[Observed]) -> Observed:
        with self._lock:
            self._count += 1
            name = f"{self._count:02d}-{safe_name(probe.name)}"
        folder = EvidenceFolder(self._evidence / name, self._redactor, probe.name, self._when_awaited)
        started = time.monotonic()
        try:
            observation = probe.run(folder)
        except (TrustprobeError, Outcome) as error:
            self._failed[probe.name] = error
            _note(folder, str(error))
            raise
        except Exception as error:
            _note(folder, f"{type(error).__name__}: {error}")
            wrapped = HarnessError(
                f"the probe {probe.name} raised {type(error).__name__}: {error}.",
                f"Report this fault with the evidence folder {name}.",
            )
            self._failed[probe.name] = wrapped
            raise wrapped from error
        complete = observation.model_copy(
            update={
                "probe": probe.name,
                "interface": _interface(probe),
                "seconds": round(time.monotonic() - started, 3),
                "firmware": self.firmware,
                "evidence": (
                    f"evidence/{name}/observation.json",
                    *(f"evidence/{name}/{file}" for file in folder.files),
                ),
            }
        )
        folder.finish(complete)
        return complete

    def _when_awaited(self, probe: str, done: int, total: int, what: str) -> None:
        if self.awaited == probe:
            self._report(probe, done, total, what)


def _note(folder: EvidenceFolder, why: str) -> None:
    """Note why there is no observation. The error itself counts, even if the disk is full."""
    with suppress(BenchError):
        folder.note(f"no observation: {why}")


def _interface(probe: Probe[Observed]) -> str:
    """Return the folder of drivers/ that the probe, or the door that it goes through, lives in."""
    module = type(getattr(probe, "door", probe)).__module__.split(".")
    return module[1] if len(module) > 2 and module[0] == "drivers" else ""
