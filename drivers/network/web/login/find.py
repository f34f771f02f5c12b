"""Finds the login of a web administration as a person finds it, and sends it filled in.

The way begins at `/`: redirects, a page that refreshes to another, frames, a link that says log in. Every step asks the
device itself; how many there are, and how long they take, is bounded.
"""

import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from drivers.network.web.login.form import LOGIN, LoginForm, computes, has_password, recognise, recognise_scripted
from drivers.network.web.login.session import Submitted, WebSession
from drivers.network.web.transport.client import SECONDS, NoAnswerError, WebAnswer
from drivers.network.web.transport.html import Page, host_of, path_within, read_page
from lab_config.http_login import HttpLogin
from trustprobe.probe import printable

HOPS = 14
"""Pages that are asked for on the way to a login form."""
FIND_SECONDS = 15.0
SCRIPTS = 6
"""Scripts of a page that are read for the login that they send."""
USUAL = ("/login", "/login.html", "/login.htm", "/login.php", "/index.html", "/signin")
_LOCATION = re.compile(
    r"""location(?:\.href)?\s*=\s*["']([^"']{1,300})["']|location\.(?:replace|assign)\(\s*["']([^"']{1,300})["']"""
)
_TOKEN = re.compile(r"^(?:access_?token|auth_?token|id_?token|token|jwt|bearer|session_?(?:id|token))$", re.IGNORECASE)
_TOKEN_LIMIT = 8_000


@dataclass
class WayToLogin:
    """The way to a login form: what was asked for, and the form if one was found."""

    trail: list[str] = field(default_factory=list)
    form: LoginForm | None = None
    last: tuple[str, WebAnswer] | None = None
    hint: str = ""
    scripts: dict[str, str] = field(default_factory=dict)
    """Scripts that were read, by path."""

    @property
    def words(self) -> str:
        """The way, ready to print."""
        return printable("; ".join(self.trail), 600)


_known: dict[tuple[str, str], str] = {}
"""On which page a login was found, by the address and the proof: the next attempt looks there first."""


def submit_form(session: WebSession, http_login: HttpLogin, user: str, password: str) -> Submitted:
    """Find the form, and send it filled in. NoAnswerError where no answer comes at all."""
    way = find_login(session, http_login)
    if way.form is None:
        problem = f"no login form was found ({way.words}){way.hint}"
        return Submitted(WebAnswer(0, {}, b""), "/", problem, sent=False)
    form = way.form
    answer = _send(session, form, user, password)
    _carry_token(session, form, answer)
    return Submitted(answer, form.path, _problem(form, session))


def find_login(session: WebSession, http_login: HttpLogin) -> WayToLogin:
    """Look for the login form. The page that is declared, or that had it before, is asked first."""
    way = WayToLogin()
    key = (session.client.base, http_login.proof_path)
    if (first := http_login.form or _known.get(key)) is not None:
        answer = session.request("GET", first)
        way.form = _login_on(session, first, answer, http_login, way)
        way.trail.append(_said(first, answer))
        way.last = (first, answer)
        if way.form is None and http_login.form is not None:
            way.form = LoginForm(first, first, "POST", http_login.password_field or "password",
                                 http_login.user_field or "username")  # fmt: skip
        if way.form is not None:
            return way
    _walk(session, http_login, way)
    if way.form is not None:
        _known[key] = way.form.page
    return way


def _walk(session: WebSession, http_login: HttpLogin, way: WayToLogin) -> None:
    until = time.monotonic() + FIND_SECONDS
    waiting = deque(["/", http_login.proof_path, *USUAL])
    asked: set[str] = set()
    silence: NoAnswerError | None = None
    while waiting and len(asked) < HOPS and (left := until - time.monotonic()) > 0:
        path = waiting.popleft()
        if path in asked:
            continue
        asked.add(path)
        try:
            answer = session.request("GET", path, seconds=min(SECONDS, left))
        except NoAnswerError as error:
            silence = error
            way.trail.append(f"{path}: no answer ({error.detail})")
            if not error.connected:
                break
            continue
        way.trail.append(_said(path, answer))
        way.last = (path, answer) if way.last is None or not _drawn(way.last[1]) else way.last
        if (form := _login_on(session, path, answer, http_login, way)) is not None:
            way.form = form
            return
        waiting.extendleft(reversed(_leads_to(path, answer)))
    if way.last is None and silence is not None:
        raise silence
    way.hint = _hint(way.last)


