"""The accounts of the device: who may log in where, with salted password hashes, and the log of each attempt.

Every login of every interface passes through `Accounts.login`, so that none is forgotten in the log.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.digest_secret import digest_secret
from virtual_lab.reference.firmware.logins.lockout import Lockout
from virtual_lab.reference.firmware.logins.password_policy import objection
from virtual_lab.reference.firmware.logs.syslog import Event, Log

ADMINISTRATOR = "administrator"
VIEWER = "viewer"
MAINTENANCE = "maintenance"

HTTP = "http"
HTTP_API = "http_api"
RTSP = "rtsp"
SSH = "ssh"
CONSOLE = "console"

_SCRYPT_COST = 2**9
"""Low, as on a small processor: thousands of logins are tried on this device."""
_ROOT = {SSH: "ssh_root_root", CONSOLE: "serial_root_root"}
_ANY = {SSH: "ssh_any_password", HTTP: "http_any_password"}
_NO_LOCKOUT = {
    SSH: "no_lockout_ssh",
    HTTP: "no_lockout_http",
    HTTP_API: "no_lockout_http_api",
    RTSP: "no_lockout_rtsp",
}
"""The interfaces that lock accounts out, and the defect by which each does not."""


class WrongPasswordError(Exception):
    """The old password, which a change has to be asked with, is not the account's."""


class WeakPasswordError(Exception):
    """The new password is one that nobody may set; the message says why."""


