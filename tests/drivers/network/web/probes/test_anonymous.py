from base64 import b64encode
from typing import Any

import pytest

from drivers.login import Login
from drivers.nesting import parsed
from drivers.network.web.administration.administration import Administration
from drivers.network.web.login.api_session import ApiAccount
from drivers.network.web.login.door import WebDoor, assumed_login
from drivers.network.web.probes.anonymous import AnonymousAccess
from lab_config.base import Role
from lab_config.component import HttpResource
from lab_config.doors import HttpApiDeclaration
from lab_config.http_login import HttpLogin
from tests.drivers.pages import SERVICE, Asked, Said, html, serving, to
from tests.drivers.pages import Answer as Page
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import LOGIN, PASSWORDS, RESOURCES, SETTING, Device, running
from trustprobe.probe import Answer, Observation

ASKED = {"GET /api/status", "GET /api/settings", "PUT /api/settings", "GET /api/update", "POST /api/update"}


HOME = "<html>Signed in as nobody. Temperature 21</html>"
JSON = {"Content-Type": "application/json"}


def anonymous(device: Device, password: str = PASSWORDS["admin"], **more: Any) -> Observation:
    web = device.web(password=password)
    given = {"resources": RESOURCES, "setting": SETTING, "authority": web, **more}
    probe = AnonymousAccess(web.door, **given)
    return probe.run(MemoryRecorder())


def test_a_hardened_device_refuses_everything_without_a_login() -> None:
    with running(tls=True) as device:
        seen = anonymous(device)
    assert seen.refused == ASKED
    assert seen.conclusive


@pytest.mark.parametrize("habit", ["login_page_200", "refuses_with_200"])
def test_a_refusal_with_status_200_is_no_access(habit: str) -> None:
    with running(habit) as device:
        seen = anonymous(device)
    assert seen.named(Answer.SEEN) <= {"POST /api/update"}
    assert seen.about("GET /api/settings", "PUT /api/settings").seen == frozenset()
    assert seen.conclusive


@pytest.mark.parametrize("about", ["GET /api/settings", "PUT /api/settings", "GET /api/update"])
def test_what_is_granted_without_a_login_is_seen_and_nothing_else(about: str) -> None:
    with running(f"anonymous {about}") as device:
        seen = anonymous(device)
    assert seen.seen == {about}
    assert seen.refused == ASKED - {about}


def test_an_update_without_a_login_that_rejects_the_empty_image_is_not_taken_for_a_refusal_of_access() -> None:
    with running("anonymous POST /api/update") as device:
        seen = anonymous(device)
    update = seen.about("POST /api/update")
    assert update.silent == {"POST /api/update"}
    assert not update.conclusive
    assert "No witness answered POST /api/update" in update.unproven
    assert seen.about(*ASKED - {"POST /api/update"}).conclusive


def change_answered(said: Said, login: HttpLogin = LOGIN) -> Observation:
    """Ask a device that answers an anonymous change in this way, whose reads are closed and open to its account."""
    closed = (HttpResource(path="/a", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,), method="POST"),)
    api = HttpApiDeclaration(id="api", service="web", path="/a")
    with serving({"/a": lambda asked: basic(asked) if asked.method == "GET" else said}) as pages:
        account = ApiAccount(pages.target, SERVICE, api, Login("admin", "correct horse"))
        probe = AnonymousAccess(WebDoor(pages.target, SERVICE, login), closed, authority=account)
        return probe.run(MemoryRecorder()).about("POST /a")


@pytest.mark.parametrize(
    "said",
    [
        Said("no image", 400),
        Said("", 500),
        Said("", 404),
        to("/done"),
        to("/"),
        Said("", 303, {"Location": "/"}),
        Said('{"error": "malformed image"}', headers=JSON),
        Said('{"success": false}', headers=JSON),
    ],
)
@pytest.mark.parametrize("login", [LOGIN, assumed_login(SERVICE)])
def test_a_change_that_is_neither_granted_nor_refused_is_left_open(said: Said, login: HttpLogin) -> None:
    seen = change_answered(said, login)
    assert seen.silent == {"POST /a"}
    assert not seen.conclusive


