"""Two samples of one product, read by the same code: what should be each one's own, and whether they share it.

No key and no password is kept: keys are compared by their SHA-256, a password by asking the other sample to take it.
"""

import hashlib
import ipaddress
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from OpenSSL import crypto

from drivers.login import Login
from drivers.network.logins.ssh import SshDoor
from drivers.network.tls.certificate import ReadCertificate
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.door import WebDoor
from drivers.network.web.transport.client import NoAnswerError
from drivers.network.web.transport.json_names import lookup
from drivers.titled_recorder import TitledRecorder
from lab_config.component import Identity, Service
from trustprobe.errors import BenchError, NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, printable

_BOTH = Asked(door="both samples", shape="an identifier")

IDENTIFIERS = ("serial", "mac", "tls_key", "certificate", "ssh_host_key", "default_password")
"""What two samples must not share, by the rows of the case."""
VALUE_LIMIT = 200
"""Characters of an identifier that are quoted; whole ones are compared."""


class SharedIdentifiers(Observation):
    """What two samples share. SEEN is one value on both, SILENT two values; the witness is that both were read."""

    unread: dict[str, str]
    """What was not read on both samples, and why."""

    def row(self, name: str) -> Self:
        """Narrow to one identifier, with the witness that it was read on both samples."""
        what = self.unread.get(name)
        words = f"{name} was read on both samples" if what is None else f"{name} was not read on both: {what}"
        witness = Witness(what=words, holds=what is None, asked=_BOTH)
        return self.about(name).model_copy(update={"witness": witness, "asked": _BOTH})


@dataclass(frozen=True)
class LabelledSample:
    """One sample, the logins of its label by account, and how it is told from the other in evidence."""

    title: str
    web: Administration
    """With the account that may read the identifiers."""
    logins: Mapping[str, Login]
    """By the declared account's id."""
    trust_anchor: Path | None = None


