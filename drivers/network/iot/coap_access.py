"""What anonymous clients, and a viewer beyond his role, can read and change over CoAP (RFC 7252).

Resources are those of the declaration, and what the service lists itself (RFC 6690). Nothing is written but the value
that is there, where the declaration says that this changes nothing. What an answer means is said by the cases.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from drivers.network.iot.coap import Channel, CoapAnswer, CoapClient, Datagrams
from drivers.network.iot.coap_message import (
    CONTENT,
    CONTENT_FORMAT,
    FORBIDDEN,
    NOT_ALLOWED,
    NOT_FOUND,
    UNAUTHORIZED,
    links,
)
from drivers.network.iot.dtls import Dtls, NoDtlsError, PreSharedKey
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.component import Service, Transport
from lab_config.interfaces import CoapResource
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

CORE = "/.well-known/core"
LISTED = 32
"""Listed resources that are read."""
_SHOWN = 120
_GRAVEST = (Answer.SEEN, Answer.SILENT, Answer.REFUSED)
_DECIDES = (CONTENT, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED)
"""Codes that answer a GET. Others (5.03, 4.29, 4.02) say nothing about what a client may read."""
Outcome = tuple[Answer, str]


@dataclass(frozen=True)
class CoapPort:
    """A UDP port on which CoAP is declared, or lives by custom; with `tls`, inside DTLS."""

    port: int
    tls: bool
    service: str | None = None
    """The id of the declared service."""
    resources: tuple[CoapResource, ...] = ()

    @property
    def about(self) -> str:
        """The name of this port in observations, and of what it lists itself: `udp/5683`."""
        return f"udp/{self.port}"


@dataclass(frozen=True)
class CoapAsk:
    """One request to a declared resource, from an anonymous client or a viewer."""

    service: str
    resource: CoapResource
    method: str
    """GET, OBSERVE, PUT or POST."""
    role: Role | None = None

    @property
    def about(self) -> str:
        """The name of this request in observations: `viewer hub GET /settings`."""
        who = f"{self.role} " if self.role else ""
        return f"{who}{self.service} {self.method} {self.resource.path}"


@dataclass(frozen=True)
class CoapLogin:
    """The pre-shared key of a role on one service."""

    service: str
    role: Role
    key: PreSharedKey


USUAL_PORTS = (CoapPort(5683, tls=False), CoapPort(5684, tls=True))
"""The ports of IANA's registry: coap and coaps."""


def coap_ports(services: Sequence[Service], resources: Sequence[CoapResource]) -> tuple[CoapPort, ...]:
    """Return the declared ports, and the usual ones."""
    declared = [
        CoapPort(one.port, one.tls, one.id, tuple(resource for resource in resources if resource.service == one.id))
        for one in services
        if one.protocol == "coap" and one.transport is Transport.UDP
    ]
    known = {port.port for port in declared}
    return (*declared, *(port for port in USUAL_PORTS if port.port not in known))


def coap_asks(port: CoapPort, *, viewer: bool) -> tuple[CoapAsk, ...]:
    """Return what is asked of the declared resources of a port: reads first."""
    reads, writes = [], []
    service = port.service or ""
    for resource in port.resources:
        roles: tuple[Role | None, ...] = (None, *((Role.VIEWER,) if viewer and port.tls else ()))
        for role in roles:
            if not resource.public and (role is None or role not in resource.read):
                reads.append(CoapAsk(service, resource, "GET", role))
                reads += [CoapAsk(service, resource, "OBSERVE", role)] if resource.observe else []
            if resource.rewrite is not None and (role is None or role not in resource.write):
                writes.append(CoapAsk(service, resource, resource.rewrite, role))
    return (*reads, *writes)