@pytest.mark.parametrize(
    "said",
    [
        Said("", 401),
        Said("", 403),
        Said("", 405),
        Said("", 501),
        to("/login?next=/a"),
        Said("", 303, {"Location": "/login"}),
        Said("<form action=/login method=post><input name=user><input type=password name=word></form>"),
    ],
)
@pytest.mark.parametrize("login", [LOGIN, assumed_login(SERVICE)])
def test_a_change_that_is_turned_away_is_refused(said: Said, login: HttpLogin) -> None:
    seen = change_answered(said, login)
    assert seen.refused == {"POST /a"}
    assert seen.conclusive


def test_a_redirect_of_a_change_to_the_root_is_a_refusal_if_the_login_is_declared_there() -> None:
    assert change_answered(to("/"), LOGIN.model_copy(update={"form": "/"})).refused == {"POST /a"}


@pytest.mark.parametrize(
    "words",
    ['{"error": "login required"}', '{"code": 401}', '{"redirect": "/login.html"}', "<p>Please log in</p>"],
)
def test_a_change_that_is_denied_with_words_about_the_login_is_not_left_open(words: str) -> None:
    seen = change_answered(Said(words))
    assert seen.silent == {"POST /a"}
    assert seen.conclusive


def test_asking_changes_no_setting() -> None:
    with running("anonymous PUT /api/settings") as device:
        before = dict(device.settings)
        anonymous(device)
        assert device.settings == before


def test_without_authority_refusals_prove_nothing() -> None:
    with running() as device:
        seen = anonymous(device, password="wrong")
    assert seen.refused == ASKED
    assert not seen.conclusive
    assert "the login of admin failed" in seen.unproven


@pytest.mark.parametrize("about", ["GET /api/settings", "PUT /api/settings", "GET /api/update"])
@pytest.mark.parametrize("authority", ["wrong password", "none"])
def test_what_is_open_is_seen_whether_or_not_somebody_can_log_in(about: str, authority: str) -> None:
    with running(f"anonymous {about}", "anonymous GET /api/settings") as device:
        given = {"password": "wrong"} if authority == "wrong password" else {"authority": None}
        seen = anonymous(device, **given)
        assert device.settings["device_name"] == "Gate"
    assert seen.seen == {about, "GET /api/settings"}


@pytest.mark.parametrize("habit", ["login_page_200", "refuses_with_200", "same_page_everywhere"])
def test_a_refusal_with_status_200_is_no_access_where_nobody_can_log_in_either(habit: str) -> None:
    resources = (*RESOURCES, HttpResource(path="/camera", read=(Role.ADMINISTRATOR,)))
    with running(habit) as device:
        seen = anonymous(device, resources=resources, authority=None, no_authority="no account is declared")
    assert seen.seen == frozenset()
    assert not seen.conclusive
    assert seen.unproven == "no account is declared"


def test_a_product_without_any_login_is_judged_by_refusals_in_its_own_bytes() -> None:
    resources = (HttpResource(path="/api/status", read=(Role.ADMINISTRATOR,)),)
    with running() as device:
        seen = anonymous(device, resources=resources, authority=None)
        silent = anonymous(
            device, resources=(*resources, HttpResource(path="/drop", read=(Role.VIEWER,))), authority=None
        )
    assert seen.refused == {"GET /api/status"}
    assert seen.conclusive
    assert not silent.conclusive


