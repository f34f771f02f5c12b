from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.probes import crawl as http_crawl
from drivers.network.web.probes.crawl import Site
from drivers.network.web.probes.crawled import CrawlAnonymous, Crawled, CrawlRole
from lab_config.crawl import CrawlDeclaration
from lab_config.http_login import HttpLogin
from tests.drivers.pages import SERVICE, Asked, Pages, Said, serving, to
from tests.drivers.pages import Answer as Page
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer

LOGIN = HttpLogin(service="web", form="/login", proof_path="/home", refusal="Login incorrect")
PASSWORDS = {"admin": "correct horse", "viewer": "only looking"}
FORM = "<form method=post action=/login><input name=username><input type=password name=password></form>"
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
SETTINGS = '{"serial": "HV2-8f2622ab", "zone": "Europe/Vienna"}'


def login(asked: Asked) -> Said:
    if asked.method == "GET":
        return Said(FORM, headers=HTML)
    user = asked.form["username"]
    good = PASSWORDS.get(user) == asked.form["password"]
    return to("/home", **{"Set-Cookie": f"user={user}"}) if good else Said("Login incorrect", 401)


def user_of(asked: Asked) -> str:
    return asked.cookie.removeprefix("user=")


def only(*users: str) -> Callable[[str | Said], Page]:
    """Make pages that only these users are shown; `*` is anybody."""

    def page(said: str | Said) -> Page:
        given = said if isinstance(said, Said) else Said(said, headers=JSON if said[:1] in "{[" else HTML)
        return lambda asked: given if "*" in users or user_of(asked) in users else Said('{"error": "login"}', 401)

    return page


everybody, both, admin = only("*"), only("admin", "viewer"), only("admin")
SCRIPT = Said(
    'const api = ["/api/settings", "api/hidden", "/api/reboot"];', headers={"Content-Type": "text/javascript"}
)
DEVICE: dict[str, Page] = {
    "/": login,
    "/login": login,
    "/home": lambda asked: (
        Said(f'<script src=/js/app.js></script>{user_of(asked)}<a href=/about>?</a>', headers=HTML)
        if user_of(asked) in PASSWORDS
        else to("/login")
    ),
    "/js/app.js": everybody(SCRIPT),
    "/api/settings": both(SETTINGS),
    "/about": both("<p>made by us</p>"),
}  # fmt: skip


def site(pages: Pages, **rules: tuple[str, ...]) -> Site:
    return Site(
        Administration(pages.target, SERVICE, LOGIN, Login("admin", PASSWORDS["admin"])),
        declared=frozenset({"/api/settings"}),
        readable=("/api/settings",),
        rules=CrawlDeclaration(**rules),
        logins=tuple(PASSWORDS.items()),
        words=("Vista 2",),
    )


def anonymous(hidden: Page, more: Mapping[str, Page] = {}, **rules: tuple[str, ...]) -> Crawled:
    with serving({**DEVICE, "/api/hidden": hidden, **more}) as pages:
        return CrawlAnonymous(site(pages, **rules)).run(MemoryRecorder())


def as_viewer(hidden: Page, more: Mapping[str, Page] = {}) -> Crawled:
    with serving({**DEVICE, "/api/hidden": hidden, **more}) as pages:
        found = ("/home", "/js/app.js", "/about", "/api/hidden")
        viewer = Login("viewer", PASSWORDS["viewer"])
        return CrawlRole(site(pages), viewer, found, ("/api/settings",)).run(MemoryRecorder())


def test_what_only_a_script_names_is_found_and_closed() -> None:
    crawled = anonymous(admin(SETTINGS))
    assert crawled.refused >= {"GET /api/hidden", "GET /home", "GET /about"}
    assert not crawled.seen
    assert crawled.conclusive
    assert "/api/reboot" in crawled.skipped
    assert "GET /api/settings" not in {fact.about for fact in crawled.facts}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"copy": ["HV2-8f2622ab"]}', "data that /api/settings shows only after the login"),
        ("<h1>HV2-8f2622ab</h1>", "data that /api/settings shows only after the login"),
        ('{"uptime": 12, "clients": ["a"]}', "undeclared data"),
        (
            Said(b"\x00\x01settings", headers={"Content-Type": "application/octet-stream"}),
            "undeclared data",
        ),
        ('<form><input name=ip value=x><input name=dns value="9.9.9.9"></form>', "filled-in fields"),
        (
            Said("var key='only looking'", headers={"Content-Type": "text/javascript"}),
            "the password of viewer in clear",
        ),
    ],
)
def test_what_is_the_devices_and_opens_without_a_login_is_seen(said: str | Said, why: str) -> None:
    crawled = anonymous(everybody(said))
    assert crawled.seen == {"GET /api/hidden"}
    assert why in crawled.detail("GET /api/hidden")


