import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from drivers.data import table
from drivers.network.target import Target
from drivers.network.web.probes import crawl
from drivers.network.web.probes.exposed import Exposure
from drivers.network.web.probes.open_pages import AskOpenPages, OpenPages
from drivers.network.web.transport.links import suggests_action
from drivers.network.web.transport.server import WebServer, undeclared_service
from lab_config.bench import NetworkBench
from lab_config.crawl import CrawlDeclaration
from lab_config.http_login import HttpLogin
from tests.drivers.network.loopback_servers import tcp_server
from tests.drivers.network.web.probes.test_logins_shown import only_websockets
from tests.drivers.pages import SERVICE, Answer, Pages, Said, html, serving
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Witness

FOUND = Witness(what="each open port was recognised", holds=True)
LOGIN = HttpLogin(service="web", form="/login", proof_path="/home", refusal="wrong")
FORM = "<form method=post action=/login><input name=user><input type=password name=password></form>"
JSON = {"Content-Type": "application/json"}
PLAIN = {"Content-Type": "text/plain"}
LISTING = "<title>Index of /backup/</title><a href='../'>../</a><a href='panel.cfg'>panel.cfg</a>"
HARDENED: dict[str, Answer] = {"/": html(FORM), "/login": html(FORM), "/static.css": html("body {}")}


def probe(pages: Pages, **more: object) -> AskOpenPages:
    given = AskOpenPages(
        (WebServer(pages.target, SERVICE),), FOUND, home="web", login=LOGIN, exposure=Exposure(marks=("HV2-8f2622ab",))
    )
    return replace(replace(given, known=frozenset({443})), **more)  # type: ignore[arg-type]


def asked(answers: Mapping[str, Answer], **more: object) -> OpenPages:
    with serving(answers) as pages:
        return probe(pages, **more).run(MemoryRecorder())


def said(body: str | bytes, headers: Mapping[str, str] = PLAIN) -> Answer:
    return lambda _: Said(body, headers=headers)


def test_a_hardened_server_shows_nothing_and_answers_to_the_end() -> None:
    seen = asked(HARDENED)
    assert not seen.seen
    assert seen.conclusive
    assert "tcp/443 GET well-known paths" in seen.silent
    assert seen.requests > 80


@pytest.mark.parametrize(
    ("path", "page", "words"),
    [
        ("/backup/", html(LISTING), "a directory listing (panel.cfg)"),
        ("/backup.tar.gz", said(b"\x1f\x8b\x08" + bytes(50)), "a download (gzip archive)"),
        ("/config.json", said('{"wifi": {"psk": "h0useplants"}}', JSON), "a credential (psk)"),
        ("/.git/HEAD", said("ref: refs/heads/main\n"), "the repository of the source"),
        ("/.htpasswd", said("admin:$apr1$abcdefgh$0123456789012345678901\n"), "a secret"),
        ("/.env", said("DATABASE_URL=sqlite:///x\n"), "passwords and keys"),
        ("/snapshot.jpg", said(b"\xff\xd8\xff\xe0" + bytes(50), {"Content-Type": "image/jpeg"}), "a picture"),
        ("/phpinfo.php", html("<title>PHP 8.2.7 - phpinfo()</title>"), "paths and environment"),
        ("/metrics", said("# HELP temperature\n# TYPE temperature gauge\ntemperature 21\n"), "measurements"),
        ("/log.txt", said("2026-01-01 10:00:00 started\n"), "the log of the application"),
        ("/etc/passwd", said("root:x:0:0:root:/root:/bin/sh\n"), "the root of the file system"),
        ("/cmd.php", html("<form><input name=cmd></form>"), "a form that runs commands"),
    ],
)
def test_a_well_known_path_that_no_page_links_is_found(path: str, page: Answer, words: str) -> None:
    seen = asked({**HARDENED, path: page})
    assert seen.seen == {f"tcp/443 GET {path}"}
    assert words in seen.detail(f"tcp/443 GET {path}")


@pytest.mark.parametrize(
    "page", [html("<div id=root></div>"), html("<p>21 degrees, visit 17</p>"), said('{"error": "not found"}', JSON)]
)
def test_a_page_that_answers_every_path_shows_nothing(page: Answer) -> None:
    with serving({}) as pages:
        pages.answer = lambda _path: page  # type: ignore[method-assign, assignment]
        seen = probe(pages).run(MemoryRecorder())
    assert not seen.seen
    assert seen.conclusive