@pytest.mark.parametrize("authority", ["admin", "none"])
def test_a_proof_page_that_opens_without_a_session_is_seen(authority: str) -> None:
    given: dict[str, Any] = {} if authority == "admin" else {"authority": None}
    with running("open_home") as device:
        assert "GET /home" in anonymous(device, proof="/home", **given).seen
    with running() as device:
        assert "GET /home" in anonymous(device, proof="/home", **given).refused


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (Said(HOME), Answer.SEEN),
        (Said(HOME.replace("Signed in", "Welcome")), Answer.SILENT),
        (Said(HOME, headers={"Content-Type": "text/html", "ETag": "1"}), Answer.SILENT),
        (Said("<p>Your session has expired. Signed in: no</p>"), Answer.SILENT),
        (Said(""), Answer.SILENT),
        (Said(HOME, 401), Answer.REFUSED),
    ],
)
def test_a_proof_page_is_open_only_if_it_shows_what_a_session_shows(said: Said, answer: Answer) -> None:
    login = LOGIN.model_copy(update={"proof": "Signed in"})
    with serving({"/home": lambda _: said}) as pages:
        door = WebDoor(pages.target, SERVICE, login)
        seen = AnonymousAccess(door, (), proof="/home").run(MemoryRecorder())
    assert seen.named(answer) == {"GET /home"}


@pytest.mark.parametrize(
    ("put", "answer"),
    [
        (Said('{"color": "red"}', headers=JSON), Answer.SEEN),
        (Said("", 204), Answer.SEEN),
        (Said("", 405), Answer.REFUSED),
        (Said("", 501), Answer.REFUSED),
        (Said("", 404), Answer.REFUSED),
        (Said('{"error": "login required"}', headers=JSON), Answer.SILENT),
        (Said("", 401), Answer.REFUSED),
        (Said("", 500), Answer.SILENT),
    ],
)
def test_the_content_of_a_public_resource_is_written_back_as_it_is(put: Said, answer: Answer) -> None:
    shown = Said('{"color": "red"}', headers=JSON)
    resources = (HttpResource(path="/theme", read=()),)
    with serving({"/theme": lambda asked: shown if asked.method == "GET" else put}) as pages:
        seen = AnonymousAccess(WebDoor(pages.target, SERVICE, LOGIN), resources).run(MemoryRecorder())
        written = [asked.body for asked in pages.asked if asked.method == "PUT"]
    assert [parsed(body) for body in written] == [{"color": "red"}]
    assert seen.named(answer) == {"PUT /theme"}


def test_a_public_page_that_answers_a_change_like_a_read_is_not_changed() -> None:
    resources = (HttpResource(path="/about", read=(), method="POST"),)
    with serving({"/about": html("<p>made by us, 12 visits</p>")}) as pages:
        seen = AnonymousAccess(WebDoor(pages.target, SERVICE, LOGIN), resources).run(MemoryRecorder())
    assert seen.silent == {"POST /about"}


def basic(asked: Asked) -> Said:
    if asked.headers.get("authorization") == f"Basic {b64encode(b'admin:correct horse').decode()}":
        return Said('{"serial": "HV2-8f2622ab"}', headers=JSON)
    return Said("", 401, {"WWW-Authenticate": 'Basic realm="api"'})


@pytest.mark.parametrize(
    ("page", "answer", "password", "conclusive"),
    [
        (basic, Answer.REFUSED, "correct horse", True),
        (basic, Answer.REFUSED, "wrong", False),
        (html('{"serial": "HV2-8f2622ab"}'), Answer.SEEN, "wrong", True),
    ],
)
def test_a_path_with_http_authentication_has_its_own_authority(
    page: Page, answer: Answer, password: str, conclusive: bool
) -> None:
    api = HttpApiDeclaration(id="api", service="web", path="/data.json")
    guarded = (HttpResource(path="/data.json", read=(Role.ADMINISTRATOR,)),)
    with serving({"/data.json": page}) as pages:
        account = ApiAccount(pages.target, SERVICE, api, Login("admin", password))
        door = WebDoor(pages.target, SERVICE, assumed_login(SERVICE))
        seen = AnonymousAccess(door, guarded, authority=account).run(MemoryRecorder())
    assert seen.named(answer) == {"GET /data.json"}
    assert seen.conclusive is conclusive


