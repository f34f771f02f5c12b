import json
from collections.abc import Mapping

import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.login.find import HOPS
from drivers.network.web.login.form import recognise
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.session import WebSession
from drivers.network.web.transport.html import read_page
from lab_config.http_login import HttpLogin
from tests.drivers.pages import Answer as Page
from tests.drivers.pages import Asked, Said, html, serving, to
from trustprobe.probe import Answer

LOGIN = HttpLogin(service="web", proof_path="/inside", refusal="Login incorrect")
PASSWORD = "correct horse"
FORM = '<form method="post" action="/do"><input name="u"><input type="password" name="p"><input type=submit></form>'


def _form_device(page: str, where: str, **expected: str) -> dict[str, Page]:
    """A device whose login has these fields besides the password, on a page at `where`."""

    def do(asked: Asked) -> Said:
        sent = asked.form or asked.query
        return to("/inside", **{"Set-Cookie": "sid=1"}) if sent == expected else Said(f"Login incorrect {sent}", 401)

    return {where: html(page), "/do": do, "/inside": _inside}


def _inside(asked: Asked) -> Said:
    carried = "sid=1" in asked.cookie or asked.headers.get("authorization") == "Bearer t0ken"
    return Said("welcome") if carried else to("/elsewhere")


WAYS: dict[str, Mapping[str, Page]] = {
    "at the root": {"/": html(FORM)},
    "behind a redirect": {"/": lambda _: to("/ui/"), "/ui/": html(FORM)},
    "behind a redirect that names the device otherwise": {
        "/": lambda _: to("http://camera.local/ui/"),
        "/ui/": html(FORM),
    },
    "behind a refresh": {"/": html('<meta http-equiv="Refresh" content="0; URL=ui/x.htm">'), "/ui/x.htm": html(FORM)},
    "behind a script's redirect": {
        "/": html('<script>window.location.href = "/ui/x.asp";</script>'),
        "/ui/x.asp": html(FORM),
    },
    "behind a link that says so": {"/": html('<a href="/help">?</a><a href="/x">Log in</a>'), "/x": html(FORM)},
    "in a frame": {"/": html('<frameset><frame src="top.html"><frame src="x.html"></frameset>'), "/x.html": html(FORM)},
    "where the proof sends everybody": {"/elsewhere": html(FORM)},
    "at a usual name": {"/login.html": html(FORM)},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_form_is_found_and_filled_in_without_a_word_in_the_declaration(way: str) -> None:
    device = {**_form_device("", "/nowhere", u="admin", p=PASSWORD), **WAYS[way]}
    with serving(device) as pages:
        session = log_in(pages.client, LOGIN, "admin", PASSWORD)
        assert isinstance(session, WebSession), session
        refused = log_in(pages.client, LOGIN, "admin", "wrong")
    assert isinstance(refused, LoginAttempt)
    assert refused.answer is Answer.REFUSED


SHAPES = {
    "hidden fields, a ticked box and the button go with it": (
        '<form method=post action=/do><input type=hidden name=csrf value=x1><input name=user><input type=password '
        'name=pw><input type=checkbox name=keep><input type=checkbox name=tls checked><select name=lang><option '
        'value=en><option value=de selected></select><button name=go value=1>Log in</button></form>',
        {"csrf": "x1", "user": "admin", "pw": PASSWORD, "tls": "on", "lang": "de", "go": "1"},
    ),
    "the login and not the registration beside it": (
        '<form method=post action=/register><input name=user><input type=password name=new_password><input '
        f'type=password name=confirm></form><form action=/search><input name=q></form>{FORM}',
        {"u": "admin", "p": PASSWORD},
    ),
    "fields by what they say they are for": (
        '<form method=post action=/do><input name=realm value=local><input name=a autocomplete=username><input '
        'type=password name=b autocomplete="current-password"></form>',
        {"realm": "local", "a": "admin", "b": PASSWORD},
    ),
    "a password alone": (
        '<form method=post action=/do><input type=password name=p></form>',
        {"p": PASSWORD},
    ),
    "a list of users": (
        '<form method=post action=/do><select name=username><option value=viewer><option value=admin></select><input '
        'type=password name=p></form>',
        {"username": "admin", "p": PASSWORD},
    ),
    "a form that goes out by GET": (
        '<form action=/do><input name=u><input type=password name=p></form>',
        {"u": "admin", "p": PASSWORD},
    ),
    "a field outside the form that belongs to it": (
        '<form id=f method=post action=/do><input name=u></form><input form=f type=password name=p>',
        {"u": "admin", "p": PASSWORD},
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_person_would_send_is_sent(shape: str) -> None:
    page, expected = SHAPES[shape]
    with serving(_form_device(page, "/", **expected)) as pages:
        outcome = log_in(pages.client, LOGIN, "admin", PASSWORD)
    assert isinstance(outcome, WebSession), outcome


def test_a_token_is_fetched_anew_for_each_attempt() -> None:
    tokens = iter(range(100))
    given: list[str] = []

    def page(_: Asked) -> Said:
        given.append(f"t{next(tokens)}")
        return Said(f"<form method=post action=/do><input type=hidden name=csrf value={given[-1]}>{FORM[33:]}")

    def do(asked: Asked) -> Said:
        good = asked.form["csrf"] == given[-1] and asked.form["p"] == PASSWORD
        return to("/inside", **{"Set-Cookie": "sid=1"}) if good else Said("Login incorrect", 401)

    with serving({"/": page, "/do": do, "/inside": _inside}) as pages:
        for _ in range(2):
            assert isinstance(log_in(pages.client, LOGIN, "admin", PASSWORD), WebSession)


def test_what_is_declared_wins_over_what_the_page_looks_like() -> None:
    page = f"{FORM}<form method=post action=/do><input name=x><input name=y></form>"
    declared = LOGIN.model_copy(update={"form": "/", "user_field": "x", "password_field": "y"})
    with serving(_form_device(page, "/", x="admin", y=PASSWORD)) as pages:
        assert isinstance(log_in(pages.client, declared, "admin", PASSWORD), WebSession)
        assert pages.paths[0] == "GET /"


SCRIPTS = {
    "fetch": """fetch("/api/login", {method: "POST", body: JSON.stringify({name: user.value, password: pw.value})})""",
    "shorthand": """const {password, name} = form;
        await fetch('/api/login', { method: 'POST', body: JSON.stringify({name, password}) });""",
    "axios": """axios.post("/api/login", {name: this.name, password: this.password, remember: false})""",
    "xhr that sends a form": """x.open('POST', 'api/login', true); x.setRequestHeader('Content-type', 'urlencoded');
        const text = "name=" + encodeURIComponent(u) + "&password=" + encodeURIComponent(p); x.send(text);""",
    "xhr": """x.open("POST", "/api/login"); x.send(JSON.stringify({"name": u, "password": p}));""",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("proof", ["cookie", "token"])
def test_a_login_that_a_script_sends_is_sent_as_json(script: str, proof: str) -> None:
    def login(asked: Asked) -> Said:
        sent = asked.form if script == "xhr that sends a form" else json.loads(asked.body)
        if (sent["name"], sent["password"]) != ("admin", PASSWORD):
            return Said('{"error": "Login incorrect"}', 401)
        return Said(
            '{"data": {"token": "t0ken"}}' if proof == "token" else "{}",
            headers={"Set-Cookie": f"sid={proof == 'cookie':d}; Path=/"},
        )

    drawn = "<div id=root></div>" if script == "axios" else "<input id=name><input id=pw type=password>"
    page = f'<script src="app.js"></script>{drawn}'
    app = f'translate({{title: "x"}}); call("/api/status"); {SCRIPTS[script]}.then(go)'
    with serving({"/": html(page), "/app.js": lambda _: Said(app), "/api/login": login, "/inside": _inside}) as pages:
        session = log_in(pages.client, LOGIN, "admin", PASSWORD)
        assert isinstance(session, WebSession), session
        assert session.request("GET", "/inside").body == b"welcome"
        refused = log_in(pages.client, LOGIN, "admin", "wrong")
    assert isinstance(refused, LoginAttempt)
    assert refused.answer is Answer.REFUSED


def _attempt(answers: Mapping[str, Page]) -> tuple[LoginAttempt, list[str]]:
    with serving(answers) as pages:
        outcome = log_in(pages.client, LOGIN, "admin", PASSWORD)
        assert isinstance(outcome, LoginAttempt)
        return outcome, pages.paths


def test_redirects_without_end_are_left_after_a_while() -> None:
    with serving({}) as pages:
        pages.answer = lambda path: lambda asked: to(f"{asked.path}x")  # type: ignore[method-assign]
        outcome = log_in(pages.client, LOGIN, "admin", PASSWORD)
        assert len(pages.paths) <= HOPS
    assert isinstance(outcome, LoginAttempt)
    assert outcome.answer is Answer.SILENT
    assert "no login form was found (/ -> 302 to /x; /x -> 302" in outcome.detail


def test_a_redirect_to_itself_is_followed_once() -> None:
    _, paths = _attempt({"/": lambda _: to("/")})
    assert paths.count("GET /") == 1


def test_a_form_that_names_another_host_is_sent_to_the_device_alone_and_the_words_say_so() -> None:
    page = FORM.replace("/do", "https://sso.example/do")
    outcome, paths = _attempt({"/": html(page)})
    assert paths[1] == "POST /do"
    assert outcome.answer is Answer.SILENT
    assert "names sso.example as its address, but the login was sent to the device" in outcome.detail


def test_basic_authentication_is_told_from_a_missing_form() -> None:
    def ask(_: Asked) -> Said:
        return Said(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    outcome, _ = _attempt(
        dict.fromkeys(
            ("/", "/inside", "/login", "/signin", "/index.html", "/login.html", "/login.htm", "/login.php"), ask
        )
    )
    assert "the device requires HTTP Basic authentication, not a form" in outcome.detail


def test_a_page_that_hashes_first_is_told_when_its_login_does_not_work() -> None:
    page = f"<script>form.p.value = md5(form.p.value)</script>{FORM}"
    outcome, _ = _attempt({"/": html(page), "/do": lambda _: Said("?")})
    assert "computes a value (md5): declare `http_login.recipe`, or `browser: true`" in outcome.detail


@pytest.mark.parametrize(
    "page",
    [
        b"<form method=post><input name=ssid><input type=password name=wpa_key><input type=password name=confirm>",
        b"<form action=/password method=post><input type=password name=old>"
        b"<input type=password name=new autocomplete=new-password></form>",
        b"<form><input name=q></form>",
        b"\xff<form" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_login_is_not_taken_for_one(page: bytes) -> None:
    assert recognise(page, "/", LOGIN) is None


@pytest.mark.parametrize("piece", [b"<!--", b"<a href='", b"<", b"<form><input name=a>", b"&#", b"<![", b"</"])
def test_a_page_of_nothing_but_beginnings_is_read_to_its_end(piece: bytes) -> None:
    read_page(piece * (300_000 // len(piece)))


@pytest.mark.parametrize("header", ["referer", "origin"])
def test_a_form_is_sent_from_its_own_page_as_a_browser_sends_it(header: str) -> None:
    device: dict[str, Page] = {**_form_device("", "/nowhere", u="admin", p=PASSWORD), "/": html(FORM)}
    plain = device["/do"]

    def do(asked: Asked) -> Said:
        own = f"http://{asked.headers['host']}"
        given = asked.headers.get(header, "")
        return plain(asked) if given in {own, f"{own}/"} else Said("CSRF verification failed", 403)

    with serving({**device, "/do": do}) as pages:
        assert isinstance(log_in(pages.client, LOGIN, "admin", PASSWORD), WebSession)


def test_what_a_session_changes_comes_from_the_page_that_it_shows() -> None:
    device: dict[str, Page] = {**_form_device("", "/nowhere", u="admin", p=PASSWORD), "/": html(FORM)}
    seen: list[str] = []

    def change(asked: Asked) -> Said:
        seen.append(asked.headers.get("referer", "").partition(asked.headers["host"])[2])
        return Said("changed")

    with serving({**device, "/api/settings": change}) as pages:
        session = log_in(pages.client, LOGIN, "admin", PASSWORD)
        assert isinstance(session, WebSession)
        session.request("PUT", "/api/settings", json={})
        session.request("PUT", "/api/settings", json={}, headers={"REFERER": "http://other/"})
    assert seen == ["/inside", ""]
