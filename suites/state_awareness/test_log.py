"""The log: each caused event appears on the declared channel, protected, and without a secret."""

from drivers.logs.events import LoggedEvent
from drivers.logs.records import RecordsRead
from lab_config.bench import Permission
from lab_config.rules import Profile
from trustprobe.judging.case import case
from trustprobe.probe import Observation

COVERS = ["CSA-1", "IR8259 CS-5"]
ADVICE = "Log the event with its subject, source and outcome, and forward it at once."


def missing(event: LoggedEvent, profile: Profile) -> str:
    """Return the sentence of a failure, with the records that did not arrive."""
    return f"no record of {', '.join(sorted(event.silent))} within {profile.limits.log_seconds:g} s"


@case("log.emits.login_failure", covers=COVERS, fails_on="absence", advice=ADVICE)
def test_failed_login_is_logged(login_failure_event: LoggedEvent, profile: Profile) -> None:
    """Fail to log in with a name made for this run, and wait for the record that contains it.

    Witness: another event arrived on the same channel afterwards.
    """
    assert login_failure_event.seen, missing(login_failure_event, profile)


@case("log.emits.login_success", covers=COVERS, fails_on="absence", advice=ADVICE)
def test_login_is_logged(login_success_event: LoggedEvent, profile: Profile) -> None:
    """Log in as administrator, and wait for the record that names the account.

    Witness: another event arrived on the same channel afterwards.
    """
    assert login_success_event.seen, missing(login_success_event, profile)


@case("log.emits.lockout", covers=COVERS, fails_on="absence", needs=(Permission.LOCKOUT,), advice=ADVICE)
def test_lockout_is_logged(lockout_event: LoggedEvent, profile: Profile) -> None:
    """Try wrong passwords of an account until it is locked, and look for the record that names it.

    Witness: another event arrived on the same channel afterwards.
    """
    assert lockout_event.seen, missing(lockout_event, profile)


@case("log.emits.config_change", covers=COVERS, fails_on="absence", needs=(Permission.CONFIGURE,), advice=ADVICE)
def test_setting_change_is_logged(config_change_event: LoggedEvent, profile: Profile) -> None:
    """Change the declared harmless setting, and wait for its record.

    Witness: another event arrived on the same channel afterwards.
    """
    assert config_change_event.seen, missing(config_change_event, profile)


@case("log.emits.reboot", covers=COVERS, fails_on="absence", needs=(Permission.POWER,), advice=ADVICE)
def test_device_start_is_logged(reboot_event: LoggedEvent, profile: Profile) -> None:
    """Switch the power off and on, and wait for the record of the start.

    Witness: another event arrived on the same channel afterwards.
    """
    assert reboot_event.seen, missing(reboot_event, profile)


@case("log.emits.update_rejected", covers=COVERS, fails_on="absence", needs=(Permission.UPDATE,), advice=ADVICE)
def test_rejected_update_is_logged(update_rejected_event: LoggedEvent, profile: Profile) -> None:
    """Offer an image of random bytes made for this run, and wait for the record that contains its digest.

    Witness: another event arrived on the same channel afterwards.
    """
    assert update_rejected_event.seen, missing(update_rejected_event, profile)


@case("log.emits.update_installed", covers=COVERS, fails_on="absence", needs=(Permission.UPDATE,), advice=ADVICE)
def test_installed_update_is_logged(update_installed_event: LoggedEvent, profile: Profile) -> None:
    """Install the vendor's image, and look for the record that contains its version.

    Witness: another event arrived on the same channel afterwards.
    """
    assert update_installed_event.seen, missing(update_installed_event, profile)


@case(
    "log.emits.factory_reset",
    covers=COVERS,
    fails_on="absence",
    needs=(Permission.CONFIGURE, Permission.RESET),
    advice=ADVICE,
)
def test_factory_reset_is_logged(factory_reset_event: LoggedEvent, profile: Profile) -> None:
    """Request the factory reset as administrator, and look for the record that names the account.

    Witness: another event arrived on the same channel afterwards.
    """
    assert factory_reset_event.seen, missing(factory_reset_event, profile)


@case(
    "log.transport",
    covers=["CSA-1", "DP-3", "EN18031 SCM-3"],
    fails_on="presence",
    advice="Forward the log over TLS only (RFC 5425).",
)
def test_log_is_never_forwarded_in_clear_text(log_transport: Observation) -> None:
    """Listen on the clear-text ports of syslog in parallel with the TLS port while events are caused.

    A record in clear text is a failure. Witness: records of this device arrived over TLS in the same time.
    """
    clear = sorted(log_transport.seen - {"tls"})
    assert not clear, f"records arrived in clear text over {', '.join(clear)}"


@case(
    "log.transport.trust",
    covers=["CSA-1", "DP-3", "EN303645 5.5-1", "EN18031 SCM-2"],
    fails_on="presence",
    advice="Check the collector's certificate against the configured CA and name before you send the first record.",
)
def test_device_checks_the_collectors_certificate(log_collector_trust: Observation) -> None:
    """Present a certificate of an unknown CA to the device's log connection.

    A record that arrives over it is a failure. Witness: the device connects to the good certificate again, and its
    records arrive.
    """
    assert not log_collector_trust.seen, "the device sent records to a collector with a certificate of an unknown CA"


@case(
    "log.fields",
    covers=["CSA-1", "SP800-213A CS:RDL", "SP800-213A CS:SRT"],
    fails_on="absence",
    advice="Send RFC 5424 records with a time stamp and its zone, host, application, and a message id or a text.",
)
def test_records_carry_time_and_source(log_records: RecordsRead) -> None:
    """Parse every record of this run according to RFC 5424: time with zone, host, application and event.

    The message id or the text describes the event.
    """
    poor = log_records.refused
    faults = "; ".join(f"{fault} ({example})" for fault, example in log_records.faults.items())
    assert not poor, f"{len(poor)} of {len(log_records.facts)} records: {faults}"


@case(
    "log.secrets",
    covers=["CSA-1", "DP-1", "EN18031 SSM-3"],
    fails_on="presence",
    advice="Log the account's name and the outcome. Never write a typed password into a record.",
)
def test_no_record_contains_a_password(log_secrets: Observation) -> None:
    """Search every record of this run for the passwords that were typed in it, both wrong and valid ones.

    Witness: the records of the logins that carried them are there.
    """
    assert not log_secrets.seen, f"a record contains the password of {', '.join(sorted(log_secrets.seen))}"
