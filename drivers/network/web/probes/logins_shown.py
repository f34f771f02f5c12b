"""Whether any web server of the device shows a login: a form, or a challenge of HTTP authentication.

Asked of a product that is declared to have no web administration. The search is that of a person (`login/find.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.data import table
from drivers.network.web.login.door import assumed_login
from drivers.network.web.login.find import WayToLogin, find_login
from drivers.network.web.login.log_in import visible
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.authentication import challenges
from drivers.network.web.transport.client import NoAnswerError, WebAnswer
from drivers.network.web.transport.html import read_page
from drivers.network.web.transport.server import WebServer
from drivers.network.web.transport.websocket import opens_only_websockets
from trustprobe.probe import Answer, Fact, Frozen, Observation, Recorder, Witness, all_of, condition, printable

SHAPE = "the pages that lead to a login"
_SECONDS = 3.0
_TEXT = 200
"""Characters of text that a page has at least if a script does not draw its content."""


class ShownLogin(Frozen):
    """A login that a web server shows: a `form` on a page, or HTTP authentication (`challenge`) on a path."""

    port: int
    path: str
    kind: str
    over: str = ""
    """The name of the server in the observation."""


class ShownLogins(Observation):
    """The logins that the web servers show. A fact is a server: SEEN if it shows one."""

    logins: tuple[ShownLogin, ...] = ()


@dataclass(frozen=True)
class FindLogins:
    """Look for a login on each of these web servers.

    If `forms_only`, HTTP authentication is declared, so a challenge is no contradiction. Witness: each server answered
    a page, and no page is drawn by a script that may draw a login. `found` is how the servers were found, and holds if
    every open port was recognised.
    """

    servers: tuple[WebServer, ...]
    found: Witness
    forms_only: bool = False

    @property
    def name(self) -> str:
        """One observation."""
        return "http_logins_shown"

    def run(self, record: Recorder) -> ShownLogins:
        """Look at each server."""
        facts, witnesses, logins = [], [self.found], []
        for number, server in enumerate(self.servers, start=1):
            record.progress(number, len(self.servers), server.about)
            shown, witness, words = self._look(server)
            record.note(f"{server.about}: {words}")
            logins += [shown] if shown else []
            asked = server.asked(SHAPE)
            kind = Answer.SEEN if shown else Answer.SILENT
            facts.append(Fact(about=server.about, answer=kind, detail=words, asked=asked))
            witnesses.append(witness.model_copy(update={"asked": asked}))
        question = "Does a web server of this product show a login?"
        return ShownLogins(question=question, facts=tuple(facts), witness=all_of(witnesses), logins=tuple(logins))

    def _look(self, server: WebServer) -> tuple[ShownLogin | None, Witness, str]:
        session = WebSession(server.client(), "")
        try:
            way = find_login(session, assumed_login(server.service))
        except NoAnswerError as error:
            if opens_only_websockets(server.client(), error):
                words = "it opens WebSockets, and closes the connection after a request for a page"
                return None, condition(f"{server.about}: {words}", holds=True), words
            words = f"no answer: {error.detail}"
            return None, condition(f"{server.about} gave {words}", holds=False), words
        if way.form is not None:
            words = f"a login form on {way.form.page}"
            return _login(server, way.form.page, "form"), condition(words, holds=True), words
        challenge = None if self.forms_only else _challenged(session)
        if challenge is not None:
            words = f"{challenge[1]} authentication on {challenge[0]}"
            return _login(server, challenge[0], "challenge"), condition(words, holds=True), words
        if path := _drawn_by_script(way):
            words = f"a script draws {path}, so it may draw a login"
            return None, condition(f"{server.about}: {words}", holds=False), words
        words = f"no login ({way.words})"
        return None, condition(f"{server.about} answered {len(way.trail)} pages", holds=way.last is not None), words


def _login(server: WebServer, path: str, kind: str) -> ShownLogin:
    return ShownLogin(port=server.service.port, path=path, kind=kind, over=server.about)


def _challenged(session: WebSession) -> tuple[str, str] | None:
    """Return the path that asks for HTTP authentication, and the scheme. None if none of the usual ones does."""
    for path, answer in _answers(session):
        schemes = challenges(answer.headers.get("www-authenticate", "")) if answer.status == 401 else ()
        if schemes:
            return path, printable(schemes[0].label, 40)
    return None


def _answers(session: WebSession) -> Iterator[tuple[str, WebAnswer]]:
    for row in table("http_auth_paths")["paths"]:
        try:
            yield row["path"], session.request("GET", row["path"], seconds=_SECONDS)
        except NoAnswerError as error:
            if not error.connected:
                return


def _drawn_by_script(way: WayToLogin) -> str:
    """Return the path of a page whose content a script draws; empty if there is none."""
    if way.last is None:
        return ""
    path, answer = way.last
    page = read_page(answer.body)
    drawn = bool(page.scripts or page.code) and answer.ok
    text = visible(answer.body.decode("utf-8", "replace")).strip()
    return path if drawn and len(text) < _TEXT and not page.anchors else ""