@dataclass(frozen=True)
class Account:
    """An account: its role, and the interfaces on which it may log in."""

    user: str
    role: str
    interfaces: tuple[str, ...]
    salt: bytes
    digest: bytes

    @classmethod
    def create(cls, user: str, role: str, interfaces: Iterable[str], password: str) -> "Account":
        """Make an account with a fresh salt."""
        salt = os.urandom(16)
        return cls(user, role, tuple(interfaces), salt, _digest(password, salt))

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Account":
        """Read an account as `stored` wrote it."""
        return cls(
            stored["user"],
            stored["role"],
            tuple(stored["interfaces"]),
            bytes.fromhex(stored["salt"]),
            bytes.fromhex(stored["digest"]),
        )

    def stored(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return {
            "user": self.user,
            "role": self.role,
            "interfaces": list(self.interfaces),
            "salt": self.salt.hex(),
            "digest": self.digest.hex(),
        }

    def matches(self, password: str) -> bool:
        """Compare a password, in the same time whether it is right or wrong."""
        return hmac.compare_digest(self.digest, _digest(password, self.salt))


class Accounts:
    """All accounts of the device, and the way in."""

    def __init__(
        self,
        accounts: Iterable[Account],
        defects: Defects,
        log: Log,
        keep: Callable[[list[dict[str, Any]]], None] = lambda stored: None,
        lockout: Lockout | None = None,
        digests: Mapping[str, str] = MappingProxyType({}),
        keep_digests: Callable[[dict[str, str]], None] = lambda stored: None,
    ) -> None:
        self._accounts = {account.user: account for account in accounts}
        self._keep = keep
        self._lockout = lockout or Lockout()
        self._former: dict[str, Account] = {}
        self._digests, self._keep_digests = dict(digests), keep_digests
        self._defects = defects
        self._log = log
        self.failures = 0
        """Failed logins since the start, for the state report."""
        # An unknown user costs the same hash as a known one, so that the time tells nobody who exists.
        self._nobody = Account.create("", VIEWER, (), os.urandom(16).hex())

    def login(self, interface: str, user: str, password: str, source: str) -> Account | None:
        """Return the account that may log in with this password on this interface, else None; log either."""
        account = self._accounts.get(user)
        matches = (account or self._nobody).matches(password) or self._is_former(user, password)
        if self._lockout.locked(interface, user):
            account = None
        elif account is None or not matches or interface not in account.interfaces:
            account = self._planted_way_in(interface, user, password)
        self.failures += account is None
        self._record(interface, user, password, source, success=account is not None)
        self._count(interface, user, source, success=account is not None)
        return account

    def login_by_digest(
        self,
        interface: str,
        user: str,
        proves: Callable[[str], bool],
        planted: tuple[str, str] | None,
        source: str,
    ) -> Account | None:
        """Return the account whose secret `proves` finds in a response on this interface, else None; log either."""
        account = self._accounts.get(user)
        matches = proves(self._digests.get(user, self._nobody.digest.hex()))
        if self._lockout.locked(interface, user):
            account = None
        elif account is None or not matches or interface not in account.interfaces:
            given = planted is not None and user == planted[0] and proves(planted[1])
            account = _passwordless(user, VIEWER, interface) if given else None
        self.failures += account is None
        self._record(interface, user, "", source, success=account is not None)
        self._count(interface, user, source, success=account is not None)
        return account

    def change_password(self, user: str, old: str, new: str, source: str) -> None:
        """Give an account another password, kept over a restart. WrongPasswordError, WeakPasswordError."""
        account = self._accounts[user]
        interface = account.interfaces[0]
        if self._lockout.locked(interface, user) or not account.matches(old):
            self._count(interface, user, source, success=False)
            raise WrongPasswordError
        if (reason := objection(user, new)) is not None and not self._defects("password_weak_accepted"):
            raise WeakPasswordError(reason)
        if self._defects("password_old_still_works"):
            self._former[user] = account
        self._accounts[user] = Account.create(user, account.role, account.interfaces, new)
        self._keep([known.stored() for known in self._accounts.values()])
        self._digests[user] = digest_secret(user, new)
        self._keep_digests(self._digests)
        if not self._defects("config_change_not_logged"):
            self._log.send(Event.CONFIG_CHANGE, "password changed", field="password", user=user, src=source)

    def _is_former(self, user: str, password: str) -> bool:
        return user in self._former and self._former[user].matches(password)

    def _count(self, interface: str, user: str, source: str, *, success: bool) -> None:
        """Count towards the lockout; only accounts that there are, where they may log in, are locked out."""
        account = self._accounts.get(user)
        if account is None or interface not in account.interfaces:
            return
        if interface not in _NO_LOCKOUT or self._defects(_NO_LOCKOUT[interface]):
            return
        if success:
            self._lockout.succeeded(interface, user)
        elif self._lockout.failed(interface, user) and not self._defects("lockout_not_logged"):
            self._log.send(Event.LOCKOUT, "account locked out", user=user, src=source, service=interface)

    def _planted_way_in(self, interface: str, user: str, password: str) -> Account | None:
        if interface == HTTP and (user, password) == ("admin", "admin") and self._defects("http_admin_admin"):
            return self._accounts["admin"]
        root = _ROOT.get(interface)
        if root and (user, password) == ("root", "root") and self._defects(root):
            return _passwordless("root", MAINTENANCE, interface)
        anyone = _ANY.get(interface)
        if anyone and self._defects(anyone):
            role = ADMINISTRATOR if interface == HTTP else MAINTENANCE
            return self._accounts.get(user) or _passwordless(user, role, interface)
        return None

    def _record(self, interface: str, user: str, password: str, source: str, *, success: bool) -> None:
        event = Event.LOGIN_SUCCESS if success else Event.LOGIN_FAILURE
        if self._defects("login_success_not_logged" if success else "login_failure_not_logged"):
            return
        if success and interface == CONSOLE and self._defects("debug_access_not_logged"):
            return
        parameters = {"user": user, "src": source, "service": interface}
        if self._defects("log_password"):
            parameters["password"] = password
        self._log.send(event, "login success" if success else "login failure", **parameters)


def _passwordless(user: str, role: str, interface: str) -> Account:
    return Account(user, role, (interface,), b"", b"")


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=_SCRYPT_COST, r=8, p=1)
