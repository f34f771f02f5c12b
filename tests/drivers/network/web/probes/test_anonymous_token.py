"""Servers that want a cookie copied into a header before they look at the login: who gets in is judged as elsewhere."""

import json

import pytest

from drivers.login import Login
from drivers.network.malformed.messages.json_bodies import Resource
from drivers.network.malformed.sending.administration import SendMalformedBodies
from drivers.network.malformed.sending.revival import Revival
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.settings import ChangeSetting
from drivers.network.web.login.api_session import ApiAccount
from drivers.network.web.login.door import WebDoor, assumed_login
from drivers.network.web.login.session import WebSession
from drivers.network.web.probes.anonymous import AnonymousAccess
from drivers.network.web.probes.crawl import Site, get_all
from drivers.network.web.probes.crawled import CrawlAnonymous
from drivers.network.web.transport.client import WebAnswer
from lab_config.base import Role
from lab_config.component import HttpResource, Setting
from lab_config.doors import HttpApiDeclaration
from lab_config.http_login import HttpLogin
from tests.drivers.network.web.probes.test_anonymous import JSON, basic
from tests.drivers.pages import SERVICE, Asked, Said, html, serving, to
from tests.drivers.pages import Answer as Page
from tests.drivers.recorder import MemoryRecorder

ADMIN = Login("admin", "correct horse")


def double_submit(name: str, header: str, needs_login: bool = False, first: Page | None = None) -> dict[str, Page]:
    """A server that compares a cookie of `/` with a header, before it looks at the login."""

    def api(asked: Asked) -> Said:
        token = f"{name}=t0k3n" in asked.cookie and asked.headers.get(header.lower()) == "t0k3n"
        if not token:
            return Said("CSRF Error", 403)
        return basic(asked) if needs_login else Said('{"serial": "HV2-8f2622ab"}', headers=JSON)

    start = html("<p>start</p>")
    cookie: Page = lambda asked: Said(start(asked).body, headers={"Set-Cookie": f"{name}=t0k3n; Path=/"})  # noqa: E731
    return {"/": first or cookie, "/welcome": cookie, "/a": api}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("CSRF-Token-S6K44BF", "X-CSRF-Token-S6K44BF"),
        ("XSRF-TOKEN", "X-XSRF-TOKEN"),
        ("csrf_token_P443", "X-CSRF-Token"),
        ("csrftoken", "X-CSRFToken"),
    ],
)
@pytest.mark.parametrize("first", [None, lambda _: to("/welcome")], ids=["first page", "redirect"])
def test_an_api_that_wants_a_cookie_in_a_header_and_no_login_is_open(
    name: str, header: str, first: Page | None
) -> None:
    resources = (HttpResource(path="/a", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,)),)
    with serving(double_submit(name, header, first=first)) as pages:
        door = WebDoor(pages.target, SERVICE, assumed_login(SERVICE))
        seen = AnonymousAccess(door, resources).run(MemoryRecorder())
    assert seen.seen == {"GET /a", "PUT /a"}
    assert "with the CSRF token" in seen.detail("GET /a")


def test_an_api_that_wants_a_token_and_a_login_is_closed_and_its_administrator_gets_in() -> None:
    resources = (HttpResource(path="/a", read=(Role.ADMINISTRATOR,)),)
    api = HttpApiDeclaration(id="api", service="web", path="/b")
    with serving({**double_submit("_csrf", "X-_csrf", needs_login=True), "/b": basic}) as pages:
        door = WebDoor(pages.target, SERVICE, assumed_login(SERVICE))
        account = ApiAccount(pages.target, SERVICE, api, ADMIN)
        seen = AnonymousAccess(door, resources, authority=account).run(MemoryRecorder())
    assert seen.refused == {"GET /a"}
    assert seen.conclusive
    assert "GET /a was granted to admin" in (seen.witness.what if seen.witness else "")


