import hashlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.login.door import WebDoor
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.recipe import make
from drivers.network.web.login.session import WebSession, asks_for_login
from lab_config.http_login import HttpLogin, Made, Recipe
from tests.drivers.pages import SERVICE, Asked, Said, html, serving
from trustprobe.probe import Answer

PASSWORD = "correct horse"
DIGEST = hashlib.sha256(f"n0nce{PASSWORD}".encode()).hexdigest()


def login_by(recipe: dict[str, Any], **more: str) -> HttpLogin:
    declared = {"service": "web", "proof_path": "/api/me", "refusal": "bad_login", "recipe": recipe}
    return HttpLogin.model_validate({**declared, **more})


K = 'k="(\\w+)"'
NONCE = login_by(
    {
        "steps": [
            {"get": "/api/nonce", "take": {"nonce": {"json": "data.nonce"}}},
            {
                "post": "/api/login",
                "make": {"digest": {"sha256": "{nonce}{password}"}},
                "json": {"user": "{user}", "proof": {"digest": "{digest}"}, "keep": False},
                "headers": {"X-Requested-With": "XMLHttpRequest"},
                "take": {"token": {"json": "token"}},
            },
        ],
        "carry": {"headers": {"Authorization": "Bearer {token}"}},
        "logout": {"post": "/api/logout", "json": {}},
    }
)


def _login(asked: Asked) -> Said:
    good = json.loads(asked.body) == {"user": "admin", "proof": {"digest": DIGEST}, "keep": False}
    good = good and asked.headers["x-requested-with"] == "XMLHttpRequest"
    return Said('{"token": "t0ken"}') if good else Said('{"error": "bad_login"}', 200)


def _me(asked: Asked) -> Said:
    return Said("{}") if asked.headers.get("authorization") == "Bearer t0ken" else Said("{}", 401)


DEVICE = {
    "/api/nonce": lambda _: Said('{"data": {"nonce": "n0nce"}}'),
    "/api/login": _login,
    "/api/me": _me,
    "/api/logout": lambda _: Said("{}"),
}


def test_a_nonce_is_hashed_with_the_password_and_the_token_is_carried() -> None:
    with serving(DEVICE) as pages:
        session = log_in(pages.client, NONCE, "admin", PASSWORD)
        assert isinstance(session, WebSession), session
        assert session.request("GET", "/api/me").status == 200
        session.close()
        assert pages.paths[-1] == "POST /api/logout"
        assert session.request("GET", "/api/me").status == 401


def test_a_refusal_in_the_devices_words_is_one_although_the_token_is_missing() -> None:
    with serving(DEVICE) as pages:
        attempt = WebDoor(pages.target, SERVICE, NONCE).attempt("admin", "wrong")
    assert attempt.answer is Answer.REFUSED


def test_a_step_that_gives_something_else_says_which_and_what_came() -> None:
    with serving({**DEVICE, "/api/nonce": lambda _: Said("<html>maintenance</html>", 503)}) as pages:
        attempt = log_in(pages.client, NONCE, "admin", PASSWORD)
    assert isinstance(attempt, LoginAttempt)
    assert attempt.answer is Answer.SILENT
    assert (
        "step 1 (GET /api/nonce): nonce is not in json 'data.nonce' of the answer 503 <html>maintenance"
        in attempt.detail
    )


def test_a_status_that_is_expected_has_to_come() -> None:
    recipe = login_by({"steps": [{"get": "/api/nonce", "expect": [204]}]})
    with serving(DEVICE) as pages:
        attempt = log_in(pages.client, recipe, "admin", PASSWORD)
    assert isinstance(attempt, LoginAttempt)
    assert "step 1 (GET /api/nonce): status 204 was expected, but the answer is 200" in attempt.detail


