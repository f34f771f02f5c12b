from collections.abc import Mapping

import pytest

from drivers.network.target import Target
from drivers.network.web.probes.first_use import FindFirstUse
from drivers.network.web.transport.server import WebServer, undeclared_service
from lab_config.bench import NetworkBench
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.web.probes.test_logins_shown import only_websockets
from tests.drivers.pages import SERVICE, Answer, Said, html, serving, to
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Observation, Witness

FOUND = Witness(what="each open port was recognised", holds=True)
LOGIN = "<h1>Welcome</h1><form method=post action=/login><input name=user><input type=password name=password></form>"
WIZARD = (
    "<title>Set-up</title><p>Create your administrator account</p><form method=post action=/finish><input name=user>"
    "{0}<input type=password name=password><input type=password name=confirm></form>"
)
CODE = "<input name=label_code>"
CHANGE = (
    "<p>Set your new password</p><form method=post><input type=password name=old_password>"
    "<input type=password name=new_password><input type=password name=confirm></form>"
)
DRAWN = "<title>Set-up of your hub</title><div id=app></div><script src=/app.js></script>"
JSON = {"Content-Type": "application/json"}


def found(answers: Mapping[str, Answer], home: str = "", path: str = "", witness: Witness = FOUND) -> Observation:
    with serving(answers) as pages:
        return FindFirstUse((WebServer(pages.target, SERVICE),), witness, home, path).run(MemoryRecorder())


def said(body: str, status: int = 200) -> Answer:
    return lambda _: Said(body, status, JSON)


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ({"/": html(WIZARD.format(""))}, "/"),
        ({"/": html(LOGIN), "/setup": html(WIZARD.format(""))}, "/setup"),
        ({"/": lambda _: to("/hub/first-use"), "/hub/first-use": html(WIZARD.format(""))}, "/hub/first-use"),
        ({"/": lambda _: to("/onboarding.html"), "/onboarding.html": html(DRAWN)}, "/onboarding.html"),
        ({"/api/onboarding": said('[{"step": "user", "done": false}, {"step": "core_config"}]')}, "/api/onboarding"),
        ({"/System/Info/Public": said('{"StartupWizardCompleted":false}')}, "/System/Info/Public"),
        (
            {"/api/users/admin/check": said('{"details":"No administrator account found"}', 404)},
            "/api/users/admin/check",
        ),
        ({"/api/status": said('{"setupRequired": true}')}, "/api/status"),
        ({"/api/status": said('{"configured": false, "is_configured": false}')}, "/api/status"),
    ],
)
def test_a_set_up_that_asks_for_no_proof_is_seen(answers: Mapping[str, Answer], path: str) -> None:
    assert found(answers).seen == {f"tcp/443 GET {path}"}


@pytest.mark.parametrize(
    "answers",
    [
        {"/": html(LOGIN)},
        {"/": html(LOGIN), "/setup": html(WIZARD.format(CODE))},
        {"/": html(CHANGE), "/setup": html(CHANGE)},
        {"/": html(LOGIN), "/setup": lambda _: to("/")},
        {"/": html(LOGIN), "/setup": lambda _: Said(WIZARD.format(""), 403)},
        {"/": html(LOGIN), "/setup": html("<p>The set-up is complete. Please log in.</p>")},
        {"/": html(DRAWN)},
        {"/api/onboarding": said('[{"step": "user", "done": true}]')},
        {"/System/Info/Public": said('{"StartupWizardCompleted":true}')},
        {"/api/status": said('{"setupRequired": false, "configured": true}')},
        {},
    ],
)
def test_a_product_that_is_set_up_or_asks_for_proof_offers_nothing(answers: Mapping[str, Answer]) -> None:
    seen = found(answers)
    assert not seen.seen
    assert seen.conclusive


PADDING = "<div class='row'><span>text</span></div>"


def page_of(octets: int, end: str) -> str:
    return PADDING * (octets // len(PADDING)) + end


@pytest.mark.parametrize(
    "page",
    [
        page_of(560_000, WIZARD.format("")),
        page_of(1_000_000, WIZARD.format("")),
        "<form></form>" * 60 + WIZARD.format(""),
    ],
    ids=["half a MiB", "almost a MiB", "60 forms"],
)
def test_a_wizard_at_the_end_of_a_large_page_is_seen(page: str) -> None:
    assert found({"/": html(page)}).seen == {"tcp/443 GET /"}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (page_of(1_100_000, WIZARD.format("")), "octets"),
        ("<form></form>" * 200 + LOGIN, "forms"),
        ("<input name=a>" * 300 + "<input type=password><input type=password>", "inputs"),
        ("<p>" + "<![x[ " + WIZARD.format(""), "malformed"),
    ],
    ids=["octets", "forms", "inputs", "malformed"],
)
def test_a_page_that_was_not_read_to_its_end_is_left_open(page: str, words: str) -> None:
    seen = found({"/": html(page)})
    assert not seen.seen
    assert not seen.conclusive
    assert words in seen.unproven
    assert "tcp/443 GET /:" in seen.unproven


def test_a_form_of_new_passwords_in_a_large_page_is_no_wizard_because_other_parts_speak_of_a_set_up() -> None:
    users = "<h3>Add user</h3><form><input name=u><input type=password name=a><input type=password name=b></form>"
    assert found({"/": html("<p>Install an update</p>" + users)}).seen
    seen = found({"/": html(page_of(100_000, "<p>Install an update</p>") + "text " * 15_000 + users)})
    assert not seen.seen


