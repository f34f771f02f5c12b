"""Registrars of SIP that register everybody: REGISTER without a login, for a made-up user and the declared ones.

A binding is made for the made-up user only, where the bench allows it, and removed at once.
"""

import secrets
from dataclasses import dataclass

from drivers.network.dialogue import EndedError
from drivers.network.logins.sip import NOT_FOUND, OTHER_DOMAIN, SipAnswer, SipConnection, SipEndpoint
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import Target
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, printable

USERS = ("100", "1000")
"""Extensions with which telephone systems begin to count."""
_REFUSED = (401, 403, 404, 405, 407, 501, 603)
_REQUEST = "a REGISTER"
_EXPIRES = 60


@dataclass(frozen=True)
class AskRegistrars:
    """Send REGISTER without a login to each endpoint; facts are about `udp/N` and `tcp/N`.

    SEEN is a user whose bindings are shown or who is registered, REFUSED a challenge or a refusal for each user,
    and not 404 for all of them.
    Witness: the canary connected before and after, for ports that accept no connection.
    """

    target: Target
    endpoints: tuple[SipEndpoint, ...]
    users: tuple[str, ...]
    """The declared ones."""
    canary: int | None
    may_write: bool
    which: str = ""
    """Says which endpoints these are, where there is more than one such question to a target."""

    @property
    def name(self) -> str:
        """One observation for each set of endpoints of a target."""
        family = "sip6_anonymous" if ":" in self.target.address else "sip_anonymous"
        return f"{family}.{self.which}" if self.which else family

    def run(self, record: Recorder) -> Observation:
        """Ask each; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        facts, left_open = [], dict[str, str]()
        for endpoint in self.endpoints:
            connected = True
            try:
                with SipConnection(self.target, endpoint) as connection:
                    answer, detail = self._ask(connection, record)
            except EndedError as ended:
                answer, detail, connected = ended.answer, ended.detail, ended.connected
            except NotForwardedError as error:
                answer, detail = Answer.SILENT, error.words
            detail = printable(detail, 1_500)
            record.note(f"{endpoint.about} -> {answer}: {detail}")
            asked = asked_at(endpoint.about, _REQUEST, connected=connected)
            facts.append(Fact(about=endpoint.about, answer=answer, detail=detail, asked=asked))
            if answer is Answer.SILENT and connected:
                left_open[endpoint.about] = detail
        return Observation(
            question=f"Does one of {len(facts)} SIP ports register anonymous clients?",
            facts=tuple(facts),
            witness=canary.witness(),
            left_open=left_open,
        )

    def _ask(self, connection: SipConnection, record: Recorder) -> tuple[Answer, str]:
        """Ask for one user after the other, until one is served."""
        made_up = f"trustprobe{secrets.token_hex(3)}"
        said: dict[str, str] = {}
        refused, challenged, served = True, False, False
        for user in dict.fromkeys((made_up, *self.users, *USERS)):
            answer = connection.register(user)
            record.note(f"REGISTER {user} without a Contact -> {answer.words}")
            said[user] = answer.words
            served |= answer.status != NOT_FOUND
            if answer.status != 200:
                refused &= answer.status in _REFUSED
                continue
            shown = f"shows the registrations of {user} to everybody ({answer.words})"
            if answer.contacts or not (challenged or (self.may_write and user == made_up)):
                return Answer.SEEN, f"the registrar of SIP {shown}"
            if challenged:  # it lists no bindings without a login, and makes none
                continue
            bound, words = self._bind(connection, user)
            record.note(words)
            if bound.status == 200:
                return Answer.SEEN, f"the registrar of SIP {words}"
            challenged = bound.status in _REFUSED
            said[user] = f"{answer.words}, and with a Contact {bound.words}"
            refused &= challenged
        words = "REGISTER of " + ", ".join(f"{user}: {one}" for user, one in said.items())
        if not served:
            return Answer.SILENT, f"{words}; {OTHER_DOMAIN}"
        return Answer.REFUSED if refused else Answer.SILENT, words

    def _bind(self, connection: SipConnection, user: str) -> tuple[SipAnswer, str]:
        """Register the made-up user at this machine, and remove that again."""
        contact = f"<sip:{user}@{connection.own}>"
        bound = connection.register(user, {"Contact": f"{contact};expires={_EXPIRES}"})
        if bound.status != 200:
            return bound, f"does not register a made-up user ({bound.words})"
        removed = connection.register(user, {"Contact": f"{contact};expires=0"})
        words = "removed again" if removed.status == 200 else f"left to expire after {_EXPIRES} s"
        return bound, f"registers a made-up user without a login ({bound.words}); the registration was {words}"