@pytest.mark.parametrize("path", ["/api/nonce", "/api/login"])
def test_a_step_that_the_device_limits_is_a_limit_and_not_silence(path: str) -> None:
    with serving({**DEVICE, path: lambda _: Said("slow down", 429)}) as pages:
        pages.client.patient = False
        attempt = log_in(pages.client, NONCE, "admin", PASSWORD)
    assert isinstance(attempt, LoginAttempt)
    assert attempt.limited
    assert f"{path}): 429 slow down" in attempt.detail


def test_a_form_in_two_steps_takes_its_token_from_each_page() -> None:
    recipe = login_by(
        {
            "steps": [
                {"get": "/one", "take": {"token": {"field": "csrf"}}},
                {"post": "/two", "form": {"csrf": "{token}", "user": "{user}"}, "take": {"next": {"regex": K}}},
                {"post": "/three", "form": {"k": "{next}", "pw": "{password}"}, "take": {"sid": {"header": "x-sid"}}},
            ],
            "carry": {"cookies": {"sid": "{sid}"}, "query": {"stok": "{next}"}},
        }
    )  # fmt: skip

    def two(asked: Asked) -> Said:
        return Said('<script>k="abc"</script>' if asked.form == {"csrf": "c1", "user": "admin"} else "?")

    def three(asked: Asked) -> Said:
        return Said(headers={"X-Sid": "s1"} if asked.form == {"k": "abc", "pw": PASSWORD} else {})

    def me(asked: Asked) -> Said:
        return Said(status=200 if "sid=s1" in asked.cookie and asked.query == {"stok": "abc"} else 403)

    page = html("<form><input type=hidden name=csrf value=c1></form>")
    with serving({"/one": page, "/two": two, "/three": three, "/api/me": me}) as pages:
        assert isinstance(log_in(pages.client, recipe, "admin", PASSWORD), WebSession)


@pytest.mark.parametrize("value", ["a\\r\\nX-Evil: 1", "\\u00e9", "x" * 9_000])
def test_a_value_of_the_device_does_not_become_a_header_of_its_own(value: str) -> None:
    with serving({**DEVICE, "/api/login": lambda _: Said(f'{{"token": "{value}"}}')}) as pages:
        attempt = log_in(pages.client, NONCE, "admin", PASSWORD)
        assert isinstance(attempt, LoginAttempt)
        assert attempt.answer is Answer.SILENT
        assert not any("x-evil" in one.headers for one in pages.asked)


def test_a_value_of_the_device_does_not_become_an_address() -> None:
    recipe = login_by({"steps": [{"get": "/n", "take": {"n": {"regex": ".+"}}}, {"get": "/x/{n}"}]})
    with serving({"/n": lambda _: Said("../../@192.0.2.9/?a#b")}) as pages:
        log_in(pages.client, recipe, "admin", PASSWORD)
        assert pages.paths[1] == "GET /x/..%2F..%2F%40192.0.2.9%2F%3Fa%23b"


def test_a_server_that_answers_every_path_is_asked_for_words_that_only_a_session_gets() -> None:
    recipe = {"steps": [{"post": "/api/login", "form": {"p": "{password}"}}]}

    def everywhere(asked: Asked) -> Said:
        return Said("Log out" if "sid=1" in asked.cookie else "app")

    device = {"/api/login": lambda _: Said(headers={"Set-Cookie": "sid=1"}), "/api/me": everywhere}
    with serving(device) as pages:
        assert isinstance(log_in(pages.client, login_by(recipe), "admin", PASSWORD), LoginAttempt)
        assert isinstance(log_in(pages.client, login_by(recipe, proof="Log out"), "admin", PASSWORD), WebSession)


VALUES = {"user": "u", "password": "p", "nonce": "00ff", "rounds": "2"}