@pytest.mark.parametrize(
    "said",
    [
        Said("body {}", headers={"Content-Type": "text/css"}),
        Said("draw()", headers={"Content-Type": "application/javascript; charset=utf-8"}),
        Said(b"\x89PNG", headers={"Content-Type": "image/png"}),
        "<p>a page without values <input name=q></p>",
        "<p>Vista 2, Vista 2</p><select><option>Europe/Vienna</select>",
        Said("<input name=port value=8080>", headers={**HTML, "ETag": "a file"}),
        FORM,
        Said("Hello World!", headers={"Content-Type": "text/plain"}),
        '{"openapi": "3.0.0", "paths": {}}',
        Said(status=404),
        Said('{"error": "not yet"}', 500),
    ],
)
def test_what_draws_the_page_is_nobodys(said: str | Said) -> None:
    crawled = anonymous(everybody(said))
    assert not crawled.seen
    assert crawled.conclusive


def test_measurements_that_change_are_the_devices() -> None:
    count = iter(range(100))
    crawled = anonymous(lambda _: Said(f'{{"power_w": {next(count)}}}', headers=JSON))
    assert crawled.seen == {"GET /api/hidden"}


MAIL = """<form method=post action=/mail><input name=smtp_user value=alarm>
<input type=password name=smtp_pass value=s3cret9></form>"""


def test_an_open_page_with_a_filled_in_password_is_not_taken_for_the_login_page() -> None:
    crawled = anonymous(everybody(MAIL))
    assert crawled.seen == {"GET /api/hidden"}
    assert "filled-in fields" in crawled.detail("GET /api/hidden")
    assert as_viewer(both(MAIL)).seen == {"GET /api/hidden"}


@pytest.mark.parametrize("said", [FORM, FORM.replace("name=username", "name=username value=admin")])
def test_the_login_page_in_place_of_a_page_with_a_password_is_a_refusal(said: str) -> None:
    crawled = anonymous(lambda asked: Said(MAIL if user_of(asked) == "admin" else said, headers=HTML))
    assert "GET /api/hidden" in crawled.refused
    assert not crawled.seen
    assert crawled.conclusive


def test_a_login_page_that_administrators_are_shown_too_is_nobodys() -> None:
    filled = FORM.replace("name=username", "name=username value=admin")
    crawled = anonymous(everybody(filled))
    assert not crawled.seen
    assert crawled.conclusive


def test_a_picture_that_changes_is_the_devices() -> None:
    count = iter(range(100))
    crawled = anonymous(lambda _: Said(f"frame {next(count)}", headers={"Content-Type": "image/jpeg"}))
    assert crawled.seen == {"GET /api/hidden"}


def test_what_is_declared_public_may_be_open_but_for_secrets() -> None:
    assert not anonymous(everybody(SETTINGS), public=("/api/hid*",)).seen
    assert anonymous(everybody(f'["{PASSWORDS["admin"]}"]'), public=("/api/hid*",)).seen


def test_a_page_that_answers_every_path_shows_nothing() -> None:
    app = everybody("<div id=app></div><a href=/other>")
    with serving(DEVICE) as pages:
        pages.answer = lambda path: pages.answers.get(path, app)  # type: ignore[method-assign]
        crawled = CrawlAnonymous(site(pages)).run(MemoryRecorder())
    assert not crawled.seen
    assert "GET /other" not in {fact.about for fact in crawled.facts}


def test_nothing_that_acts_is_asked_for_and_only_by_get() -> None:
    links = "".join(
        f'<a href="{path}">' for path in ("/reboot", "/x?do=delete", "/logout", "/secret/door", "//192.0.2.9/a")
    )
    with serving({**DEVICE, "/api/hidden": admin(links)}) as pages:
        CrawlAnonymous(site(pages, never=("/secret/*",))).run(MemoryRecorder())
    posts = [path for path in pages.paths if not path.startswith("GET")]
    assert posts == ["POST /login"]
    assert not {"/reboot", "/x", "/logout", "/secret/door", "/a"} & {one.path for one in pages.asked}