@pytest.mark.parametrize("path", ["/", "/api"])
def test_one_page_for_everybody_proves_nothing_where_a_login_is_declared(path: str) -> None:
    with serving({}) as pages:
        pages.answer = lambda _path: html("<p>Bad Request</p>")  # type: ignore[method-assign, assignment]
        seen = probe(pages, guarded=("web", path)).run(MemoryRecorder())
    assert not seen.seen
    assert not seen.conclusive
    assert seen.witness is not None
    assert "locked this address: 200 <p>Bad Request</p>" in seen.witness.what


def test_one_page_for_everybody_shows_nothing_where_the_declared_path_is_another_one() -> None:
    with serving({}) as pages:
        page, own = html("<p>Camera</p>"), html("<p>Settings</p>")
        pages.answer = lambda path: own if path == "/api" else page  # type: ignore[method-assign]
        seen = probe(pages, guarded=("web", "/api")).run(MemoryRecorder())
    assert seen.conclusive


def test_another_answer_than_the_signature_shows_nothing() -> None:
    assert not asked({**HARDENED, "/.git/HEAD": html("<p>welcome</p>"), "/backup/": html("<p>none</p>")}).seen


def test_linked_pages_of_a_server_that_is_not_declared_are_found_and_name_the_port() -> None:
    with serving({"/": html("<a href=/settings.html>x</a>"), "/settings.html": said("password=s3same")}) as pages:
        bench = pages.target.bench.model_copy(update={"port_map": {"tcp/8080": pages.port}})
        server = WebServer(replace(pages.target, bench=bench), undeclared_service(8080, tls=False))
        seen = probe(pages, servers=(server,), known=frozenset()).run(MemoryRecorder())
    assert seen.seen == {"tcp/8080 GET /settings.html"}


MAIL = "<form method=post action=/mail><input name=smtp_user value=alarm><input type=password name=smtp_pass {}></form>"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (MAIL.format("value=s3cret9"), "a password field that is filled in"),
        (MAIL.format("value=********"), "a password field that is filled in"),
        (FORM + "<p>HV2-8f2622ab</p>", "the identity of this sample"),
        (FORM + "<script>var w = 'correct horse'</script>", "a secret"),
    ],
)
def test_a_page_with_a_form_like_a_login_is_looked_at(page: str, words: str) -> None:
    exposure = Exposure(secrets={"the password of admin in clear": b"correct horse"}, marks=("HV2-8f2622ab",))
    seen = asked({**HARDENED, "/": html(FORM + "<a href=/mail>"), "/mail": html(page)}, exposure=exposure)
    assert seen.seen == {"tcp/443 GET /mail"}
    assert words in seen.detail("tcp/443 GET /mail")


@pytest.mark.parametrize("value", ["", "value=''", "value=Password", "value=smtp_pass"])
def test_a_form_like_a_login_without_a_password_is_the_login_page(value: str) -> None:
    seen = asked({**HARDENED, "/": html(FORM + "<a href=/mail>"), "/mail": html(MAIL.format(value))})
    assert "tcp/443 GET /mail" in seen.refused
    assert not seen.seen


def test_what_is_declared_is_left_to_other_cases_on_its_own_server_only() -> None:
    shown = {
        **HARDENED,
        "/": html("<a href=/api/status>x</a>"),
        "/api/status": said('{"serial": "HV2-8f2622ab"}', JSON),
    }
    assert asked(shown).seen == {"tcp/443 GET /api/status"}
    assert not asked(shown, declared=frozenset({"/api/status"})).seen
    assert asked(shown, declared=frozenset({"/api/status"}), home="other").seen == {"tcp/443 GET /api/status"}


def test_a_declared_path_that_acts_is_requested_on_no_server() -> None:
    shown = {**HARDENED, "/": html("<a href=/api/zap>x</a>"), "/api/zap": said('{"serial": "HV2-8f2622ab"}', JSON)}
    with serving(shown) as pages:
        seen = probe(pages, dangerous=frozenset({"/api/zap"}), home="other").run(MemoryRecorder())
        assert "GET /api/zap" not in pages.paths
    assert not seen.seen
    assert seen.skipped == ("tcp/443 /api/zap",)


