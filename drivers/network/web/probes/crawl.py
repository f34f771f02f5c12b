"""Follows what the pages of a web administration lead to: pages, scripts and documents of the same service, by GET.

Asked with the administrator's session, or without one. Bounded in requests, octets, depth and time; what a name or the
declaration marks as an action is left alone. `crawled.py` asks who else is shown what was found.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from drivers.data import table
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.session import WebAsker, ask_with_token
from drivers.network.web.transport.client import LimitedError, NoAnswerError, WebAnswer
from drivers.network.web.transport.links import leads_of, suggests_action
from lab_config.crawl import CrawlDeclaration
from trustprobe.probe import Answer, Recorder, Witness, condition

LINKED = "a GET of a linked path"
"""The form of the question what a path shows, for an exchange that ends with an answer."""

MOST_REQUESTS = 400
"""Paths that are asked for as the administrator."""
MOST_OCTETS = 32 << 20
DEPTH = 6
"""Links from `/` or a declared path."""
CRAWL_SECONDS = 60.0
ASKED_AT_ONCE = 4
ANSWER_SECONDS = 3.0
VARIANTS = 3
"""Queries of one path that are asked for."""


@dataclass(frozen=True)
class Site:
    """The web administration and what is declared of its paths."""

    web: Administration
    declared: frozenset[str] = frozenset()
    """Declared paths, which other cases request."""
    readable: tuple[str, ...] = ()
    """Those of them that the administrator may read: the crawl begins there too."""
    dangerous: frozenset[str] = frozenset()
    """Declared paths that change something."""
    rules: CrawlDeclaration = field(default_factory=CrawlDeclaration)
    logins: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Users and passwords that must not show anywhere."""
    marks: tuple[str, ...] = ()
    """What tells this sample from others: its serial number, its MAC address."""
    words: tuple[str, ...] = ()
    """Public words of the product: its manufacturer, name, model and version."""

    def may_ask(self, path: str) -> bool:
        """Whether a path may be asked for: nothing that acts."""
        bare = path.partition("?")[0]
        if bare in self.dangerous or self.rules.is_left_alone(bare):
            return False
        return bare in {*self.readable, self.web.http_login.proof_path} or not suggests_action(path)

    def leads(self, path: str, answer: WebAnswer, offered: bool = False) -> list[str]:
        """Return the paths of this service that an answer leads to, or only those that it offers to a person.

        `path` is what relative ones stand for: the answer's own, or of a script the page's that it runs in.
        """
        own = (self.web.target.address, self.web.client().base.partition("//")[2])
        kind = answer.headers.get("content-type", "").lower()
        found = leads_of(path, kind, answer.body, answer.json(), own)
        return [lead.path for lead in found if lead.offered or not offered]


def get(asker: WebAsker, path: str) -> WebAnswer | NoAnswerError:
    """Request a path. Return the answer, or the reason why there is no answer."""
    try:
        return ask_with_token(asker, "GET", path, seconds=ANSWER_SECONDS)
    except NoAnswerError as error:
        return error


class NotAskedError(NoAnswerError):
    """A path that was not asked for, since the time was over."""


def get_all(asker: WebAsker, paths: Iterable[str]) -> dict[str, WebAnswer | NoAnswerError]:
    """Ask for paths, a few at a time, for as long as a crawl may take, and as the server lets itself be asked."""
    wanted, until = list(paths), time.monotonic() + CRAWL_SECONDS

    def ask(path: str) -> WebAnswer | NoAnswerError:
        if time.monotonic() > until:
            return NotAskedError(Answer.SILENT, f"not requested within {CRAWL_SECONDS:g} s")
        if words := exhausted(asker, path):
            return NotAskedError(Answer.SILENT, f"not requested: {words}")
        return get(asker, path)

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(ask, wanted), strict=True))


def exhausted(asker: WebAsker, *paths: str) -> str:
    """Why a server gets no further list of questions, if it limits requests; empty if it may get one.

    With paths, the reason may be a limit of one of them.
    """
    pace = asker.pace
    if pace is None:
        return ""
    return next((why for path in paths if (why := pace.exhausted_at(path))), pace.exhausted)


def all_asked(answers: Iterable[WebAnswer | NoAnswerError]) -> Witness:
    """Whether nothing was left out for want of time."""
    left = sum(isinstance(answer, NotAskedError) for answer in answers)
    words = f"{left} paths were not requested in time" if left else "each path was requested"
    return condition(words, holds=not left)


def nowhere(asker: WebAsker) -> bytes | None:
    """Return the page that a server shows for a path that does not exist, if it shows one with 2xx."""
    answer = get(asker, f"/{secrets.token_hex(8)}")
    return answer.body if isinstance(answer, WebAnswer) and answer.ok else None


