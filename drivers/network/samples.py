"""Two samples of one product, read by the same code: what should be each one's own, and whether they share it.

No key and no password is kept: keys are compared by their SHA-256, a password by asking the other sample to take it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.credentials import LoginAttempt
from drivers.errors import BenchError
from drivers.network.certificate import ReadCertificate
from drivers.network.http import NoAnswerError, WebClient, WebDoor, lookup
from drivers.network.ssh import SshDoor
from drivers.network.target import Target
from drivers.probe import Answer, Fact, Observation, Recorder, Witness
from lab_config.models import HttpLogin, Identity, Service

IDENTIFIERS = ("serial", "mac", "tls_key", "certificate", "ssh_host_key", "default_password")
"""What two samples must not share, by the rows of the case."""


class SharedIdentifiers(Observation):
    """What two samples share. SEEN is one value on both, SILENT two values; the witness is that both were read."""

    unread: dict[str, str]
    """What was not read on both samples, and why."""

    def row(self, name: str) -> Self:
        """Narrow to one identifier, with the witness that it was read on both samples."""
        what = self.unread.get(name)
        words = f"{name} was read on both samples" if what is None else f"{name} was not read on both: {what}"
        return self.about(name).model_copy(update={"witness": Witness(what=words, holds=what is None)})


@dataclass(frozen=True)
class Sample:
    """One sample, the logins of its label by account, and how it is told from the other in evidence."""

    title: str
    target: Target
    logins: Mapping[str, tuple[str, str]] = field(repr=False)
    """User and password, by the declared account's id."""
    trust_anchor: Path | None = None


@dataclass(frozen=True)
class CompareSamples:
    """Read both samples, and compare. `tls` and `ssh` are the declared services that show keys, where there are any.

    `reader` is the account that may read the identifiers. Raises BenchError for nothing that a device does.
    """

    first: Sample
    second: Sample
    service: Service
    http_login: HttpLogin
    identity: Identity
    reader: str
    tls: Service | None
    ssh: Service | None

    @property
    def name(self) -> str:
        """One observation."""
        return "two_samples"

    def run(self, record: Recorder) -> SharedIdentifiers:
        """Read the first sample, the second, and try the passwords of the first on the second."""
        if self.first.target == self.second.target:
            raise BenchError("both samples of the bench have one address.", "Correct `second.network` of the bench.")
        one, other = self._read(self.first, record), self._read(self.second, record)
        facts, unread = [], {}
        for name in IDENTIFIERS[:-1]:
            values = one.get(name), other.get(name)
            if None in values:
                missing = self.first.title if values[0] is None else self.second.title
                unread[name] = f"{missing} did not show it"
            same = None not in values and values[0] == values[1]
            words = f"both have {values[0]}" if same else f"{values[0]} and {values[1]}"
            facts.append(Fact(about=name, answer=Answer.SEEN if same else Answer.SILENT, detail=words))
        taken, reason = self._passwords(record)
        if reason:
            unread["default_password"] = reason
        words = f"the second sample takes the first one's password of {', '.join(taken)}" if taken else "not shared"
        facts.append(Fact(about="default_password", answer=Answer.SEEN if taken else Answer.SILENT, detail=words))
        return SharedIdentifiers(
            question="Which identifiers, keys and passwords do two samples share?",
            facts=tuple(facts),
            witness=Witness(what=f"{len(IDENTIFIERS) - len(unread)} of {len(IDENTIFIERS)} read", holds=not unread),
            unread=unread,
        )

    def _read(self, sample: Sample, record: Recorder) -> dict[str, str]:
        """Return what one sample shows; what it does not show is left out."""
        found = self._shown(sample, record)
        if self.tls is not None:
            names = (sample.target.address,)
            probe = ReadCertificate(sample.target, self.tls.port, sample.trust_anchor, names)
            if pem := probe.run(record).pem:
                found["certificate"] = hashlib.sha256(
                    x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
                ).hexdigest()
                found["tls_key"] = _key_digest(pem)
        if self.ssh is not None:
            key = SshDoor(sample.target, self.ssh.port, self.ssh.id).host_key()
            if key is not None:
                found["ssh_host_key"] = hashlib.sha256(key).hexdigest()
        for name, value in found.items():
            record.note(f"{sample.title}: {name} {value}")
        return found

    def _shown(self, sample: Sample, record: Recorder) -> dict[str, str]:
        user, password = sample.logins[self.reader]
        session = WebClient(sample.target, self.service).login(self.http_login, user, password)
        if isinstance(session, LoginAttempt):
            record.note(f"{sample.title}: the login of {user} -> {session.answer}: {session.detail}")
            return {}
        with session:
            try:
                answer = session.request("GET", self.identity.path)
            except NoAnswerError as error:
                record.note(f"{sample.title}: GET {self.identity.path} -> no answer: {error.detail}")
                return {}
        fields = {"serial": self.identity.serial_field, "mac": self.identity.mac_field}
        shown = {name: lookup(answer.json(), part) for name, part in fields.items() if part is not None}
        return {name: value for name, value in shown.items() if value is not None}

    def _passwords(self, record: Recorder) -> tuple[list[str], str]:
        """Try each password of the first sample on the second, whose own must get in before and after."""
        door = WebDoor(self.second.target, self.service, self.http_login)
        taken: list[str] = []
        for account in sorted(self.first.logins.keys() & self.second.logins.keys()):
            own = self.second.logins[account]
            if door.attempt(*own).answer is not Answer.SEEN:
                return taken, f"the second sample does not take its own password of {account}"
            attempt = door.attempt(own[0], self.first.logins[account][1])
            record.note(f"{account}: the first sample's password on the second -> {attempt.answer}: {attempt.detail}")
            if attempt.answer is Answer.SEEN:
                taken.append(account)
            elif attempt.answer is Answer.SILENT:
                return taken, f"{account}: {attempt.detail}"
        return taken, "" if self.first.logins.keys() & self.second.logins.keys() else "no account has both passwords"


def _key_digest(pem: str) -> str:
    """Return the SHA-256 of a certificate's public key, as SubjectPublicKeyInfo."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
