"""The state that a product reports of itself over its web administration: what it says, and to whom."""

from dataclasses import dataclass

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebAsker, WebSession, asks_for_login, refuses_change
from drivers.network.web.probes.access import WebRequest
from drivers.network.web.probes.denial import denies, names_login
from drivers.network.web.transport.client import NoAnswerError, WebAnswer, WebClient
from drivers.network.web.transport.json_names import lookup
from lab_config.component import StateReportDeclaration
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition, printable

_TURNED_AWAY = frozenset({401, 403, 404, 405, 501})
_VALUE = 200
_WRITES = ("PUT", "POST", "DELETE")


class StateReport(Observation):
    """What the report says; a fact for each field and reader, as `state admin`."""

    states: frozenset[str]
    """Every state that the readers were shown."""


@dataclass(frozen=True)
class ReadStateReport:
    """Read the report with each login that may. Witness: each of them is shown the page that proves its login."""

    declaration: StateReportDeclaration
    readers: tuple[Administration, ...]

    @property
    def name(self) -> str:
        """One observation."""
        return "state_report"

    def run(self, record: Recorder) -> StateReport:
        """Log in, and read."""
        facts: list[Fact] = []
        witnesses: list[Witness] = []
        states: set[str] = set()
        for reader in self.readers:
            session = reader.log_in()
            inside = not isinstance(session, LoginAttempt)
            words = "succeeded" if inside else "did not succeed"
            witnesses.append(condition(f"the login of {reader.user} {words}", holds=inside))
            document: object = None
            answer: WebAnswer | None = None
            if isinstance(session, WebSession):
                with session:
                    answer = self._read(session, record)
                    document = answer.json() if answer is not None and answer.status == 200 else None
                asked = reader.asked(f"GET {self.declaration.path}")
                words = "was not answered" if answer is None else f"was answered with {answer.status}"
                what = f"the request of {reader.user} for the report {words}"
                witnesses.append(Witness(what=what, holds=answer is not None, asked=asked))
            if (state := lookup(document, self.declaration.state_field)) is not None:
                states.add(printable(state, _VALUE)[:_VALUE])
            for name in (self.declaration.state_field, *self.declaration.fields):
                facts.append(_field(name, reader.user, lookup(document, name)))
        return StateReport(
            question="What does the product report about its own state?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            asked=self.readers[0].asked(f"GET {self.declaration.path}") if self.readers else None,
            states=frozenset(states),
        )

    def _read(self, session: WebSession, record: Recorder) -> WebAnswer | None:
        ask = WebRequest("GET", self.declaration.path)
        answer = ask.sent_by(session)
        record.note(f"{session.user}: {ask.about} -> {_words(answer)}")
        if not isinstance(answer, WebAnswer):
            return None
        record.keep(f"{session.user}.json", answer.body)
        return answer


def _field(name: str, user: str, value: str | None) -> Fact:
    about = f"{name} {user}"
    if value is None:
        return Fact(about=about, answer=Answer.SILENT, detail="not in the report")
    return Fact(about=about, answer=Answer.SEEN, detail=printable(value, _VALUE)[:_VALUE])


def _words(answer: WebAnswer | NoAnswerError) -> str:
    return f"no answer: {answer.detail}" if isinstance(answer, NoAnswerError) else answer.words


@dataclass(frozen=True)
class AskStateReport:
    """Ask for the report without a login, and try to change it without one and as a reader.

    SEEN is the report shown to nobody, or a change that was accepted. Witness: the reader is shown the report.
    """

    declaration: StateReportDeclaration
    reader: Administration

    @property
    def name(self) -> str:
        """One observation."""
        return "state_report_access"

    def run(self, record: Recorder) -> Observation:
        """Read with an authorised login, read without, write with and without."""
        question = "Who can read and change the state that the product reports?"
        client, session = self.reader.client(), self.reader.log_in()
        if isinstance(session, LoginAttempt):
            words = f"the login of {self.reader.user} did not succeed ({session.answer}: {session.detail})"
            fact = Fact(about="GET anonymous", answer=Answer.SILENT, detail=f"not tested: {words}"[:2000])
            return Observation(question=question, facts=(fact,), witness=condition(words, holds=False))
        with session:
            reference = WebRequest("GET", self.declaration.path).sent_by(session)
            shown = reference.json() if isinstance(reference, WebAnswer) and reference.status == 200 else None
            state = lookup(shown, self.declaration.state_field)
            answered = [self._read(client, record)]
            for who, asker in (("anonymous", client), (self.reader.user, session)):
                answered += [self._write(method, who, asker, record) for method in _WRITES]
        words = "is shown" if state is not None else "is not shown"
        asked = self.reader.asked(f"a request to {self.declaration.path}")
        return Observation(
            question=question,
            facts=tuple(fact for fact, _ in answered),
            left_open={fact.about: fact.detail for fact, came in answered if not came},
            witness=Witness(what=f"the report {words} to {self.reader.user}", holds=state is not None, asked=asked),
            asked=asked,
        )

    def _read(self, client: WebClient, record: Recorder) -> tuple[Fact, bool]:
        """Request the report. Also return whether an answer came."""
        answer = WebRequest("GET", self.declaration.path).sent_by(client)
        record.note(f"anonymous: GET {self.declaration.path} -> {_words(answer)}")
        state = lookup(answer.json(), self.declaration.state_field) if isinstance(answer, WebAnswer) else None
        if isinstance(answer, WebAnswer) and answer.ok and state is not None:
            return Fact(about="GET anonymous", answer=Answer.SEEN, detail=answer.words), True
        fact = Fact(about="GET anonymous", answer=self._refusal(answer), detail=_words(answer))
        return fact, isinstance(answer, WebAnswer)

    def _write(self, method: str, who: str, asker: WebAsker, record: Recorder) -> tuple[Fact, bool]:
        """Request to change the state. Also return whether the answer grants or refuses it: no report proves either."""
        about = f"{method} {who}"
        ask = WebRequest(method, self.declaration.path, {self.declaration.state_field: self.declaration.states[0]})
        answer = ask.sent_by(asker)
        record.note(f"{about} -> {_words(answer)}")
        if isinstance(answer, NoAnswerError):
            return Fact(about=about, answer=Answer.SILENT, detail=_words(answer)), False
        turned = refuses_change(answer, self.declaration.path, self.reader.http_login)
        if turned or answer.status in _TURNED_AWAY or names_login(answer):
            return Fact(about=about, answer=Answer.REFUSED, detail=answer.words), True
        accepted = answer.ok and not denies(answer)
        return Fact(about=about, answer=Answer.SEEN if accepted else Answer.SILENT, detail=answer.words), accepted

    def _refusal(self, answer: WebAnswer | NoAnswerError) -> Answer:
        if isinstance(answer, NoAnswerError):
            return Answer.SILENT
        turned = answer.status in _TURNED_AWAY or asks_for_login(answer, self.declaration.path, self.reader.http_login)
        return Answer.REFUSED if turned else Answer.SILENT
