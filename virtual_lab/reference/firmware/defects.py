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
    "http_admin_admin": "account admin also takes the password admin on the web",
    "http_any_password": "the web login takes any password of any user",
    "ssh_root_root": "SSH takes root with the password root",
    "ssh_any_password": "SSH takes any password of any user",
    "serial_root_root": "the serial console takes root with the password root",
    "uart_root_shell": "the serial console is a root shell without a login",
    "autoboot_interruptible": "a key in the countdown opens the bootloader's prompt",
    "bootlog_secret": "the boot log prints secrets",
    "jtag_open": "memory can be read over JTAG (board)",
    "jtag_second_tap": "a second TAP is on the JTAG chain (board)",
    "tls10_enabled": "the web server speaks TLS 1.0",
    "tls11_enabled": "the web server speaks TLS 1.1",
    "tls_no_forward_secrecy": "the web server also takes RSA key transport",
    "tls_cbc_sha1": "the web server also takes a CBC suite with SHA-1",
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
    "anonymous_settings": "the settings can be read without a login",
    "viewer_can_configure": "a viewer can change settings",
    "anonymous_update": "an update can be uploaded without a login",
    "setting_not_applied": "a change of settings is confirmed and dropped",
    "settings_lost_on_reboot": "settings are kept in RAM only",
    "update_unsigned_accepted": "an update without a signature is installed",
    "update_signature_not_checked": "the signature of an update is not looked at",
    "update_wrong_key_accepted": "an update with a signature of any key is installed",
    "update_payload_not_checked": "the payload of an update is not compared with its manifest",
    "downgrade_allowed": "an older version is installed",
    "update_never_installs": "a valid update is confirmed and dropped",
    "login_failure_not_logged": "failed logins are not logged",
    "login_success_not_logged": "successful logins are not logged",
    "config_change_not_logged": "changes of settings are not logged",
    "update_rejected_not_logged": "rejected updates are not logged",
    "update_installed_not_logged": "installed updates are not logged",
    "reboot_not_logged": "starts are not logged",
    "log_password": "records of logins carry the password",
    "log_no_time": "records carry no time",
    "collector_cleartext": "the log goes to the collector in clear text",
    "collector_not_verified": "the collector's certificate is not checked",
    "identity_missing": "the status shows no serial number",
    "version_wrong": "the status shows a version that does not run",
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
