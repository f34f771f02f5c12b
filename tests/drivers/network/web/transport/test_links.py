import json

import pytest

from drivers.network.web.transport.links import leads_of, suggests_action

OPENAPI = '{"openapi": "3.0", "servers": [{"url": "/v1"}], "paths": {"/a": {}, "/b/{id}": {}}}'
OWN = ("192.0.2.7", "192.0.2.7:8443")


def leads(body: str, path: str = "/ui/page.html", kind: str = "text/html") -> dict[str, bool]:
    document = json.loads(body) if kind == "application/json" else None
    return {lead.path: lead.offered for lead in leads_of(path, kind, body.encode(), document, OWN)}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<a href="next.html?a=1&amp;b=2">', {"/ui/next.html?a=1&b=2": True}),
        ("<img src=/logo.png><form action='../save'></form>", {"/logo.png": False, "/save": False}),
        ('<div data-url="/api/a"></div><script>fetch(`/api/b/${id}`)</script>', {"/api/a": False, "/api/b/": False}),
        ('<a href="https://192.0.2.7/own">', {"/own": True}),
        ('<a href="https://elsewhere.example/x"><a href="//elsewhere.example/y"><a href="mailto:a@b">', {}),
        ('<a href="javascript:go(1)"><a href="#top"><a href="/a b"><a href="/{{name}}">', {}),
    ],
)
def test_a_page_leads_to_what_it_names_on_its_own_service(body: str, found: dict[str, bool]) -> None:
    assert leads(body) == found


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("request({url: 'api/v2/info', method: 'get'})", {"/ui/api/v2/info"}),
        ('fetch("/api/backup", {method: "GET"})', {"/api/backup"}),
        ("$.getJSON('status.json', draw)", {"/ui/status.json"}),
        ('x.open("GET", "cgi/get.cgi?what=log")', {"/ui/cgi/get.cgi?what=log"}),
        ('const routes = ["/settings", "./views/net.html", "text/html", "a/b"]', {"/settings", "/ui/views/net.html"}),
        ("//# sourceMappingURL=app.js.map", {"/ui/app.js.map"}),
        ('const pattern = "/^[a-z]+$/"; const ratio = "1/2"', set()),
    ],
)
def test_a_script_leads_to_what_it_asks_for(script: str, found: set[str]) -> None:
    assert set(leads(script, kind="text/javascript")) == found


@pytest.mark.parametrize(
    ("path", "kind", "body", "found"),
    [
        ("/robots.txt", "text/plain", "User-agent: *\nDisallow: /p/\nSitemap: /map.xml", {"/p/", "/map.xml"}),
        ("/sitemap.xml", "text/xml", "<urlset><url><loc>http://192.0.2.7/a</loc></url></urlset>", {"/a"}),
        ("/o.json", "application/json", OPENAPI, {"/v1/a"}),
        ("/api", "application/json", '{"links": [{"href": "/api/log"}], "note": "1/2", "at": "/a b"}', {"/api/log"}),
    ],
)  # fmt: skip
def test_documents_lead_to_what_they_list(path: str, kind: str, body: str, found: set[str]) -> None:
    assert set(leads(body, path, kind)) == found


@pytest.mark.parametrize(
    "path", ["/api/reboot", "/cgi-bin/factoryReset.cgi", "/x?action=delete&id=1", "/log-out", "/SetTime"]
)
def test_what_is_named_like_an_action_is_known(path: str) -> None:
    assert suggests_action(path)


@pytest.mark.parametrize(
    "path", ["/api/settings", "/backup.cfg", "/logs/system.log", "/export?format=json", "/dataset", "/login"]
)
def test_what_is_named_like_a_thing_is_not_taken_for_an_action(path: str) -> None:
    assert not suggests_action(path)