@pytest.mark.parametrize("about", ["GET /a", "PUT /a"])
def test_a_refusal_for_want_of_a_token_that_is_not_found_is_left_open(about: str) -> None:
    resources = (HttpResource(path="/a", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,)),)
    with serving({"/a": lambda _: Said("CSRF Error", 403)}) as pages:
        door = WebDoor(pages.target, SERVICE, assumed_login(SERVICE))
        seen = AnonymousAccess(door, resources).run(MemoryRecorder()).about(about)
    assert seen.silent == {about}
    assert not seen.conclusive


LOGIN = HttpLogin(service="web", form="/login", proof_path="/home", refusal="no")
FORM = "<form method=post action=/login><input name=user><input type=password name=password></form>"
TOKEN = "CSRF-Token-S6K44BF"


def product(opens: bool) -> dict[str, Page]:
    """A product with a login whose API wants the token of `/`. If it is open, the API wants no login."""
    state = {"name": "Hall"}

    def signed_in(asked: Asked) -> bool:
        return "s=1" in asked.cookie

    def login(asked: Asked) -> Said:
        return Said(FORM) if asked.method == "GET" else to("/home", **{"Set-Cookie": "s=1"})

    def name(asked: Asked) -> Said:
        if f"{TOKEN}=t0k3n" not in asked.cookie or asked.headers.get(f"x-{TOKEN}".lower()) != "t0k3n":
            return Said("CSRF Error", 403)
        if not opens and not signed_in(asked):
            return Said("no", 401)
        if asked.method == "PUT":
            try:
                new = json.loads(asked.body)["name"]
            except (ValueError, KeyError, TypeError, RecursionError):
                return Said("malformed", 400)
            state["name"] = new if isinstance(new, str) else state["name"]
        return Said(json.dumps({**state, "serial": "HV2-8f2622ab"}), headers=JSON)

    home: Page = lambda asked: html("home <a href=/api/name>")(asked) if signed_in(asked) else to("/login")  # noqa: E731
    first: Page = lambda _: Said("<p>start", headers={"Set-Cookie": f"{TOKEN}=t0k3n; Path=/"})  # noqa: E731
    return {"/": first, "/login": login, "/home": home, "/api/name": name}


@pytest.mark.parametrize("opens", [True, False])
def test_a_crawl_judges_what_a_server_shows_to_a_client_with_its_token(opens: bool) -> None:
    with serving(product(opens)) as pages:
        web = Administration(pages.target, SERVICE, LOGIN, Login("admin", "k3y"))
        crawled = CrawlAnonymous(Site(web)).run(MemoryRecorder())
    assert ("GET /api/name" in crawled.seen) is opens
    assert ("GET /api/name" in crawled.refused) is not opens
    assert crawled.conclusive


def test_requests_that_ask_for_the_token_at_the_same_time_all_get_it() -> None:
    with serving(product(opens=False)) as pages:
        session = Administration(pages.target, SERVICE, LOGIN, Login("admin", "k3y")).log_in()
        assert isinstance(session, WebSession)
        paths = [f"/api/name?{number}" for number in range(8)]
        answers = get_all(session, paths)
    assert all(isinstance(answer, WebAnswer) and answer.ok for answer in answers.values())


def test_an_administrator_changes_a_setting_and_sends_malformed_bodies_with_the_token() -> None:
    setting = Setting(path="/api/name", field="name", example="Attic")
    with serving(product(opens=False)) as pages:
        web = Administration(pages.target, SERVICE, LOGIN, Login("admin", "k3y"))
        changed = ChangeSetting(web, setting, "Attic").run(MemoryRecorder())
        resource = Resource("PUT", "/api/name")
        bodies = SendMalformedBodies(web, resource, False, 10, 1, Revival(2.0)).run(MemoryRecorder())
        answered = [one for one in pages.asked if one.method == "PUT" and f"x-{TOKEN}".lower() in one.headers]
    assert changed.seen == {"written", "read_back"}
    assert changed.restored
    assert len(answered) >= 10
    assert bodies.witness is not None