@pytest.mark.parametrize(
    ("page", "open_to_all"),
    [
        ("HV2-8f2622ab", False),
        (LISTING, False),
        ("<form method=post><input name=ip value=10.0.0.1></form>", False),
        ("<form method=post><input name=cmd></form>", True),
        ("admin:$apr1$abcdefgh$0123456789012345678901", True),
    ],
)
def test_a_public_page_may_show_data_but_no_secret_and_run_no_commands(page: str, open_to_all: bool) -> None:
    rules = CrawlDeclaration(public=("/status.html",))
    shown = {**HARDENED, "/": html("<a href=/status.html>x</a>"), "/status.html": html(page)}
    assert asked(shown).seen
    assert bool(asked(shown, rules=rules).seen) is open_to_all


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_limits_requests_proves_nothing(status: int) -> None:
    seen = asked({**HARDENED, "/backup/": lambda _: Said("slow down", status)})
    assert not seen.conclusive
    assert "limits requests" in seen.unproven


def test_a_server_that_does_not_answer_proves_nothing() -> None:
    with serving({}) as pages:
        gone = probe(pages)
    seen = gone.run(MemoryRecorder())
    assert not seen.seen
    assert not seen.conclusive


@pytest.mark.parametrize("accepts", [True, False])
def test_a_server_has_no_pages_if_it_opens_websockets_only(accepts: bool) -> None:
    with serving({}) as pages, tcp_server(only_websockets("mqtt", accepts=accepts)) as port:
        server = WebServer(Target(NetworkBench(address="127.0.0.1")), undeclared_service(port, tls=False))
        seen = replace(probe(pages), servers=(server,)).run(MemoryRecorder())
    assert seen.conclusive is accepts
    assert bool(seen.refused) is accepts


def test_a_site_beyond_the_bounds_of_the_crawl_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "MOST_REQUESTS", 3)
    assert not asked(HARDENED).conclusive


def test_a_search_that_left_ports_out_proves_nothing() -> None:
    seen = asked(HARDENED, found=Witness(what="the sweep was not possible", holds=False))
    assert seen.unproven == "the sweep was not possible"


def test_a_product_without_a_web_server_shows_nothing() -> None:
    seen = AskOpenPages((), FOUND).run(MemoryRecorder())
    assert not seen.facts
    assert seen.conclusive


def test_the_table_names_harmless_paths_once_with_a_reason_and_a_signature_that_exists() -> None:
    rows, signatures = table("http_unlinked")["paths"], table("http_unlinked")["signatures"]
    paths = [row["path"] for row in rows]
    assert len(paths) == len(set(paths))
    assert not [path for path in paths if suggests_action(path) and "ExportSettings" not in path]
    assert all(row["reason"] and row.get("shows", "archive") in signatures for row in rows)
    pages = [b"<!doctype html><html><body><p>Welcome to the panel</p></body></html>", b"not found\n", b'{"error": 404}']
    assert not [
        name for name, one in signatures.items() if any(re.search(one.encode("latin-1"), page) for page in pages)
    ]


def test_a_server_that_gives_its_pictures_for_every_path_is_not_asked_for_well_known_ones() -> None:
    frame = b"--f\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff" + bytes(5_000)
    stream = said(frame, {"Content-Type": "multipart/x-mixed-replace; boundary=f"})
    with serving({}) as pages:
        pages.answer = lambda _path: stream  # type: ignore[method-assign, assignment]
        seen = probe(pages).run(MemoryRecorder())
        assert len(pages.asked) < 30
    assert "tcp/443 GET /" in seen.seen
    assert "a live picture" in seen.detail("tcp/443 GET /")


def pages_answer_404(_asked: object) -> Said:
    return Said("not found", 404)


def test_well_known_folders_of_a_server_of_pictures_are_requested_if_it_has_folders() -> None:
    frame = b"--f\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff" + bytes(5_000)
    stream = said(frame, {"Content-Type": "multipart/x-mixed-replace; boundary=f"})
    body = "<title>Index of /backup/</title><h1>Index of /backup/</h1><a href=all.tar.gz>all.tar.gz</a>"
    listing, nothing = said(body, {"Content-Type": "text/html"}), pages_answer_404
    with serving({}) as pages:
        pages.answer = lambda path: (  # type: ignore[method-assign]
            listing if path == "/backup/" else nothing if path.endswith("/") and path != "/" else stream
        )
        seen = probe(pages).run(MemoryRecorder())
        assert len(pages.asked) < 60
    assert "tcp/443 GET /backup/" in seen.seen