SIGN_IN = "<form action=/login method=post><input name=user><input type=password name=word></form>"
MAIL = (
    "<form method=post action=/a><input name=smtp_user value=alarm><input type=password name=smtp_pass value=s3cret9>"
)
POWER = "<h1>Meter</h1><p>Power <b>231 W</b></p>"


@pytest.mark.parametrize(
    ("shown", "authorised", "answer"),
    [
        (MAIL, MAIL, Answer.SEEN),
        (MAIL.replace("value=s3cret9", "value=********"), MAIL.replace("value=s3cret9", "value=********"), Answer.SEEN),
        (MAIL.replace(" value=alarm", "").replace(" value=s3cret9", ""), MAIL, Answer.SEEN),
        (SIGN_IN, MAIL, Answer.REFUSED),
        (SIGN_IN + "<p>Log in to see the mail.", MAIL, Answer.REFUSED),
        (SIGN_IN + POWER, SIGN_IN + POWER, Answer.SEEN),
        (SIGN_IN + POWER, "<a href=/logout>log out</a>" + POWER, Answer.SEEN),
        (SIGN_IN + "<h1>Meter</h1>", "<a href=/logout>log out</a>" + POWER, Answer.REFUSED),
        (SIGN_IN, SIGN_IN, Answer.REFUSED),
        (SIGN_IN.replace("action=/login", ""), POWER, Answer.REFUSED),
    ],
)
@pytest.mark.parametrize("form", ["/login", None])
def test_content_with_a_form_like_a_login_is_told_from_the_login_page(
    shown: str, authorised: str, answer: Answer, form: str | None
) -> None:
    def sign_in(asked: Asked) -> Said:
        if asked.method == "GET":
            return html("<title>Vista 2</title>" + SIGN_IN)(asked)
        is_valid = asked.form["word"] == "correct horse"
        return to("/home", **{"Set-Cookie": "s=admin"}) if is_valid else Said("Login incorrect", 401)

    def only_admin(body: str, other: Page) -> Page:
        return lambda asked: html(body)(asked) if asked.cookie == "s=admin" else other(asked)

    answers = {
        "/": lambda _: to("/login"),
        "/login": sign_in,
        "/home": only_admin("Signed in", lambda _: to("/login")),
        "/a": only_admin(authorised, html(shown)),
    }
    login = LOGIN.model_copy(update={"form": form})
    closed = (HttpResource(path="/a", read=(Role.ADMINISTRATOR,)),)
    with serving(answers) as pages:
        web = Administration(pages.target, SERVICE, login, Login("admin", "correct horse"))
        seen = AnonymousAccess(web.door, closed, authority=web).run(MemoryRecorder())
    assert seen.named(answer) == {"GET /a"}
    assert seen.conclusive


def test_a_path_that_authority_does_not_get_either_proves_nothing() -> None:
    resources = (HttpResource(path="/gone", read=(Role.ADMINISTRATOR,)),)
    with running() as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /gone"}
    assert not seen.conclusive


@pytest.mark.parametrize(
    ("rows", "conclusive"),
    [
        (["GET /api/settings", "PUT /api/settings", "GET /api/update"], True),
        (["GET /gone"], False),
        (["POST /gone"], False),
        (["GET /api/settings", "GET /gone"], False),
    ],
    ids=["granted", "not granted", "a change of what is not granted", "both"],
)
def test_each_request_rests_on_the_same_request_of_the_administrator(rows: list[str], conclusive: bool) -> None:
    may = (Role.ADMINISTRATOR,)
    gone = HttpResource(path="/gone", read=may, write=may, method="POST")
    with running() as device:
        seen = anonymous(device, resources=(*RESOURCES, gone))
    row = seen.about(*rows)
    assert row.conclusive is conclusive
    assert conclusive or "GET /gone was not granted to admin (404" in row.unproven


def test_a_page_that_answers_every_path_shows_nothing() -> None:
    resources = (HttpResource(path="/camera", read=(Role.ADMINISTRATOR,)),)
    with running("same_page_everywhere") as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /camera"}