@pytest.mark.parametrize(
    ("made", "value"),
    [
        ({"md5": "{user}:r:{password}"}, hashlib.md5(b"u:r:p").hexdigest()),
        ({"sha1": "{nonce}", "read": "hex", "write": "HEX"}, hashlib.sha1(b"\x00\xff").hexdigest().upper()),
        ({"base64": "{user}:{password}"}, "dTpw"),
        (
            {"sha256": "{password}", "read": "utf-16-le", "write": "base64"},
            "iCog5jeeuDrsuRb0uep5webAig2A9q0dyalCF1gkYAE=",
        ),
        (
            {"hmac_sha256": "{nonce}", "key": "{password}"},
            "e161abe05338efed13ca3c0a717b34405baa7901379de76b8454aa821184d172",
        ),
        (
            {"pbkdf2_sha256": "{password}", "salt": "{nonce}", "iterations": "{rounds}", "read_key": "hex"},
            hashlib.pbkdf2_hmac("sha256", b"p", b"\x00\xff", 2).hex(),
        ),
    ],
)
def test_values_are_made_as_devices_make_them(made: dict[str, str], value: str) -> None:
    assert make(Made.model_validate(made), VALUES) == value


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (
            {"steps": [{"get": "/{nonce}"}]},
            "steps.0 (GET /{nonce}): no earlier step defines {nonce}. Defined names: now, password",
        ),
        ({"steps": [{"get": "/", "post": "/"}]}, "expected exactly one of get, post, put, found get, post"),
        ({"steps": [{"get": "/", "form": {"a": "b"}}]}, "a get has no body"),
        ({"steps": [{"get": "/", "run": "rm"}]}, "Extra inputs are not permitted"),
        ({"steps": [{"get": "http://192.0.2.9/"}]}, "expected only the path, without scheme and host"),
        ({"steps": [{"get": "/", "headers": {"Host": "x"}}]}, "trustprobe sets the header Host"),
        ({"steps": [{"get": "/", "take": {"a": {"regex": "("}}}]}, "is not a regular expression"),
        ({"steps": [{"get": "/", "make": {"a": {"md5": "x", "key": "y"}}}]}, "md5 requires neither key nor salt"),
        ({"steps": []}, "at least 1 item"),
    ],
)
def test_a_recipe_that_cannot_work_is_told_before_anything_is_sent(recipe: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(recipe)
    assert words in str(caught.value)


def test_a_recipe_stands_alone() -> None:
    with pytest.raises(ValidationError, match="a recipe describes the whole login"):
        login_by({"steps": [{"get": "/"}]}, form="/login")


def test_a_redirect_that_names_a_login_asks_for_one_where_no_form_is_declared() -> None:
    with serving({"/a": lambda _: Said(status=302, headers={"Location": "/ui/signin?next=a"})}) as pages:
        assert asks_for_login(pages.client.request("GET", "/a"), "/a", NONCE)


def header_login(steps: list[dict[str, Any]], headers: dict[str, str], **cookies: str) -> HttpLogin:
    return login_by({"steps": steps, "carry": {"headers": headers, "cookies": cookies}})


FROM_LINE = {
    "name": {"header_line": "(x-session-[0-9a-f]+): "},
    "token": {"header_line": "x-session-[0-9a-f]+: (\\w+)"},
}
FROM_COOKIE = {
    "id": {"header": "Set-Cookie", "regex": "CSRF-(\\w+)="},
    "csrf": {"header": "Set-Cookie", "regex": "CSRF-\\w+=(\\w+)"},
}
TOKEN = {"token": {"json": "token"}}
GIVES_TOKEN = Said('{"token": "t1"}')


@pytest.mark.parametrize(
    ("gives", "take", "headers", "wanted"),
    [
        (Said('{"token": "t1"}'), TOKEN, {"Authorization": "Bearer {token}"}, ("authorization", "Bearer t1")),
        (
            Said('{"token": "t1"}'),
            TOKEN,
            {"Authorization": 'Token token="{token}"'},
            ("authorization", 'Token token="t1"'),
        ),
        (Said('{"token": "t1"}'), TOKEN, {"X-Plex-Token": "{token}"}, ("x-plex-token", "t1")),
        (Said("", headers={"X-Auth": "t1"}), {"token": {"header": "X-Auth"}}, {"X-Auth": "{token}"}, ("x-auth", "t1")),
        (Said("", headers={"X-Session-3f2a": "t1"}), FROM_LINE, {"{name}": "{token}"}, ("x-session-3f2a", "t1")),
        (
            Said("", headers={"Set-Cookie": "CSRF-AB12=t1"}),
            FROM_COOKIE,
            {"X-CSRF-{id}": "{csrf}"},
            ("x-csrf-ab12", "t1"),
        ),
    ],
)
def test_a_token_is_carried_in_a_header_of_any_form(
    gives: Said, take: dict[str, Any], headers: dict[str, str], wanted: tuple[str, str]
) -> None:
    def me(asked: Asked) -> Said:
        return Said("{}") if asked.headers.get(wanted[0]) == wanted[1] else Said("{}", 401)

    recipe = header_login([{"post": "/api/login", "json": {"user": "{user}"}, "take": take}], headers)
    with serving({"/api/login": lambda _: gives, "/api/me": me}) as pages:
        session = log_in(pages.client, recipe, "admin", PASSWORD)
        assert isinstance(session, WebSession), session
        session.close()


def test_a_cookie_can_have_the_name_of_a_value() -> None:
    def me(asked: Asked) -> Said:
        return Said("{}") if "sid_7=t1" in asked.headers.get("cookie", "") else Said("{}", 401)

    steps = [{"get": "/api/nonce", "take": {"id": {"json": "id"}}}]
    recipe = header_login(steps, {}, **{"sid_{id}": "t1"})
    with serving({"/api/nonce": lambda _: Said('{"id": "7"}'), "/api/me": me}) as pages:
        assert isinstance(log_in(pages.client, recipe, "admin", PASSWORD), WebSession)


@pytest.mark.parametrize("name", ["a b", "a:b", "a\r\nx", "", "Host", "content-length", "ü", "x" * 65])
@pytest.mark.parametrize("carried", [True, False])
def test_a_value_of_the_device_becomes_no_other_header(name: str, carried: bool) -> None:
    steps: list[dict[str, Any]] = [{"get": "/api/nonce", "take": {"name": {"json": "name"}}}]
    steps += [] if carried else [{"get": "/api/next", "headers": {"{name}": "x"}}]
    recipe = header_login(steps, {"{name}": "x"} if carried else {})
    with serving({"/api/nonce": lambda _: Said(json.dumps({"name": name})), "/api/next": lambda _: Said("")}) as pages:
        attempt = log_in(pages.client, recipe, "admin", PASSWORD)
        assert pages.paths.count("GET /api/next") == 0
    assert isinstance(attempt, LoginAttempt)
    assert attempt.answer is Answer.SILENT
    assert "a header cannot have the name" in attempt.detail


@pytest.mark.parametrize(
    ("carry", "says"),
    [
        ({"headers": {"X-{csrf}": "x"}}, "no earlier step defines {csrf}"),
        ({"cookies": {"sid_{id}": "x"}}, "no earlier step defines {id}"),
        ({"headers": {"X {user}": "x"}}, "String should match"),
        ({"headers": {"Host": "x"}}, "trustprobe sets the header Host"),
    ],
)
def test_a_name_of_a_header_that_cannot_be_is_refused_before_anything_is_sent(carry: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        login_by({"steps": [{"get": "/"}], "carry": carry})


def test_a_header_that_is_found_by_its_line_is_taken_in_one_way_only() -> None:
    with pytest.raises(ValidationError, match="exactly one of json, regex, field, cookie, header_line"):
        login_by({"steps": [{"get": "/", "take": {"a": {"header_line": "a", "cookie": "b"}}}]})
    with pytest.raises(ValidationError, match="a header can only be combined with regex"):
        login_by({"steps": [{"get": "/", "take": {"a": {"header_line": "a", "header": "b"}}}]})