@dataclass
class _Found:
    """What came of one port so far: the gravest outcome of each question."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    """The method of the request that an outcome is of. Without one, no session opened that carries requests."""
    left_open: dict[str, str] = field(default_factory=dict)
    witnesses: list[Witness] = field(default_factory=list)
    granted: set[tuple[str, str]] = field(default_factory=set)
    """Methods and paths that the administrator was granted."""

    def enter(self, about: str, outcome: Outcome, method: str = "", *, is_open: bool = False) -> None:
        """Keep an outcome if it is graver. Of two silences, keep that of a request: it needs a witness of its own."""
        if is_open:
            self.left_open[about] = outcome[1]
        known = self.outcomes.get(about)
        rank = (_GRAVEST.index(outcome[0]), not method)
        if known is None or rank < (_GRAVEST.index(known[0]), not self.methods[about]):
            self.outcomes[about], self.methods[about] = outcome, method


def outcome_of(answer: CoapAnswer) -> Outcome:
    """Say what a response means: 2.xx is SEEN, 4.01, 4.03, a Reset and a closed port REFUSED, all else SILENT."""
    if answer.ok:
        return Answer.SEEN, f"{answer.words} {printable(answer.body, _SHOWN)}".rstrip()
    if answer.message is None:
        return Answer.REFUSED if answer.refused else Answer.SILENT, answer.words
    refused = answer.message.code in (UNAUTHORIZED, FORBIDDEN)
    return Answer.REFUSED if refused else Answer.SILENT, answer.words


def _decides(answer: CoapAnswer) -> bool:
    """Return whether a response says what the service does with a GET."""
    return answer.message is not None and answer.message.code in _DECIDES


def _observed(client: CoapClient, path: str) -> CoapAnswer:
    answer = client.request("GET", path, observe=0)
    if answer.ok:
        client.request("GET", path, observe=1)  # and no longer (RFC 7641 clause 3.6)
    return answer


@dataclass(frozen=True)
class AskCoap:
    """Request the resources of one port without authorisation, and as a viewer if there is one.

    Without authorisation means: without security, inside DTLS without a credential, or with a made-up identity and key.
    Witness: the service answered CoAP before and after; inside DTLS, the administrator was granted the same reads. A
    path that is answered with neither content nor a refusal is left open, unless the administrator was granted it.
    """

    target: Target
    port: CoapPort
    logins: tuple[CoapLogin, ...] = ()
    may_write: bool = False

    @property
    def name(self) -> str:
        """One observation a port."""
        return f"coap{'6' if ':' in self.target.address else ''}_access.{self.port.port}"

    @property
    def asks(self) -> tuple[CoapAsk, ...]:
        """What is asked of the declared resources."""
        return coap_asks(self.port, viewer=self._key(Role.VIEWER) is not None)

    def run(self, record: Recorder) -> Observation:
        """Ask; BenchError when this machine cannot send."""
        port, found = self.port, _Found()
        question = f"What does CoAP on {port.about} grant to a client without authorisation?"
        values = self._control("before", found, record)
        for label, door, native in self._doors(found):
            self._through(label, door, native, values, found, record)
        if (viewer := self._key(Role.VIEWER)) is not None and port.tls:
            self._as_viewer(viewer, values, found, record)
        self._control("after", found, record)
        missing: Outcome = (Answer.SILENT, "not tested")
        facts = []
        for about in self._names():
            answer, detail = found.outcomes.get(about, missing)
            asked = self._asked(found.methods.get(about, ""))
            facts.append(Fact(about=about, answer=answer, detail=detail, asked=asked))
        seen = {fact.about for fact in facts if fact.answer is Answer.SEEN}
        left_open = {about: why for about, why in found.left_open.items() if about not in seen}
        witness = all_of(found.witnesses)
        return Observation(
            question=question, facts=tuple(facts), witness=witness, asked=self._asked(), left_open=left_open
        )

    def _asked(self, method: str = "") -> Asked:
        """Return the question that a request is. A GET is no witness for a PUT."""
        shape = f"a CoAP {method} request" if method else "a CoAP request"
        return Asked(door=self.port.about, shape=f"{shape} inside DTLS" if self.port.tls else shape)

    def _names(self) -> list[str]:
        return [self.port.about, *(ask.about for ask in self.asks)]

    def _key(self, role: Role) -> PreSharedKey | None:
        own = (login for login in self.logins if login.service == self.port.service and login.role is role)
        return next((login.key for login in own), None)

    def _doors(self, found: _Found) -> Iterator[tuple[str, AbstractContextManager[Channel], bool]]:
        """Return the ways in that ask for nothing; the native ones speak what the port is declared to speak."""
        number = self.port.port
        yield "without security", self._in_clear(found), not self.port.tls
        if self.port.tls:
            nobody = PreSharedKey(f"trustprobe-{secrets.token_hex(4)}", secrets.token_bytes(16))
            yield "DTLS without a credential", Dtls(self.target, number, None), True
            yield "DTLS with a made-up key", Dtls(self.target, number, nobody), True

    def _in_clear(self, found: _Found) -> Datagrams:
        """Open the port without security. A group that was silent before is not probed again."""
        at_group = not found.witnesses or found.witnesses[0].holds
        return Datagrams(self.target, self.port.port, to_group=at_group)

    def _through(
        self,
        label: str,
        door: AbstractContextManager[Channel],
        native: bool,
        values: dict[str, CoapAnswer],
        found: _Found,
        record: Recorder,
    ) -> None:
        """Ask everything through one way in."""
        asks = [ask for ask in self.asks if ask.role is None]
        try:
            with door as channel, _kept(CoapClient(channel), label, record) as client:
                core = client.request("GET", CORE)
                outcome, is_open = self._listed(client, core)
                speaks = native or core.message is not None
                found.enter(self.port.about, outcome, "GET" if speaks else "", is_open=is_open)
                if core.message is None and not native:
                    return  # what speaks CoAP has an answer to that
                for ask in asks:
                    self._enter(client, ask, label, values, found, record)
        except NoDtlsError as error:
            record.note(f"{label}: {error.answer}: {error.detail}")
            for about in (self.port.about, *(ask.about for ask in asks)):
                found.enter(about, (error.answer, f"{label}: {error.detail}"))

    def _listed(self, client: CoapClient, core: CoapAnswer) -> tuple[Outcome, bool]:
        """Read what the service lists and the declaration does not name. Also return whether that stays open."""
        if not core.ok:
            return outcome_of(core), core.message is not None and not _decides(core)
        known = {CORE, *(resource.path for resource in self.port.resources)}
        listed = [path for path in links(core.body) if path not in known]
        came = {path: client.request("GET", path) for path in listed[:LISTED]}
        answers = {path: outcome_of(answer) for path, answer in came.items()}
        granted = [f"{path}: {words}" for path, (answer, words) in answers.items() if answer is Answer.SEEN]
        if granted:
            return (Answer.SEEN, f"{len(granted)} listed resources, {printable('; '.join(granted[:4]), 400)}"), False
        if answers and all(answer is Answer.REFUSED for answer, _ in answers.values()):
            return (Answer.REFUSED, f"{len(answers)} listed resources, all refused"), False
        vague = [f"{path}: {one.words}" for path, one in came.items() if one.message is not None and not _decides(one)]
        words = f"{len(listed)} undeclared resources are listed, but none can be read"
        return (Answer.SILENT, "; ".join((words, *vague[:4]))), bool(vague)

    def _enter(
        self,
        client: CoapClient,
        ask: CoapAsk,
        label: str,
        values: dict[str, CoapAnswer],
        found: _Found,
        record: Recorder,
    ) -> None:
        path = ask.resource.path
        if ask.method == "GET":
            answer = client.request("GET", path)
            values.setdefault(path, answer)
        elif ask.method == "OBSERVE":
            answer = _observed(client, path)
        else:
            value = values.get(path)
            if not self.may_write or value is None or value.message is None or not value.ok:
                why = "the current value is not known" if self.may_write else "the bench does not allow configure"
                found.enter(ask.about, (Answer.SILENT, f"not written: {why}"), ask.method, is_open=True)
                return
            kind = value.message.option(CONTENT_FORMAT)
            answer = client.request(ask.method, path, value.body, kind=kind)
        outcome = outcome_of(answer)
        record.note(f"{label}: {ask.about} -> {outcome[0]}: {outcome[1]}")
        vague = outcome[0] is Answer.SILENT and answer.message is not None
        is_open = vague and (ask.method, path) not in found.granted
        found.enter(ask.about, (outcome[0], f"{label}: {outcome[1]}"), ask.method, is_open=is_open)

    def _as_viewer(self, key: PreSharedKey, values: dict[str, CoapAnswer], found: _Found, record: Recorder) -> None:
        own = next((one.path for one in self.port.resources if Role.VIEWER in one.read), CORE)
        try:
            with Dtls(self.target, self.port.port, key) as channel:
                client = CoapClient(channel)
                granted = client.request("GET", own)
                what = f"the viewer's {own} -> {granted.words}"
                found.witnesses.append(condition(what, holds=_decides(granted)))
                for ask in self.asks:
                    if ask.role is Role.VIEWER:
                        self._enter(client, ask, "as a viewer", values, found, record)
        except NoDtlsError as error:
            found.witnesses.append(condition(f"the viewer's key does not open a session: {error.detail}", holds=False))

    def _speaks(self, when: str, found: _Found) -> Witness:
        """Say whether the port speaks at all, where nobody has authority there."""
        about = self.port.about
        if not self.port.tls:
            with self._in_clear(found) as channel:
                client = CoapClient(channel)
                answer = client.request("GET", CORE)
                if _decides(answer) and any(resource.observe for resource in self.port.resources):
                    self._observe(client, CORE, when, found)
            what = f"{about} answered {CORE} {when}: {answer.words}"
            return Witness(what=what, holds=_decides(answer), asked=self._asked("GET"))
        if self.port.service is not None:
            what = f"the bench file has no administrator's key for {self.port.service}: add it to `credentials`"
            return condition(what, holds=False)
        hello = Asked(door=about, shape="a ClientHello")
        try:
            with Dtls(self.target, self.port.port, None):
                return Witness(what=f"{about} opened a DTLS session {when}", holds=True, asked=self._asked())
        except NoDtlsError as error:
            return Witness(
                what=f"{about} answered a ClientHello {when}: {error.detail}", holds=error.spoke, asked=hello
            )

    def _control(self, when: str, found: _Found, record: Recorder) -> dict[str, CoapAnswer]:
        """Ask with an authorised login, or without one for any answer. Return the values that were read."""
        key = self._key(Role.ADMINISTRATOR)
        if not self.port.tls or key is None:
            found.witnesses.append(self._speaks(when, found))
            return {}
        wanted = [one.path for one in self.port.resources if Role.ADMINISTRATOR in one.read]
        try:
            with Dtls(self.target, self.port.port, key) as secured:
                client = CoapClient(secured)
                answers = {path: client.request("GET", path) for path in wanted or [CORE]}
                for one in self.port.resources:
                    if one.observe and one.path in wanted:
                        self._observe(client, one.path, when, found)
        except NoDtlsError as error:
            what = f"the administrator's key did not open a session {when}: {error.detail}"
            found.witnesses.append(condition(what, holds=False))
            return {}
        for path, answer in answers.items():
            record.note(f"administrator {when}: GET {path} -> {answer.words}")
            holds = answer.ok or (not wanted and _decides(answer))
            what = f"GET {path} of the administrator {when}: {answer.words}"
            parts = (Witness(what=what, holds=holds, asked=self._asked(method)) for method in ("", "GET"))
            found.witnesses.append(all_of(parts).model_copy(update={"what": what}))
            found.granted |= {("GET", path)} if answer.ok else set()
        return answers

    def _observe(self, client: CoapClient, path: str, when: str, found: _Found) -> None:
        """Observe with the authority of the control. A service that grants no observation has no witness for one."""
        answer, key = _observed(client, path), ("OBSERVE", path)
        holds = answer.ok or (path == CORE and _decides(answer))
        if holds or key in found.granted:
            what = f"OBSERVE {path} {when}: {answer.words}"
            found.witnesses.append(Witness(what=what, holds=holds, asked=self._asked("OBSERVE")))
            found.granted.add(key)


@contextmanager
def _kept(client: CoapClient, label: str, record: Recorder) -> Iterator[CoapClient]:
    try:
        yield client
    finally:
        if client.heard:
            record.keep(f"{label.replace(' ', '-')}.bin", bytes(client.heard))