def _login_on(
    session: WebSession, path: str, answer: WebAnswer, http_login: HttpLogin, way: WayToLogin
) -> LoginForm | None:
    """Return the login that a page holds, as a form or in its scripts."""
    if answer.target(path) is not None:
        return None
    form = recognise(answer.body, path, http_login)
    if form is not None and not form.by_script:
        return form
    page = read_page(answer.body)
    scripted = recognise_scripted(page, path, _scripts(session, path, page, way), http_login)
    if form is None and scripted is not None and not has_password(page):
        # the page is drawn by a script, which may hold other passwords too: only what says login is one
        return scripted if scripted.user_field and LOGIN.search(scripted.path) else None
    return scripted or form


def _scripts(session: WebSession, path: str, page: Page, way: WayToLogin) -> list[str]:
    """Read the scripts of a page that the device itself has, each once."""
    texts = []
    for reference in page.scripts[:SCRIPTS]:
        where = path_within(path, reference)
        if where is None or (host_of(reference) and host_of(reference) != _own_host(session)):
            continue
        if where not in way.scripts and len(way.scripts) < SCRIPTS:
            way.scripts[where] = ""
            with suppress(NoAnswerError):
                answer = session.request("GET", where)
                way.scripts[where] = answer.body.decode("utf-8", "replace") if answer.ok else ""
        texts.append(way.scripts.get(where, ""))
    return texts


def _leads_to(path: str, answer: WebAnswer) -> list[str]:
    """Return where a page sends a person who wants to log in, most likely first."""
    if (target := answer.target(path)) is not None:
        return [target]
    page = read_page(answer.body)
    code = "\n".join(page.code)
    moved = [match[1] or match[2] for match in _LOCATION.finditer(code[:100_000])]
    links = [link.path for link in page.anchors if LOGIN.search(link.path) or LOGIN.search(link.words)]
    references = [*([page.refresh] if page.refresh else []), *moved[:4], *page.frames, *links]
    found = [path_within(path, reference) for reference in references]
    return list(dict.fromkeys(one for one in found if one is not None))[:HOPS]


def _send(session: WebSession, form: LoginForm, user: str, password: str) -> WebAnswer:
    filled = form.filled(user, password)
    session.page = form.page
    if form.json:
        return session.request("POST", form.path, json=filled, headers=form.headers)
    fields = {name: str(value) for name, value in filled.items()}
    if form.method == "GET":
        head, _, _ = form.path.partition("?")
        headers = {"Referer": session.client.origin + form.page, **form.headers}
        return session.request("GET", f"{head}?{urlencode(fields)}", headers=headers)
    return session.request("POST", form.path, data=fields, headers=form.headers)


def _carry_token(session: WebSession, form: LoginForm, answer: WebAnswer) -> None:
    """Carry a token that a script's login gave, as the script would: a bearer token (RFC 6750)."""
    document = answer.json() if form.headers and answer.ok else None
    if isinstance(document, dict) and (token := _token(document)) is not None:
        session.headers["Authorization"] = f"Bearer {token}"


def _token(document: dict[str, object], depth: int = 0) -> str | None:
    for name, value in list(document.items())[:100]:
        if isinstance(value, str) and _TOKEN.match(name) and value.isascii() and value.isprintable():
            return value if 0 < len(value) <= _TOKEN_LIMIT else None
    inner = (value for value in list(document.values())[:100] if isinstance(value, dict))
    return next((token for value in inner if depth < 2 and (token := _token(value, depth + 1))), None)


def _problem(form: LoginForm, session: WebSession) -> str:
    """Say what a person would do otherwise than this code: the words that explain a login that did not work."""
    words = []
    if form.elsewhere and form.elsewhere not in {_own_host(session), session.client.target.address}:
        words.append(
            f"the form names {printable(form.elsewhere, 100)} as its address, but the login was sent to the device"
        )
    if form.computes:
        words.append(
            f"a script of the page computes a value ({printable(form.computes, 20)}): declare `http_login.recipe`, or "
            "`browser: true`"
        )
    return "; ".join(words)


def _hint(last: tuple[str, WebAnswer] | None) -> str:
    if last is None:
        return ""
    answer = last[1]
    if answer.status == 401 and (scheme := answer.headers.get("www-authenticate", "").split(" ")[0]):
        return f": the device requires HTTP {printable(scheme, 20)} authentication, not a form"
    if _drawn(answer):
        page = read_page(answer.body)
        what = computes("\n".join(page.code))
        more = f" that computes {what}" if what else ""
        return f": a script{more} may draw one. Declare `http_login.form`, a recipe, or `browser: true`"
    return ": declare `http_login.form`, or a recipe"


def _drawn(answer: WebAnswer) -> bool:
    """Whether a script may draw a page."""
    page = read_page(answer.body)
    return bool(page.scripts or page.code)


def _said(path: str, answer: WebAnswer) -> str:
    location = answer.headers.get("location", "")
    return f"{path} -> {answer.status}" + (f" to {location[:120]}" if location else "")


def _own_host(session: WebSession) -> str:
    return session.client.base.partition("//")[2]
