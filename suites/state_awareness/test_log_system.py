"""Events inside the device, and the clock that dates its records."""

from drivers.logs.clock import ClockFollows, ClockReading
from drivers.logs.events import LoggedEvent
from lab_config.bench import Permission
from lab_config.rules import Profile
from suites.state_awareness.test_log import ADVICE, COVERS, missing
from trustprobe.judging.case import case
from trustprobe.judging.outcomes import Inconclusive


@case("log.emits.debug_access", covers=COVERS, fails_on="absence", advice=ADVICE)
def test_debug_access_is_logged(debug_access_event: LoggedEvent, profile: Profile) -> None:
    """Log in on the serial console, and wait for the record that names the account and the console.

    Witness: another event arrived on the same channel afterwards.
    """
    assert debug_access_event.seen, missing(debug_access_event, profile)


@case(
    "log.time",
    covers=["CSA-1", "SP800-213A CS:SRT"],
    fails_on="absence",
    advice="Date records in UTC or with the zone, from a clock that a time source sets.",
)
def test_records_carry_the_correct_time(log_clock: ClockReading, profile: Profile) -> None:
    """Cause an event, and compare the time stamp of its record with the time between cause and arrival.

    Witness: the record arrived. Where the time stamp is wrong, also: NTP has synchronised the test machine, or the
    device asked its time server for the time.
    """
    bound, offset = profile.limits.log_clock_seconds, log_clock.offset
    wrong = offset is None or abs(offset) > bound
    off = "" if offset is None else f"the clock is {offset:+.1f} s off, {bound:g} s are allowed"
    if wrong and off and not log_clock.true_time.holds:
        raise Inconclusive(f"{off}, but {log_clock.true_time.what}. Synchronise this machine with NTP")
    assert not wrong, off or "the record carries no time stamp"


@case(
    "log.time.source",
    covers=["CSA-1", "SP800-213A CS:SRT"],
    fails_on="absence",
    needs=(Permission.CONFIGURE,),
    advice="Set the clock from the declared source, and follow that source.",
)
def test_the_clock_follows_its_source(clock_follows: ClockFollows) -> None:
    """Let the bench's time server report a time one hour ahead for a moment, and read the time stamps of records.

    The time is then set right. Witness: records with time stamps arrived before, during and after the shift.
    """
    stays = [about for about in ("shifted", "back") if about not in clock_follows.seen]
    steps = "; ".join(f"{about}: {clock_follows.detail(about)}" for about in stays)
    assert not stays, f"the clock did not follow its source: {steps}"


@case("log.emits.time_change", covers=COVERS, fails_on="absence", needs=(Permission.CONFIGURE,), advice=ADVICE)
def test_clock_step_is_logged(time_change_event: LoggedEvent, profile: Profile) -> None:
    """Let the time source step by one hour, and look for the record of the change.

    Witness: another event arrived on the same channel afterwards.
    """
    assert time_change_event.seen, missing(time_change_event, profile)


@case("log.emits.log_cleared", covers=COVERS, fails_on="absence", needs=(Permission.CONFIGURE,), advice=ADVICE)
def test_clearing_the_log_is_logged(log_cleared_event: LoggedEvent, profile: Profile) -> None:
    """Clear the device's own log as administrator, and look for the record that names who cleared it.

    Witness: another event arrived on the same channel afterwards.
    """
    assert log_cleared_event.seen, missing(log_cleared_event, profile)


@case("log.emits.service_start", covers=COVERS, fails_on="absence", needs=(Permission.POWER,), advice=ADVICE)
def test_service_start_is_logged(service_start_event: LoggedEvent, profile: Profile) -> None:
    """Switch the power off and on, and look for the record that the declared canary's service has started.

    Witness: another event arrived on the same channel afterwards.
    """
    assert service_start_event.seen, missing(service_start_event, profile)