@dataclass(frozen=True)
class CompareSamples:
    """Read both samples, and compare. `tls` and `ssh` are the declared services that show keys, where there are any.

    Raises BenchError for nothing that a device does.
    """

    first: LabelledSample
    second: LabelledSample
    identity: Identity
    tls: Service | None
    ssh: Service | None

    @property
    def name(self) -> str:
        """One observation."""
        return "two_samples"

    def run(self, record: Recorder) -> SharedIdentifiers:
        """Read the first sample, the second, and try the passwords of the first on the second."""
        if self._ends(self.first) & self._ends(self.second):
            raise BenchError(
                "both samples of the bench have the same address.", "Correct `second.network` in the bench file."
            )
        facts, unread = [], self._undeclared
        one, other = self._read(self.first, unread, record), self._read(self.second, unread, record)
        for name in IDENTIFIERS[:-1]:
            values = one.get(name), other.get(name)
            if None in values:
                missing = self.first.title if values[0] is None else self.second.title
                unread.setdefault(name, f"{missing} did not show it")
            same = None not in values and values[0] == values[1]
            quoted = [printable(str(value), VALUE_LIMIT) for value in values]
            words = f"both have {quoted[0]}" if same else " and ".join(quoted)
            facts.append(Fact(about=name, answer=Answer.SEEN if same else Answer.SILENT, detail=words))
        tried, taken, reason = self._passwords(record)
        if reason:
            unread["default_password"] = reason
        if taken:
            words = f"the second sample accepts the first one's password of {', '.join(taken)}"
        else:
            words = reason or f"the second sample refuses the first one's password of {', '.join(tried)}"
        facts.append(Fact(about="default_password", answer=Answer.SEEN if taken else Answer.SILENT, detail=words))
        return SharedIdentifiers(
            question="Which identifiers, keys and passwords do two samples share?",
            facts=tuple(facts),
            witness=Witness(
                what=f"{len(IDENTIFIERS) - len(unread)} of {len(IDENTIFIERS)} identifiers were read",
                holds=not unread,
                asked=_BOTH,
            ),
            asked=_BOTH,
            unread=unread,
        )

    @property
    def _undeclared(self) -> dict[str, str]:
        """Name what the declaration gives no way to read, and why."""
        given = {
            "serial": self.identity.serial_field,
            "mac": self.identity.mac_field,
            "tls_key": self.tls,
            "certificate": self.tls,
            "ssh_host_key": self.ssh,
        }
        return {name: "the declaration names no field that shows it" for name, place in given.items() if place is None}

    def _ends(self, sample: LabelledSample) -> set[tuple[object, int | None]]:
        """Return the addresses and ports of this machine's view that a sample is asked at."""
        target = sample.web.target
        services = (service for service in (sample.web.service, self.tls, self.ssh) if service is not None)
        reached = (service for service in services if target.reaches(service.transport, service.port))
        address = ipaddress.ip_address(target.address)
        return {(address, target.bench.port(service.transport, service.port)) for service in reached}

    def _read(self, sample: LabelledSample, unread: dict[str, str], record: Recorder) -> dict[str, str]:
        """Return what one sample shows; what it does not show is left out, and what cannot be read told in `unread`."""
        evidence = TitledRecorder(record, sample.title)
        found = self._shown(sample, evidence)
        if self.tls is not None:
            names = (sample.web.target.address,)
            probe = ReadCertificate(sample.web.target, self.tls.port, sample.trust_anchor, names)
            try:
                pem = probe.run(evidence).pem
            except NotForwardedError as error:
                pem, unread["tls_key"], unread["certificate"] = "", error.words, error.words
            if pem:
                found["certificate"] = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
                found |= _key_digest(pem)
        if self.ssh is not None:
            try:
                key = SshDoor(sample.web.target, self.ssh.port, self.ssh.id).host_key()
            except NotForwardedError as error:
                key, unread["ssh_host_key"] = None, error.words
            if key is not None:
                found["ssh_host_key"] = hashlib.sha256(key).hexdigest()
        for name, value in found.items():
            evidence.note(f"{name} {value}")
        return found

    def _shown(self, sample: LabelledSample, record: Recorder) -> dict[str, str]:
        if (session := sample.web.session(record)) is None:
            return {}
        with session:
            try:
                answer = session.request("GET", self.identity.path)
            except NoAnswerError as error:
                record.note(f"GET {self.identity.path} -> no answer: {error.detail}")
                return {}
        if answer.status != 200:
            record.note(f"GET {self.identity.path} -> {answer.words}")
            return {}
        fields = {"serial": self.identity.serial_field, "mac": self.identity.mac_field}
        shown = {name: lookup(answer.json(), part) for name, part in fields.items() if part is not None}
        return {name: value for name, value in shown.items() if value is not None and value.strip()}

    def _passwords(self, record: Recorder) -> tuple[list[str], list[str], str]:
        """Try each password of the first sample on the second: accounts tried, accounts taken, and why not all were."""
        door = self.second.web.door
        taken: list[str] = []
        accounts = sorted(self.first.logins.keys() & self.second.logins.keys())
        for account in accounts:
            shared, reason = self._shares(door, account, record)
            if reason:
                return accounts, taken, reason
            taken += [account] if shared else []
        return accounts, taken, ""

    def _shares(self, door: WebDoor, account: str, record: Recorder) -> tuple[bool, str]:
        """Whether the second sample takes the first one's password, or why that is not known.

        Its own must get in before, and after a refusal once more; where it takes any password, nothing is shared.
        """
        user, own = self.second.logins[account].user, self.second.logins[account].password
        if door.attempt(user, own).answer is not Answer.SEEN:
            return False, f"the second sample does not accept its own password of {account}"
        attempt = door.attempt(user, self.first.logins[account].password)
        record.note(f"{account}: the first sample's password on the second -> {attempt.answer}: {attempt.detail}")
        if attempt.answer is Answer.SILENT:
            return False, f"{account}: {attempt.detail}"
        if attempt.answer is Answer.SEEN:
            anything = door.attempt(user, secrets.token_urlsafe(12)).answer is Answer.SEEN
            return not anything, f"the second sample accepts any password of {account}" if anything else ""
        locked_out = door.attempt(user, own).answer is not Answer.SEEN
        words = f"afterwards, the second sample does not accept its own password of {account}"
        return False, words if locked_out else ""


def _key_digest(pem: str) -> dict[str, str]:
    """Return the SHA-256 of a certificate's public key, as SubjectPublicKeyInfo; nothing where it cannot be read.

    By OpenSSL, because cryptography refuses the keys that a weak device has.
    """
    try:
        key = crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()).get_pubkey()
        return {"tls_key": hashlib.sha256(crypto.dump_publickey(crypto.FILETYPE_ASN1, key)).hexdigest()}
    except crypto.Error:
        return {}