def test_a_site_without_end_is_left_at_the_bound_and_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_crawl, "MOST_REQUESTS", 20)
    links = "".join(f'<a href="/page/{number}">' for number in range(50))
    crawled = anonymous(admin(links))
    assert crawled.requests == 20
    assert not crawled.conclusive
    assert "more were not read, because the site has more than 20 paths" in crawled.unproven


def test_a_crawl_that_the_device_limits_says_so_and_not_that_the_site_is_large() -> None:
    limited = Said("slow down", 429, {"Retry-After": "600"})
    with serving({}) as pages:
        pages.answer = lambda _: lambda _asked: limited  # type: ignore[method-assign, assignment]
        crawl = http_crawl.Crawl(site(pages), pages.client, MemoryRecorder())
        crawl.run()
    assert not crawl.witness.holds
    assert "paths were requested, and 0 answered with content" in crawl.witness.what
    assert "because the device limits requests" in crawl.witness.what
    assert "429 slow down" in crawl.witness.what
    assert "the site" not in crawl.witness.what


@pytest.mark.parametrize(
    ("bound", "words"), [("CRAWL_SECONDS", "longer than -1 s"), ("MOST_OCTETS", "more than -1 MiB")]
)
def test_a_crawl_that_ends_at_a_bound_names_that_bound(monkeypatch: pytest.MonkeyPatch, bound: str, words: str) -> None:
    monkeypatch.setattr(http_crawl, bound, -1)
    crawled = anonymous(admin("{}"))
    assert not crawled.conclusive
    assert words in crawled.unproven


@pytest.mark.parametrize("answers", [True, False], ids=["declared as an action", "no answer"])
def test_a_crawl_that_did_not_read_the_first_page_proves_nothing(answers: bool) -> None:
    def drop(_: Asked) -> Said:
        raise ConnectionError

    with serving({**DEVICE, "/api/hidden": admin("{}"), **({} if answers else {"/": drop})}) as pages:
        known = replace(site(pages), dangerous=frozenset({"/"} if answers else ()))
        crawled = CrawlAnonymous(known).run(MemoryRecorder())
    assert not crawled.conclusive
    assert "`/`, where the pages begin, was not read" in crawled.unproven


@pytest.mark.parametrize("said", [to("/home"), Said(status=404), Said("{}", headers=JSON)])
def test_a_first_page_that_only_redirects_or_is_missing_was_read(said: Said) -> None:
    assert anonymous(admin("{}"), {"/": lambda _: said}).conclusive


def test_what_there_was_no_time_for_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_crawl, "CRAWL_SECONDS", 0.0)
    crawled = as_viewer(admin("{}"))
    assert not crawled.conclusive
    assert crawled.silent == {"GET /home"}


def test_without_a_login_nothing_is_crawled_and_nothing_proven() -> None:
    with serving(DEVICE) as pages:
        known = site(pages)
        stranger = replace(known, web=known.web.as_user(Login("admin", "wrong")))
        crawled = CrawlAnonymous(stranger).run(MemoryRecorder())
    assert not crawled.conclusive
    assert crawled.silent == {"GET /home"}


def test_a_viewer_is_shown_what_no_page_of_his_offers() -> None:
    crawled = as_viewer(both('{"uptime": 12}'))
    assert crawled.seen == {"GET /api/hidden"}


@pytest.mark.parametrize(
    ("hidden", "more"),
    [
        (admin('{"uptime": 12}'), {}),
        (lambda asked: Said(f'{{"user": "{user_of(asked)}"}}', headers=JSON), {}),
        (both('{"uptime": 12}'), {"/about": both("<a href=/api/hidden>state</a>")}),
    ],
    ids=["refused", "his own", "offered"],
)  # fmt: skip
def test_what_is_refused_his_own_or_offered_is_a_viewers(hidden: Page, more: Mapping[str, Page]) -> None:
    crawled = as_viewer(hidden, more)
    assert not crawled.seen
    assert crawled.conclusive
    assert crawled.named(Answer.REFUSED) <= {"GET /api/hidden"}
