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
