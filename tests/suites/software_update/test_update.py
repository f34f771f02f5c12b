"""Each assertion about updates, on made-up observations."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.storage.altered import AlteredStart
from drivers.update.http_upload import UpdateTrials
from suites.software_update import test_update as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Observation, Witness


def trials(*facts: Fact, witness: Witness = HOLDS, **fields: Any) -> UpdateTrials:
    """What became of the images."""
    known = {"base_version": "2", "version_before": "1", "version_after": "2", "digests": {}, "reading": HOLDS}
    return observed(*facts, kind=UpdateTrials, witness=witness, **{**known, **fields})


def started(*facts: Fact, witness: Witness = HOLDS) -> AlteredStart:
    """What started with one part of its software altered."""
    return observed(*facts, kind=AlteredStart, witness=witness, altered=frozenset({"kernel"}))


FAILS_ON_PRESENCE: dict[Callable[..., None], tuple[Callable[..., Observation], str]] = {
    cases.test_update_requires_authorisation: (observed, "accepted without a login: a: first; b: second"),
    cases.test_bad_image_does_not_run: (trials, "the image runs: first; second"),
    cases.test_power_cut_leaves_the_old_or_the_new_version: (observed, "a: first; b: second"),
    cases.test_software_altered_in_storage_does_not_start: (started, "altered software started: first; second"),
}
"""The cases about what must not happen: their observation, and the reason where two things happen."""
every_presence = pytest.mark.parametrize(
    ("case", "made", "reason"),
    [(case, *row) for case, row in FAILS_ON_PRESENCE.items()],
    ids=[case.__name__ for case in FAILS_ON_PRESENCE],
)
Made = Callable[..., Observation]


@every_presence
def test_nothing_that_happens_passes(case: Callable[..., None], made: Made, reason: str) -> None:
    assert passes(case, made(silent("a"), refused("b"), witness=HOLDS)), reason


@every_presence
def test_everything_that_happens_is_reported(case: Callable[..., None], made: Made, reason: str) -> None:
    facts = (seen("b", "second"), seen("a", "first"), silent("c", "third"))
    assert fails(case, made(*facts, witness=BROKEN), says=reason)


@every_presence
def test_nothing_that_happens_is_open_without_a_witness(case: Callable[..., None], made: Made, reason: str) -> None:
    assert stays_open(case, made(silent("a"), refused("b"), witness=BROKEN), says=BROKEN.what), reason


def test_a_refusal_that_the_status_reports_passes() -> None:
    trial = trials(
        refused("unsigned"), refused("truncated"), refusals=("unsigned", "truncated"), reported=("unsigned",)
    )
    assert passes(cases.test_refused_image_is_reported, trial.reporting())


def test_a_status_that_reports_no_refusal_fails() -> None:
    trial = trials(refused("unsigned"), refusals=("unsigned",))
    words = "the status reports no refusal: of 1 refused images the status reported none"
    assert fails(cases.test_refused_image_is_reported, trial.reporting(), says=words)


def test_no_refused_image_leaves_the_report_open() -> None:
    words = "0 images were refused"
    assert stays_open(cases.test_refused_image_is_reported, trials(seen("unsigned")).reporting(), says=words)


def test_an_installed_vendor_image_passes() -> None:
    assert passes(cases.test_vendor_image_installs, trials(seen("base")))


@pytest.mark.parametrize("answer", [refused, silent])
def test_a_vendor_image_that_does_not_install_fails(answer: Callable[[str, str], Fact]) -> None:
    assert fails(cases.test_vendor_image_installs, trials(answer("base", "1 still runs")), says="1 still runs")


def test_every_missing_part_of_the_installation_is_reported() -> None:
    both = trials(silent("base.transfer", "no answer"), refused("base", "1 still runs"))
    assert fails(cases.test_vendor_image_installs, both, says="1 still runs; no answer")


def test_a_version_that_could_not_be_read_leaves_the_installation_open() -> None:
    unread = trials(silent("base"), witness=BROKEN)
    assert stays_open(cases.test_vendor_image_installs, unread, says=BROKEN.what)


def test_updates_and_power_cuts_must_be_allowed() -> None:
    power = (
        cases.test_power_cut_leaves_the_old_or_the_new_version,
        cases.test_software_altered_in_storage_does_not_start,
    )
    for case in (*FAILS_ON_PRESENCE, cases.test_refused_image_is_reported, cases.test_vendor_image_installs):
        assert needs(case) == (("update", "power") if case in power else ("update",))