def test_a_connection_that_is_dropped_is_silence() -> None:
    resources = (
        HttpResource(path="/api/status", read=(Role.ADMINISTRATOR,)),
        HttpResource(path="/drop", read=(Role.VIEWER,)),
    )
    with running() as device:
        seen = anonymous(device, resources=resources)
    assert seen.silent == {"GET /drop"}
    assert seen.witness and seen.witness.holds
    assert "No witness answered a request that is not answered" in seen.unproven


@pytest.mark.parametrize(("opens", "answer"), [(True, Answer.SEEN), (False, Answer.SILENT)])
def test_a_change_that_needs_content_is_sent_with_what_is_open_to_everybody(opens: bool, answer: Answer) -> None:
    flows = '[{"id": "t1", "type": "tab"}]'
    resources = (HttpResource(path="/flows", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,), method="POST"),)

    def page(asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(flows, headers=JSON) if opens else Said("", 401)
        return Said("", 204) if parsed(asked.body) == parsed(flows.encode()) else Said("no flows", 400)

    with serving({"/flows": page}) as pages:
        door = WebDoor(pages.target, SERVICE, assumed_login(SERVICE))
        seen = AnonymousAccess(door, resources).run(MemoryRecorder())
    assert "POST /flows" in seen.named(answer)


@pytest.mark.parametrize("authority", ["admin", "none"])
@pytest.mark.parametrize("shown", ['{"gui": {"port": 8384}, "folders": []}', '[{"name": "hall"}, {"name": "attic"}]'])
def test_a_put_that_everybody_may_send_carries_what_is_there_and_replaces_nothing(shown: str, authority: str) -> None:
    resources = (HttpResource(path="/config", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,)),)
    assert written(resources, Said(shown, headers=JSON), authority) == [parsed(shown)]


@pytest.mark.parametrize(
    "said",
    [
        Said('{"name": "hall", "password": "********"}', headers=JSON),
        Said('{"name": "hall", "password": "\\u2022\\u2022\\u2022"}', headers=JSON),
        Said('{"name": "hall", "password": ""}', headers=JSON),
        Said('{"name": "hall", "users": [{"token": null}]}', headers=JSON),
        Said('{"name": "hall", "pin": "<hidden>"}', headers=JSON),
        *(Said(f'{{"name": "hall", "level": {number}}}', headers=JSON) for number in ("NaN", "-Infinity", "1e999")),
        Said("<p>name: hall</p>"),
        Said('{"error": "login required"}', headers=JSON),
        Said("", 500),
    ],
)
def test_what_cannot_be_written_back_as_it_is_stays_out_of_a_put(said: Said) -> None:
    resources = (HttpResource(path="/config", read=(Role.ADMINISTRATOR,), write=(Role.ADMINISTRATOR,)),)
    assert written(resources, said, "admin") == [{}]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '"********a"', '"[REDACTED]"'])
def test_a_public_resource_with_a_value_that_cannot_be_written_back_is_written_without_it(value: str) -> None:
    resources = (HttpResource(path="/config", read=()),)
    assert written(resources, Said(f'{{"level": {value}}}', headers=JSON), "admin") == [{}]


def written(resources: tuple[HttpResource, ...], shown: Said, authority: str) -> list[object]:
    """Return what is put without a login on a server that shows this to everybody, and accepts every change."""
    api = HttpApiDeclaration(id="api", service="web", path="/config")
    with serving({"/config": lambda asked: shown if asked.method == "GET" else Said("")}) as pages:
        admin = ApiAccount(pages.target, SERVICE, api, Login("admin", "correct horse"))
        door = WebDoor(pages.target, SERVICE, LOGIN)
        AnonymousAccess(door, resources, authority=admin if authority == "admin" else None).run(MemoryRecorder())
        return [parsed(asked.body) for asked in pages.asked if asked.method == "PUT"]