@pytest.mark.parametrize(
    "script",
    [
        "var CONFIG_FIRST_RUN = true;",
        "var CONFIG_FIRST_RUN =  true; var CONFIG_WIZARD = false",
        "APP_SHOW_SETUP_WIZARD=true",
        'window.state = {"user": null, "setupRequired": true}',
        "x = {'isSetup': false}",
        '{"onboardingComplete":false}',
        '{"needs_setup": true}',
    ],
)
def test_a_script_of_the_first_page_that_says_that_the_set_up_is_required_is_seen(script: str) -> None:
    page = f"<script>{script}</script><div id=app></div>"
    seen = found({"/": html(page)})
    assert seen.seen == {"tcp/443 GET /"}
    assert "a script says" in seen.detail("tcp/443 GET /")
    assert not found({"/": html(page + WIZARD.format(CODE))}).seen


@pytest.mark.parametrize("script", ["var CONFIG_WIZARD = true", "let firstRun = true;", "window.setup_required=true"])
def test_a_script_that_may_mean_something_else_leaves_the_page_open(script: str) -> None:
    seen = found({"/": html(f"<script>{script}</script><div id=app></div>")})
    assert not seen.seen
    assert not seen.conclusive
    assert "a script says" in seen.unproven


@pytest.mark.parametrize(
    "script",
    [
        "var CONFIG_FIRST_RUN = false; CONFIG_WIZARD = false",
        "t.firstRun=true,function(){}",
        'var ENABLE_SETUP_WIZARD = true; HAS_SETUP_WIZARD = true; x = {"skip_setup_wizard": true}',
        '{"setupComplete": true, "isSetup": true}',
        '{"wifiConfigured": false, "configured": false}',
    ],
)
def test_a_script_that_speaks_of_no_open_set_up_changes_nothing(script: str) -> None:
    seen = found({"/": html(f"<script>{script}</script><div id=app></div>")})
    assert not seen.seen
    assert seen.conclusive


@pytest.mark.parametrize(
    ("path", "body", "seen"),
    [
        ("/api/setup/wizard", '{"core": {"details": {}, "required": true, "version": 4}}', True),
        ("/setup/status", '{"required":true}', True),
        ("/api/first-run", '{"isFirstRun": true}', True),
        ("/api/setup/status", '{"initialized": false}', True),
        ("/api/setup/wizard", '{"core": {"required": false}}', False),
        ("/api/setup/status", '{"wifi": {"configured": false}, "configured": true}', False),
        ("/api/setup", '{"fields": [{"name": "password", "type": "password", "required": true}]}', False),
        ("/api/users", '{"required": true}', False),
        ("/api/setup/wizard", "[" * 50_000, False),
    ],
)
def test_an_answer_about_the_set_up_is_seen_if_it_says_that_it_is_required(path: str, body: str, seen: bool) -> None:
    assert bool(found({"/": html(LOGIN), path: said(body)}).seen) is seen
    assert not found({"/": html(LOGIN), path: said(body, 403)}).seen


@pytest.mark.parametrize("accepts", [True, False])
def test_a_server_has_no_pages_if_it_opens_websockets_only(accepts: bool) -> None:
    with tcp_server(only_websockets("mqtt", accepts=accepts)) as port:
        server = WebServer(Target(NetworkBench(address="127.0.0.1")), undeclared_service(port, tls=False))
        seen = FindFirstUse((server,), FOUND).run(MemoryRecorder())
    assert seen.conclusive is accepts
    assert (seen.refused if accepts else seen.silent) == {f"tcp/{port} set-up"}


def test_a_page_that_answers_every_path_is_no_set_up() -> None:
    with serving({}) as pages:
        pages.answer = lambda _path: html(DRAWN)  # type: ignore[method-assign, assignment]
        seen = FindFirstUse((WebServer(pages.target, SERVICE),), FOUND).run(MemoryRecorder())
    assert not seen.seen


@pytest.mark.parametrize(("page", "seen"), [(WIZARD.format(CODE), True), (LOGIN, False), ("<p>done</p>", False)])
def test_the_declared_page_must_be_refused_after_the_set_up_although_it_asks_for_proof(page: str, seen: bool) -> None:
    observed = found({"/": html(LOGIN), "/start": html(page)}, "web", "/start")
    assert bool(observed.seen) is seen
    assert not found({"/": html(LOGIN), "/start": html(page)}, "other", "/start").seen


def test_nothing_is_sent_but_get() -> None:
    with serving({"/": html(WIZARD.format("")), "/setup": html(WIZARD.format(""))}) as pages:
        FindFirstUse((WebServer(pages.target, SERVICE),), FOUND).run(MemoryRecorder())
        assert all(request.startswith("GET ") for request in pages.paths)


def test_a_server_that_does_not_answer_proves_nothing() -> None:
    with serving({}) as pages:
        probe = FindFirstUse((WebServer(pages.target, SERVICE),), FOUND)
    assert not probe.run(MemoryRecorder()).conclusive


def test_a_search_that_left_ports_out_proves_nothing() -> None:
    assert not found({"/": html(LOGIN)}, witness=Witness(what="the sweep was not possible", holds=False)).conclusive
