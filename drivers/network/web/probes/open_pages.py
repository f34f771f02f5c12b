"""What every web server of the device shows to an anonymous client: pages that lead from `/`, and well-known paths.

The servers are those that are declared and those that a sweep found on any port. Everything is requested by GET. What
an answer shows of the device is judged in `exposed.py`, and terminals are opened in `terminals.py`.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from drivers.data import table
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.door import assumed_login
from drivers.network.web.login.form import recognise
from drivers.network.web.login.session import asks_for_login
from drivers.network.web.probes.crawl import Crawl, NotAskedError, Site, exhausted, get, get_all
from drivers.network.web.probes.denial import alike, denies
from drivers.network.web.probes.exposed import Exposure
from drivers.network.web.probes.terminals import terminal_of
from drivers.network.web.transport.client import LimitedError, NoAnswerError, WebAnswer
from drivers.network.web.transport.server import WebServer
from drivers.network.web.transport.websocket import opens_only_websockets
from lab_config.crawl import CrawlDeclaration
from lab_config.http_login import HttpLogin
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition

SHAPE = "a GET without a login"
MOST_SERVERS = 12
WORKERS = "connections or workers of the web server"
_LOOKED_AT = 200_000
"""Octets of a linked page in which a status page is looked for."""
_NAME = re.compile(r"\W+")
_HELD_BACK = frozenset({429, 503})
"""The statuses of a server that limits requests: what it then says is about the limit."""


class OpenPages(Observation):
    """What web servers show to everybody. A fact is `tcp/N GET /path`: SEEN where it shows data of the device."""

    requests: int = 0
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskOpenPages:
    """Request the pages and the well-known paths of each web server without a login.

    `home` is the declared service whose paths other cases request (`declared`), and `login` its login. Paths that act
    (`dangerous`) are requested on no server.
    Witness: each server answered requests of the same kind before and after. `found` is how the servers were found.
    """

    servers: tuple[WebServer, ...]
    found: Witness
    home: str = ""
    login: HttpLogin | None = None
    declared: frozenset[str] = frozenset()
    dangerous: frozenset[str] = frozenset()
    rules: CrawlDeclaration = field(default_factory=CrawlDeclaration)
    exposure: Exposure = field(default_factory=Exposure)
    known: frozenset[int] = frozenset()
    """The ports of declared servers."""
    guarded: tuple[str, str] = ("", "")
    """A declared service and a path of it that requires a login."""

    @property
    def name(self) -> str:
        """One observation."""
        return "http_open_pages"

    def run(self, record: Recorder) -> OpenPages:
        """Ask each server."""
        facts: list[Fact] = []
        witnesses, requests, skipped = [self.found], 0, set[str]()
        if left := self.servers[MOST_SERVERS:]:
            words = f"{', '.join(one.about for one in left)} were not probed: too many web servers"
            witnesses.append(condition(words, holds=False))
        for number, server in enumerate(self.servers[:MOST_SERVERS], start=1):
            record.progress(number, len(self.servers), server.about)
            visit = _Visit(self, server, record)
            facts += visit.facts()
            witnesses.append(visit.witness())
            requests += visit.requests
            skipped |= {f"{server.about} {path}" for path in visit.skipped}
        return OpenPages(
            question="What do the web servers show to an anonymous client?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            requests=requests,
            skipped=tuple(sorted(skipped)),
        )

    def login_of(self, server: WebServer) -> HttpLogin:
        """Return the declared login of a server, or one of which nothing is declared."""
        if self.login is not None and self.login.service == server.service.id:
            return self.login
        return assumed_login(server.service)

    def is_declared_path(self, server: WebServer, path: str) -> bool:
        """Whether another case requests a path of this server."""
        return server.service.id == self.home and path.partition("?")[0] in self.declared


class _Visit:
    """The requests to one server."""

    def __init__(self, probe: AskOpenPages, server: WebServer, record: Recorder) -> None:
        self._probe, self._server, self._record = probe, server, record
        self._login = probe.login_of(server)
        self._exposure = replace(probe.exposure, is_declared=server.service.port in probe.known)
        self._client = server.client()
        self._nowhere: list[WebAnswer] = []
        self._crawl: Crawl | None = None
        self._unanswered = 0
        self._held_back = ""
        self._limit = ""
        """The last limit that a path was answered with until the patience of the bench ended."""
        self._is_uniform = False
        """Whether every path was answered with the same page."""
        self._has_no_pages = False
        """Whether the server opens WebSockets and nothing else."""
        self._kept = 0
        self.requests = 0

    @property
    def skipped(self) -> set[str]:
        """Paths whose names suggest an action."""
        return self._crawl.skipped if self._crawl else set()

    def facts(self) -> list[Fact]:
        """Crawl from `/`, request the well-known paths, and name what is shown."""
        asked = {path: self._get(path) for path in _nowhere_paths()}
        nowhere = {path: answer for path, answer in asked.items() if isinstance(answer, WebAnswer)}
        self._nowhere = list(nowhere.values())
        if not self._nowhere:
            return [self._without_pages([one for one in asked.values() if isinstance(one, NoAnswerError)])]
        web = Administration(self._server.target, self._server.service, self._login, Login("anonymous", ""))
        self._crawl = Crawl(
            Site(web, dangerous=self._probe.dangerous, rules=self._probe.rules), self._client, self._record
        )
        self._crawl.run()
        shown = dict(self._crawl.answers)
        # each further path of a kind that gives streams would only be another look at the stream
        streams = [_kind(path) for path, answer in nowhere.items() if answer.is_stream]
        pages = [_kind(path) for path, answer in nowhere.items() if not answer.is_stream]
        streamed = set(streams) - set(pages)
        unlinked_paths = (path for path in _unlinked() if path not in shown and not self._left_alone(path))
        wanted = [path for path in unlinked_paths if _kind(path) not in streamed]
        unlinked = get_all(self._client, wanted)
        self.requests = self._crawl.requests + len(wanted) + len(self._nowhere)
        judged = {path: answer for path, answer in shown.items() if not self._left_alone(path)}
        facts = [self._page(path, answer, self._linked(path, answer)) for path, answer in judged.items()]
        facts += self._of_unlinked(unlinked)
        answers = (*shown.values(), *(one for one in unlinked.values() if isinstance(one, WebAnswer)))
        self._is_uniform = not streamed and bool(answers) and all(map(self._is_nowhere, answers))
        return facts

    def _without_pages(self, errors: list[NoAnswerError]) -> Fact:
        self._has_no_pages = bool(errors) and opens_only_websockets(self._client, errors[0])
        if self._has_no_pages:
            return self._fact("/", Answer.REFUSED, "the server opens WebSockets, and has no pages")
        return self._fact("/", Answer.SILENT, "no answer")

    def witness(self) -> Witness:
        """Whether the server answered to the end, and nothing was left out."""
        asked = self._server.asked(SHAPE)
        if self._has_no_pages:
            return Witness(what=f"{self._server.about} opens WebSockets", holds=True, asked=asked)
        if not self._nowhere:
            return condition(f"{self._server.about} did not answer", holds=False)
        if self._held_back:
            words = f"{self._server.about} limits requests: {self._held_back}"
            return condition(words, holds=False)
        if (self._unanswered or (self._crawl and self._crawl.left)) and (why := exhausted(self._client)):
            left = self._unanswered + (self._crawl.left if self._crawl else 0)
            words = f"{self._server.about}: {left} paths were not requested, because {why}"
            return condition(words, holds=False)
        if self._unanswered:
            limit = f": {self._limit}" if self._limit else ""
            words = f"{self._server.about} did not answer {self._unanswered} of {self.requests} requests{limit}"
            return condition(words, holds=False)
        if self._is_uniform and self._is_locked():
            page = self._nowhere[0].words
            words = f"{self._server.about} gives everybody one page, as a device that has locked this address: {page}"
            return condition(words, holds=False)
        last = self._get(f"/{secrets.token_hex(8)}")
        if isinstance(last, NoAnswerError):
            words = f"{self._server.about} did not answer after the last request: {last.detail}"
            return condition(words, holds=False)
        if self._crawl is not None and self._crawl.left:
            words = f"{self._server.about}: {self._crawl.left} paths exceed the limits of the crawl"
            return condition(words, holds=False)
        return Witness(what=f"{self._server.about} answered {self.requests} requests", holds=True, asked=asked)

    def _get(self, path: str) -> WebAnswer | NoAnswerError:
        return get(self._client, path)

    def _is_nowhere(self, answer: WebAnswer) -> bool:
        """Whether this is the page that the server shows for a path that does not exist."""
        return any(one.ok and alike(answer, one) for one in self._nowhere)

    def _is_locked(self) -> bool:
        """Whether a path that is declared to require a login shows the same page as one that does not exist."""
        service, path = self._probe.guarded
        answer = self._get(path) if service == self._server.service.id else None
        return isinstance(answer, WebAnswer) and self._is_nowhere(answer)

    def _left_alone(self, path: str) -> bool:
        is_dangerous = path.partition("?")[0] in self._probe.dangerous
        return is_dangerous or self._probe.is_declared_path(self._server, path) or self._probe.rules.is_left_alone(path)

    def _fact(self, path: str, kind: Answer, words: str) -> Fact:
        about = f"{self._server.about} GET {path}"
        self._record.note(f"{about} -> {kind}: {words[:400]}")
        return Fact(about=about, answer=kind, detail=words[:2000], asked=self._server.asked(SHAPE))

    def _page(self, path: str, answer: WebAnswer, signature: str) -> Fact:
        """Name what one answer with 2xx shows."""
        is_login = asks_for_login(answer, path, self._login) or recognise(answer.body, path, self._login) is not None
        if is_login and not self._exposure.shown_beside_form(answer):
            return self._fact(path, Answer.REFUSED, "the login page")
        if found := terminal_of(self._server, path, answer):
            return self._fact(path, *found)
        if self._probe.rules.is_public(path.partition("?")[0]):
            shown = self._exposure.forbidden_in_public(answer)
        else:
            shown = self._exposure.shown_in(path, answer) or signature
            shown = shown or (self._exposure.shown_beside_form(answer) if is_login else "")
        if shown:
            self._kept += 1
            self._record.keep(f"{_NAME.sub('-', self._server.about)}-{self._kept:03d}.body", answer.body)
            return self._fact(path, Answer.SEEN, f"{shown}: {answer.words}")
        return self._fact(path, Answer.SILENT, "nothing that is specific to the device")

    def _of_unlinked(self, answers: Mapping[str, WebAnswer | NoAnswerError]) -> list[Fact]:
        """Return a fact for each well-known path that shows something, and one for all others."""
        facts, rest = [], 0
        for path, answer in answers.items():
            if isinstance(answer, NoAnswerError):
                self._unanswered += 1
                self._limit = answer.detail if isinstance(answer, LimitedError | NotAskedError) else self._limit
                continue
            if answer.status in _HELD_BACK:
                self._held_back = answer.words[:200]
            fact = self._unlinked(path, answer) if answer.ok and answer.body else None
            rest += fact is None
            facts += [fact] if fact else []
        words = f"{rest} well-known paths show nothing"
        return [*facts, self._fact("well-known paths", Answer.SILENT, words)]

    def _linked(self, path: str, answer: WebAnswer) -> str:
        """Say what a linked page shows that a signature recognises whatever its path; empty for nothing."""
        if not answer.ok or denies(answer) or self._is_nowhere(answer):
            return ""
        return WORKERS if _signatures()["workers"].search(answer.body[:_LOOKED_AT]) else ""

    def _unlinked(self, path: str, answer: WebAnswer) -> Fact | None:
        """Name what a well-known path shows; None for nothing."""
        if denies(answer) or self._is_nowhere(answer):
            return None
        row = _unlinked()[path]
        pattern = _signatures().get(row.get("shows", ""))
        if pattern is not None and not pattern.search(answer.body):
            return None
        fact = self._page(path, answer, row["reason"] if pattern is not None else "")
        return fact if fact.answer is not Answer.SILENT else None


def _kind(path: str) -> str:
    """Return which kind of name a path has. Servers treat names of files, of folders and of programs differently."""
    bare = path.partition("?")[0]
    return "folder" if bare.endswith("/") else "program" if bare.startswith("/cgi-bin/") else "file"


def _nowhere_paths() -> Iterable[str]:
    """Return paths that do not exist, of each kind."""
    token = secrets.token_hex(8)
    return f"/{token}", f"/{token}/", f"/{token}.json", f"/{token}.tar.gz", f"/cgi-bin/{token}.cgi"


@cache
def _unlinked() -> dict[str, dict[str, str]]:
    return {row["path"]: row for row in table("http_unlinked")["paths"]}


@cache
def _signatures() -> dict[str, re.Pattern[bytes]]:
    rows = table("http_unlinked")["signatures"]
    return {name: re.compile(pattern.encode("latin-1")) for name, pattern in rows.items()}
