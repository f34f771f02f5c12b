"""A login to the web administration, made as a person makes it, and the proof that it got in."""

import re
from collections.abc import Callable

from drivers.guessing.attempt import LoginAttempt
from drivers.guessing.limit import WORDS as LIMIT_WORDS
from drivers.guessing.limit import limited_attempt
from drivers.network.web.login.session import Submitted, WebSession, asks_for_login
from drivers.network.web.login.submit import submit
from drivers.network.web.transport.client import WORDS_LIMIT, LimitedError, NoAnswerError, WebAnswer, WebClient
from lab_config.http_login import HttpLogin
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, printable

_SEARCHED = 1 << 20
_UNSEEN = re.compile(r"(?is)<(script|style)\b.*?(?:</\1>|$)|<[^<>]{0,2000}>")
LoginResult = WebSession | LoginAttempt
"""A session that was proven, or how the attempt ended without one."""


def outcome_of(session: WebSession, http_login: HttpLogin, sent: Submitted) -> LoginResult:
    """Prove a login that was sent, or say from the answer how it ended.

    The proof is `proof_path`: 200 with the session and, right after it, something else without. A status code or a
    cookie alone proves nothing.
    """
    missing = ""
    if sent.sent:
        proof = session.request("GET", http_login.proof_path)
        if proves(proof, http_login):
            return _proven(session, http_login, proof)
        missing = _missing(proof, http_login)
    words = _words_after(session, sent.path, sent.answer)
    if matched := _regex(http_login.refusal).search(words):
        return LoginAttempt(Answer.REFUSED, f"{sent.answer.status}, {printable(matched[0], 200)[:WORDS_LIMIT]}")
    if not sent.sent:
        return LoginAttempt(Answer.SILENT, f"no login was sent: {sent.problem}")
    more = f"; {sent.problem}" if sent.problem else ""
    detail = f"neither logged in nor refused: {missing}; the answer to the login is {sent.answer.words}{more}"
    return LoginAttempt(Answer.SILENT, detail, limited=LIMIT_WORDS.search(visible(words)) is not None)


def log_in(
    client: WebClient,
    http_login: HttpLogin,
    user: str,
    password: str,
    judge: Callable[[WebSession, HttpLogin, Submitted], LoginResult] = outcome_of,
) -> LoginResult:
    """Log in as a person does; `judge` says what the login that was sent has come to."""
    session = WebSession(client, user)
    try:
        return judge(session, http_login, submit(session, http_login, user, password))
    except LimitedError as error:
        return limited_attempt(error.words, error.retry_after)
    except NoAnswerError as error:
        return LoginAttempt(Answer.SILENT, f"no answer: {error.detail}", unanswered=True)


def _missing(proof: WebAnswer, http_login: HttpLogin) -> str:
    """Say what an answer to `proof_path` lacks."""
    if proof.status == 200 and not asks_for_login(proof, http_login.proof_path, http_login):
        why = f"does not contain `proof` ({printable(http_login.proof or '', 100)})"
    else:
        why = "asks for a login" if proof.ok else "is not 200"
    return f"after the login, the answer to {http_login.proof_path} {why}: {proof.words}"


def _proven(session: WebSession, http_login: HttpLogin, proof: WebAnswer) -> LoginResult:
    session.client.hang_up()  # a device may let in a connection: the page is looked at without a session over another
    if proves(session.client.request("GET", http_login.proof_path), http_login):
        return LoginAttempt(Answer.SILENT, f"{http_login.proof_path} also answers 200 without a session")
    session.home = (http_login.proof_path, proof)
    return session


def _words_after(session: WebSession, path: str, answer: WebAnswer) -> str:
    """Return what a person reads after sending the form: the answer, or the page that it redirects to."""
    words = f"{answer.status}\n{answer.headers.get('location', '')}\n{answer.body.decode('utf-8', 'replace')}"
    if (target := answer.target(path)) is not None:
        words += "\n" + session.request("GET", target).body.decode("utf-8", "replace")
    return words


def visible(page: str) -> str:
    """Return what a person reads of a page: scripts, styles and markup are left out."""
    return _UNSEEN.sub(" ", page[:_SEARCHED])


def proves(answer: WebAnswer, http_login: HttpLogin) -> bool:
    """Whether an answer to `proof_path` is the one that only a session gets."""
    if answer.status != 200 or asks_for_login(answer, http_login.proof_path, http_login):
        return False
    text = answer.body.decode("utf-8", "replace")
    return http_login.proof is None or _regex(http_login.proof).search(text) is not None


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{pattern!r} is not a regular expression: {error}.", "Correct `http_login` in the declaration."
        ) from error