@dataclass
class Crawl:
    """One crawl: what was asked for, and what came."""

    site: Site
    session: WebAsker
    record: Recorder
    answers: dict[str, WebAnswer] = field(default_factory=dict)
    """What answered with 200, by path, in the order found."""
    skipped: set[str] = field(default_factory=set)
    """Paths whose names suggest an action."""
    requests: int = 0
    octets: int = 0
    left: int = 0
    """Paths that were left unasked, or answered with a limit of requests only."""
    because: Counter[str] = field(default_factory=Counter)
    """Why, with the number of paths for each reason."""
    root: str = "it was not requested"
    """Why `/` was not read, where the pages begin. Empty if it was answered."""
    _pages: dict[str, str] = field(default_factory=dict)
    """On which page a path was found: what a script asks for is relative to that."""
    _known: set[str] = field(default_factory=set)
    _variants: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Go level by level, from `/`, the usual documents and the declared paths."""
        everywhere = nowhere(self.session)
        until = time.monotonic() + CRAWL_SECONDS
        level = [*table("crawl")["starts"], self.site.web.http_login.proof_path, *self.site.readable]
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            for _ in range(DEPTH):
                wanted, level = self._fresh(level), []
                for path, answer in zip(wanted, pool.map(self._ask(until), wanted), strict=True):
                    level += self._take(path, answer, everywhere)

    @property
    def witness(self) -> Witness:
        """Whether all that was found was asked for."""
        words = f"{self.requests} paths were requested, and {len(self.answers)} answered with content"
        left = "".join(f"; {number} more were not read, because {why}" for why, number in self.because.items())
        root = f"; `/`, where the pages begin, was not read: {self.root}" if self.root else ""
        holds = bool(self.answers) and not self.left and not self.root
        return Witness(what=words + left + root, holds=holds, asked=self.site.web.asked(LINKED))

    def _fresh(self, level: list[str]) -> list[str]:
        """Choose what is asked for next: what is new, harmless and within bounds."""
        found = []
        for path in dict.fromkeys(level):
            bare = path.partition("?")[0]
            if path in self._known or self._variants[bare] >= VARIANTS:
                continue
            self._known.add(path)
            self._variants[bare] += 1
            if not self.site.may_ask(path):
                self.skipped.add(path)
                self.root = "the declaration marks it as a path that acts" if path == "/" else self.root
            elif self.requests >= MOST_REQUESTS:
                self._leave(f"the site has more than {MOST_REQUESTS} paths")
            else:
                self.requests += 1
                found.append(path)
        return found

    def _leave(self, why: str) -> None:
        """Count a path that was not read."""
        self.left += 1
        self.because[why] += 1

    def _ask(self, until: float) -> Callable[[str], WebAnswer | NoAnswerError]:
        def ask(path: str) -> WebAnswer | NoAnswerError:
            if why := self._bound(until, path):
                return NotAskedError(Answer.SILENT, why)
            answer = get(self.session, path)
            self.octets += len(answer.body) if isinstance(answer, WebAnswer) else 0
            return answer

        return ask

    def _bound(self, until: float, path: str) -> str:
        """Why this path is no longer requested; empty if it may be."""
        if why := exhausted(self.session, path):
            return why
        if time.monotonic() > until:
            return f"the crawl took longer than {CRAWL_SECONDS:g} s"
        return f"the answers have more than {MOST_OCTETS >> 20} MiB" if self.octets > MOST_OCTETS else ""

    def _take(self, path: str, answer: WebAnswer | NoAnswerError, everywhere: bytes | None) -> list[str]:
        """Keep an answer, and return what it leads to."""
        if path == "/":
            self.root = answer.detail if isinstance(answer, NoAnswerError) else ""
        if isinstance(answer, NotAskedError | LimitedError):
            self.requests -= isinstance(answer, NotAskedError)
            self._leave(answer.detail)
        if isinstance(answer, NoAnswerError):
            self.record.note(f"GET {path} -> no answer: {answer.detail}")
            return []
        self.record.note(f"GET {path} -> {answer.words[:200]}")
        self.record.progress(len(self.answers), self.requests, path)
        if (target := answer.target(path)) is not None:
            return [target]
        if not answer.ok or (everywhere is not None and answer.body == everywhere and path != "/"):
            return []  # a server that answers every path with its one page shows nothing with it
        if answer.status == 200:  # content may have a form that looks like a login: who asks tells them apart
            self.answers[path] = answer
        drawn_by = "javascript" in answer.headers.get("content-type", "") or path.partition("?")[0].endswith(".js")
        page = self._pages.get(path, path) if drawn_by else path
        leads = self.site.leads(page, answer)
        for lead in leads:
            self._pages.setdefault(lead, page)
        return leads
