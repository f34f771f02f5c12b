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
