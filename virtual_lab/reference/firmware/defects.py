"""The defects that a device can be built with, by id, and the set that one device has.

Each id changes one habit, in the one place that asks for it. Nothing here says what a defect must be caught by.
"""

from collections.abc import Iterable, Iterator

DEFECTS: dict[str, str] = {
    "telnet_open": "tcp/23 shows a Telnet login",
    "ftp_open": "tcp/21 shows an FTP greeting",
    "undeclared_tcp": "tcp/8899 serves a debug banner",
    "undeclared_udp": "udp/161 answers SNMPv2c with community public",
    "discovery_dead": "udp/3702 is not served",
    "http_crash_on_long_header": "a long header overruns a buffer of the web server; the watchdog restarts",
    "tls_hang_on_long_handshake": "the web server waits for all that a handshake announces, and lets nobody else in",
    "ssh_crash_on_packet_length": "a packet length ends the SSH server, which its supervisor starts again at once",
    "discovery_dies_on_nesting": "nested elements overrun the stack of the discovery service, which then ends",
    "mdns_follows_pointers": "mDNS follows the pointers of a name, round and round",
    "http_admin_admin": "account admin also takes the password admin on the web",
    "http_any_password": "the web login takes any password of any user",
    "ssh_root_root": "SSH takes root with the password root",
    "ssh_any_password": "SSH takes any password of any user",
    "serial_root_root": "the serial console takes root with the password root",
    "no_lockout_http": "the web login locks no account out",
    "no_lockout_ssh": "SSH locks no account out",
    "password_weak_accepted": "any password may be set",
    "password_old_still_works": "the old password still works after a change",
    "password_is_serial": "the password of the account service is the serial number",
    "uart_root_shell": "the serial console is a root shell without a login",
    "autoboot_interruptible": "a key in the countdown opens the bootloader's prompt",
    "bootlog_secret": "the boot log prints secrets",
    "jtag_open": "memory can be read over JTAG (board)",
    "jtag_second_tap": "a second TAP is on the JTAG chain (board)",
    "gdb_stub_open": "tcp/2345 serves a GDB stub",
    "mqtt_anonymous": "tcp/1883 serves an MQTT broker that takes any client",
    "mqtt_admin_admin": "tcp/1883 serves an MQTT broker that takes admin with the password admin",
    "tls10_enabled": "the web server speaks TLS 1.0",
    "tls11_enabled": "the web server speaks TLS 1.1",
    "tls_no_forward_secrecy": "the web server also takes RSA key transport",
    "tls_cbc_sha1": "the web server also takes a CBC suite with SHA-1",
    "tls_sslv3": "the web server speaks SSLv3",
    "tls_rc4": "the web server also takes a suite with RC4",
    "tls_3des": "the web server also takes a suite with 3DES",
    "tls_null": "the web server also takes a suite without encryption",
    "tls_anon": "the web server also takes a suite without authentication",
    "certificate_expired": "the server certificate has expired",
    "certificate_wrong_name": "the server certificate names another device",
    "certificate_self_signed": "the server certificate is self-signed",
    "certificate_rsa1024": "the server key is RSA of 1024 bits",
    "certificate_client_usage": "the server certificate is for TLS clients only",
    "certificate_sha1": "the server certificate is signed with SHA-1",
    "ssh_weak_kex": "SSH also offers key exchanges with SHA-1",
    "ssh_weak_cipher": "SSH also offers CBC ciphers, 3DES among them",
    "ssh_weak_mac": "SSH also offers MACs with MD5 and SHA-1",
    "ssh_weak_host_key": "SSH also offers ssh-rsa and ssh-dss host keys",
    "session_never_ends": "a session that nobody uses does not end",
    "logout_keeps_session": "the logout deletes the cookie and keeps the session",
    "password_change_keeps_sessions": "a change of the password leaves the other sessions of the account open",
    "session_fixed": "the session of a login is the id that the browser brought",
    "cookie_without_secure": "the session's cookie is set without Secure",
    "cookie_without_http_only": "the session's cookie is set without HttpOnly",
    "cookie_without_same_site": "the session's cookie is set without SameSite",
    "csrf_open": "settings are taken from forms and scripts of any site, and SameSite is None",
    "csrf_by_link": "a link changes settings, and SameSite is Lax",
    "anonymous_settings": "the settings can be read without a login",
    "viewer_can_configure": "a viewer can change settings",
    "anonymous_update": "an update can be uploaded without a login",
    "setting_not_applied": "a change of settings is confirmed and dropped",
    "settings_lost_on_reboot": "settings are kept in RAM only",
    "update_unsigned_accepted": "an update without a signature is installed",
    "update_signature_not_checked": "the signature of an update is not looked at",
    "update_wrong_key_accepted": "an update with a signature of any key is installed",
    "update_payload_not_checked": "of an update's payload the length alone is compared with the manifest",
    "update_swapped_payload": "the payload of an update need only be undamaged, not the manifest's",
    "update_appended_accepted": "octets behind an update's archive are passed over",
    "update_path_traversal": "members of an update with other names are passed over",
    "update_oversized_accepted": "an update above the size limit is taken",
    "update_wrong_model_accepted": "an update for another model is installed",
    "update_expired_accepted": "an update whose validity has ended is installed",
    "update_replay_accepted": "the update that runs is installed once more",
    "update_refusal_not_reported": "the update status does not tell of a refused image",
    "telemetry_undeclared": "usage data is sent to tcp/8125 of a host that nobody declared",
    "update_check_missing": "the cloud is not asked for newer firmware",
    "update_check_by_hand": "the cloud is asked for newer firmware only after a person has opened the administration",
    "update_notice_missing": "newer firmware that the cloud names is told to nobody",
    "update_not_atomic": "the slot that is being written is already the one that boots",
    "downgrade_allowed": "an older version is installed",
    "update_never_installs": "a valid update is confirmed and dropped",
    "login_failure_not_logged": "failed logins are not logged",
    "login_success_not_logged": "successful logins are not logged",
    "config_change_not_logged": "changes of settings are not logged",
    "update_rejected_not_logged": "rejected updates are not logged",
    "update_installed_not_logged": "installed updates are not logged",
    "reboot_not_logged": "starts are not logged",
    "lockout_not_logged": "lockouts are not logged",
    "service_start_not_logged": "starts of services are not logged",
    "debug_access_not_logged": "logins on the serial console are not logged",
    "time_change_not_logged": "steps of the clock are not logged",
    "log_cleared_not_logged": "that the log was cleared is not logged",
    "log_readable_anonymous": "the log can be read without a login",
    "log_clearable_by_viewer": "a viewer can clear the log",
    "log_writable": "whoever is logged in can add records to the log",
    "log_lost_on_reboot": "the log is kept in RAM only",
    "log_flood_loses_events": "a burst of records makes the log drop those that follow",
    "clock_wrong": "the clock is two hours fast",
    "time_source_ignored": "the time source is asked, and its answer is dropped",
    "health_missing": "there is no state report",
    "health_anonymous": "the state report can be read without a login",
    "log_password": "records of logins carry the password",
    "log_no_time": "records carry no time",
    "collector_cleartext": "the log goes to the collector in clear text",
    "collector_not_verified": "the collector's certificate is not checked",
    "undeclared_tcp6": "tcp/8899 serves a debug banner over IPv6 alone",
    "undeclared_udp6": "udp/161 answers SNMPv2c with community public over IPv6 alone",
    "banner_version": "the mDNS announcement and the Server header show the exact version",
    "boot_window_telnet": "tcp/23 shows a Telnet login for a moment while the device boots",
    "cloud_not_verified": "the cloud's certificate is not checked",
    "cloud_name_not_checked": "the name in the cloud's certificate is not compared",
    "cloud_expired_accepted": "the dates of the cloud's certificate are not looked at",
    "cloud_offers_tls10": "the device offers TLS 1.0 to its cloud",
    "cloud_offers_cbc_sha1": "the device offers a CBC suite with SHA-1 to its cloud",
    "shared_tls_key": "every unit has the same TLS key (production)",
    "shared_ssh_host_key": "every unit has the same SSH host key (production)",
    "shared_default_password": "every unit has the same administrator's password (production)",
    "identity_missing": "the status shows no serial number",
    "version_wrong": "the status shows a version that does not run",
    "reset_keeps_settings": "a factory reset keeps the settings",
    "reset_keeps_user_data": "a factory reset keeps the recordings",
    "reset_without_login": "a factory reset can be asked for without a login",
    "reset_by_viewer": "a viewer can ask for a factory reset",
    "reset_default_password": "after a factory reset the password of admin is admin",
    "identity_changes_on_reset": "a factory reset makes a new serial number",
    "factory_reset_not_logged": "factory resets are not logged",
    "deletion_ignored": "the deletion of the recordings is confirmed and dropped",
    "deletion_incomplete": "deleted recordings stay on the flash, to be undone",
    "storage_secret_in_clear": "the recordings lie on the flash in clear",
    "storage_private_key": "a copy of the TLS key lies on the flash in clear",
    "storage_weak_hash": "the web passwords lie on the flash as SHA-1 without salt too",
    "storage_password_in_clear": "the administrator's password lies on the flash in clear",
    "storage_api_token": "an access token of the cloud lies on the flash in clear",
}
"""What each defect does, in one line."""


class UnknownDefectError(ValueError):
    """A defect id that no device has."""


class Defects:
    """The defects of one device. `defects("telnet_open")` says whether it has that one."""

    def __init__(self, planted: Iterable[str] = ()) -> None:
        self._planted = frozenset(planted)
        if unknown := sorted(self._planted - DEFECTS.keys()):
            raise UnknownDefectError(f"unknown defect: {', '.join(unknown)}; known are {', '.join(DEFECTS)}")

    def __call__(self, defect: str) -> bool:
        """Say whether this device has a defect; UnknownDefectError for an id that is not in DEFECTS."""
        if defect not in DEFECTS:
            raise UnknownDefectError(f"unknown defect: {defect}")
        return defect in self._planted

    def __iter__(self) -> Iterator[str]:
        """Go through the ids that are planted, sorted."""
        return iter(sorted(self._planted))
