"""The device's own log: who reads, clears and writes it, and whether it survives a restart and a burst."""

from drivers.logs.flood import Flood
from lab_config.bench import Permission
from lab_config.rules import Profile
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "log.read.unauthorised",
    covers=["CSA-1", "IR8259 CS-3", "SP800-213A CS:AUP"],
    fails_on="presence",
    advice="Show the log only to users who are declared to read it.",
)
def test_log_is_shown_only_to_declared_readers(log_readers: Observation) -> None:
    """Cause a record under a name made for this run, and request the log without a login and with a lesser login.

    Witness: the same request as administrator shows that record.
    """
    assert not log_readers.seen, f"the log is shown to {', '.join(sorted(log_readers.seen))}"


@case(
    "log.clear.unauthorised",
    covers=["CSA-1", "IR8259 CS-4", "SP800-213A CS:AUP"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Let only users clear the log who are declared to clear it.",
)
def test_clearing_the_log_requires_authorisation(log_clearers: Observation) -> None:
    """Cause a record, request to clear the log without a login and with a lesser login, and look for the record.

    Witness: the same request with authorisation removes the record.
    """
    assert not log_clearers.seen, f"the log was cleared by {', '.join(sorted(log_clearers.seen))}"


@case(
    "log.write.unauthorised",
    covers=["CSA-1", "IR8259 CS-4", "SP800-213A CS:AUP"],
    fails_on="presence",
    advice="Accept no records into the log except those of the device's own events.",
)
def test_log_accepts_no_forged_records(log_writers: Observation) -> None:
    """Send forged records to the log, without a login and with a lesser login, and look for them in the log.

    Witness: the same answer contains the record of an event that the device itself observed.
    """
    assert not log_writers.seen, f"the log accepted forged records: {', '.join(sorted(log_writers.seen))}"


@case(
    "log.persists",
    covers=["CSA-1", "SP800-213A CS:LSR"],
    fails_on="absence",
    needs=(Permission.POWER,),
    advice="Store records where a loss of power does not affect them.",
)
def test_log_survives_a_restart(log_kept: Observation) -> None:
    """Cause a record, see it in the device's own log, switch the power off and on, and look for it again.

    Witness: the record was there before, the boot id has changed, and the log can be read again.
    """
    assert log_kept.seen, "a record from before the restart is gone"


@case(
    "log.flood",
    covers=["CSA-1"],
    fails_on="absence",
    advice="Size the queue for a burst, or count repeated records. Drop no record of another kind.",
)
def test_a_burst_does_not_hide_the_event_after_it(log_flood: Flood, profile: Profile) -> None:
    """Fail to log in many times under made-up names, log in as administrator at once, and wait for that record.

    Witness: the same login was logged without a burst. The device must have answered half of the burst.
    """
    assert log_flood.seen, f"no record within {profile.limits.log_seconds:g} s: {log_flood.detail('event')}"
