"""Whether a web server lets the first client make itself administrator: a wizard of set-up that asks for no proof.

Wizards are looked for where `/` leads, on well-known paths (`drivers/data/first_use.yaml`) and on the declared path.
Pages are requested by GET only, so nothing is completed.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from drivers.data import table
from drivers.network.web.login.log_in import visible
from drivers.network.web.probes.crawl import exhausted, get, get_all
from drivers.network.web.probes.denial import alike, denies
from drivers.network.web.probes.set_up_state import State, answered, stated_in
from drivers.network.web.probes.shown import is_page
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.html import Form, Page, read_page
from drivers.network.web.transport.server import WebServer
from drivers.network.web.transport.websocket import opens_only_websockets
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, condition, printable

SHAPE = "a GET of a page of set-up"
_REDIRECTS = 4
_LED = re.compile(
    r"set-?_?up|onboard|wizard|install|first-?_?(?:run|use|boot|time|login)|initial|welcome", re.IGNORECASE
)
"""Where a product leads every visitor before its set-up."""
_NEW = re.compile(r"new|confirm|repeat|again|verify|retype|re-?enter|pass(?:word)?_?2|create", re.IGNORECASE)
_OLD = re.compile(r"old|current|existing", re.IGNORECASE)
_WORDS = re.compile(
    r"set(?:ting)?[ -]?up|first (?:use|run|start|time|login)|welcome|wizard|onboarding|initial|get(?:ting)? started|"
    r"install(?:ation|er)?\b|create (?:an? |the |your )?(?:admin|account|owner|user|password)|administrator account|"
    r"(?:choose|set|define) (?:an? |the |your )?(?:admin(?:istrator)? |new )?password|owner account|einrichtung",
    re.IGNORECASE,
)
_PROOF = re.compile(r"code|\bpin\b|serial|label|setup_?key|device_?key|activation|voucher|token|otp", re.IGNORECASE)
_NEAR_OCTETS = 65_536
"""Octets of a page whose whole text speaks of its form. In a larger one, the text next to the form does."""
_MEMBERS = re.compile(r"sign-?_?up|newsletter|forgot|reset|change", re.IGNORECASE)


@dataclass(frozen=True)
class FindFirstUse:
    """Look for first use on each web server, and on the declared path of one.

    SEEN is a wizard that sets the first password and asks for nothing that only a person at the product has, a state
    that says that the set-up is required, or the declared page, if it is still offered. A page that was not read as a
    whole, or whose state is unclear, is left open. Witness: each server answered requests of the same kind before and
    after.
    `found` is how the servers were found.
    """

    servers: tuple[WebServer, ...]
    found: Witness
    home: str = ""
    """The declared service of the set-up."""
    path: str = ""
    """The declared path of the set-up."""

    @property
    def name(self) -> str:
        """One observation."""
        return "http_first_use"

    def run(self, record: Recorder) -> Observation:
        """Ask each server."""
        facts: list[Fact] = []
        left_open: dict[str, str] = {}
        witnesses = [self.found]
        for number, server in enumerate(self.servers, start=1):
            record.progress(number, len(self.servers), server.about)
            shown, witness = self._look(server, record, left_open)
            facts += shown
            witnesses.append(witness)
        question = "Can the first client make itself administrator?"
        return Observation(question=question, facts=tuple(facts), witness=all_of(witnesses), left_open=left_open)

    def _look(self, server: WebServer, record: Recorder, left_open: dict[str, str]) -> tuple[list[Fact], Witness]:
        client, asked = server.client(), server.asked(SHAPE)
        before = get(client, f"/{secrets.token_hex(8)}")
        if isinstance(before, NoAnswerError):
            if opens_only_websockets(client, before):
                words = f"{server.about} opens WebSockets, and has no pages"
                fact = Fact(about=f"{server.about} set-up", answer=Answer.REFUSED, detail=words, asked=asked)
                return [fact], Witness(what=words, holds=True, asked=asked)
            words = f"{server.about} did not answer: {before.detail}"
            fact = Fact(about=f"{server.about} set-up", answer=Answer.SILENT, detail=words, asked=asked)
            return [fact], condition(words, holds=False)
        own = self.path if server.service.id == self.home else ""
        known = [] if before.is_stream else _paths()  # a server of pictures gives them for every path
        paths = list(dict.fromkeys(["/", *known, *([own] if own else []), *self._led_to(server)]))
        answers = get_all(client, paths)
        facts = []
        for path, answer in answers.items():
            about = f"{server.about} GET {path}"
            if words := self._offers(path, answer, before, own):
                facts.append(Fact(about=about, answer=Answer.SEEN, detail=words[:2000], asked=asked))
            elif words := _unread(path, answer, before):
                facts.append(Fact(about=about, answer=Answer.SILENT, detail=words[:2000], asked=asked))
                left_open[about] = words[:2000]
            else:
                continue
            record.note(f"{about}: {words[:400]}")
            record.keep(f"{re.sub(r'[^a-z0-9]+', '-', about.lower())[:80]}.body", _body(answer))
        words = f"{len(paths) - len(facts)} pages offer no set-up"
        record.note(f"{server.about}: {words}")
        facts.append(Fact(about=f"{server.about} set-up", answer=Answer.SILENT, detail=words, asked=asked))
        silent = sum(isinstance(answer, NoAnswerError) for answer in answers.values())
        after = get(client, f"/{secrets.token_hex(8)}")
        holds = not silent and isinstance(after, WebAnswer)
        ended = "answered to the end" if holds else f"did not answer {silent or 'the last'} of {len(paths)} requests"
        if silent and (why := exhausted(client, *paths)):
            ended = f"was not asked for {silent} of {len(paths)} pages, because {why}"
        return facts, Witness(what=f"{server.about} {ended}", holds=holds, asked=asked)

    def _led_to(self, server: WebServer) -> list[str]:
        """Return the pages that `/` redirects to."""
        path, led = "/", []
        for _ in range(_REDIRECTS):
            answer = get(server.client(), path)
            if isinstance(answer, NoAnswerError):
                break
            target = answer.target(path) or _page(answer.body).refresh
            if not target or not target.startswith("/"):
                break
            led.append(target)
            path = target
        return led

    def _offers(self, path: str, answer: WebAnswer | NoAnswerError, nowhere: WebAnswer, own: str) -> str:
        """Say what set-up an answer offers; empty for none."""
        if isinstance(answer, NoAnswerError):
            return ""
        row = _rows().get(path, {})
        if pattern := row.get("open"):
            matched = answer.status < 500 and re.search(pattern.encode("latin-1"), answer.body)
            if matched:
                return f"{row['reason']}: {answer.words}"
        if not answer.ok or not answer.body or denies(answer):
            return ""
        stated = stated_at(path, answer)
        if nowhere.ok and alike(answer, nowhere):  # one page for every path shows no set-up, but may state it
            return f"{stated}: {answer.words}" if stated and path == "/" else ""
        page = _page(answer.body)
        text = visible(answer.body.decode("utf-8", "replace"))
        form = wizard_in(page, text)
        if form is not None:
            words = f"a set-up that creates the first password: {answer.words}"
            return words if path == own or not asks_for_proof(form) else ""
        if not page.forms and _drawn(page) and path != "/" and _LED.search(path) and _titled(text):
            return f"a set-up that a script draws: {answer.words}"
        return f"{stated}: {answer.words}" if stated else ""


def stated_at(path: str, answer: WebAnswer) -> str:
    """Return the words in which a page or a document states that the set-up is required; empty if it does not."""
    document = answer.json()
    if isinstance(document, dict | list):
        return answered(document) if _LED.search(path) else ""
    stated = stated_in(_page(answer.body))
    return stated[1] if stated and stated[0] is State.OPEN else ""


def _unread(path: str, answer: WebAnswer | NoAnswerError, nowhere: WebAnswer) -> str:
    """Say why a page without a set-up may yet be one; empty if it is none."""
    if isinstance(answer, NoAnswerError) or not answer.ok or not is_page(answer):
        return ""
    if nowhere.ok and alike(answer, nowhere) and path != "/":
        return ""
    page = _page(answer.body)
    if not answer.complete:
        return f"the page was not read to its end: {len(answer.body)} octets of it came, and they offer no set-up"
    if page.cut:
        return f"the page was not read to its end, because {page.cut}. What was read offers no set-up"
    stated = stated_in(page)
    is_asked = wizard_in(page, visible(answer.body.decode("utf-8", "replace"))) is not None
    if stated and not is_asked:
        return f"the page shows no form of a set-up, but {printable(stated[1])}: find out whether it is still open"
    return ""


def wizard_in(page: Page, text: str) -> Form | None:
    """Return the form of a page that sets a first password. A form that asks for the old password changes one."""
    for form in (*page.forms, page.loose):
        passwords = [one for one in form.fields if one.kind == "password"]
        names = " ".join((form.action, form.id, *(f"{one.name} {one.id}" for one in form.fields)))
        if not passwords or _OLD.search(names) or _MEMBERS.search(names):
            continue
        near = text if len(text) <= _NEAR_OCTETS or form is page.loose else form.words
        new = [one for one in passwords if "new-password" in one.autocomplete or _NEW.search(f"{one.name} {one.id}")]
        if (len(passwords) > 1 or new) and (_WORDS.search(near) or _LED.search(names)):
            return form
    return None


def asks_for_proof(form: Form) -> bool:
    """Whether a form asks for something that is printed on the product, or shown by it."""
    asked = (one for one in form.fields if one.typed or one.kind in {"password", "number", "tel"})
    return any(_PROOF.search(f"{one.name} {one.id}") for one in asked)


@lru_cache(maxsize=2)
def _page(body: bytes) -> Page:
    """Parse a page, once for all that is looked for in it."""
    return read_page(body)


def _drawn(page: Page) -> bool:
    return bool(page.scripts or page.code)


def _titled(text: str) -> bool:
    return _WORDS.search(text[:2_000]) is not None


def _body(answer: WebAnswer | NoAnswerError) -> bytes:
    return answer.body if isinstance(answer, WebAnswer) else b""


@cache
def _rows() -> Mapping[str, dict[str, str]]:
    return {row["path"]: row for row in table("first_use")["paths"]}


def _paths() -> list[str]:
    return list(_rows())
