"""Status pages of web servers: recognised by their contents, on well-known paths and on linked pages."""

import re
import time

import pytest

from drivers.data import table
from drivers.network.web.probes.open_pages import WORKERS
from tests.drivers.network.web.probes.status_pages import HARMLESS, LIGHTTPD, OWN, PAGES
from tests.drivers.network.web.probes.test_open_pages import HARDENED, asked, said
from tests.drivers.pages import html

PATHS = [row["path"] for row in table("http_unlinked")["paths"] if row.get("shows") == "workers"]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("path", ["/server-status", "/nginx_status", "/status", "/fpm-status", "/stats"])
def test_the_status_page_of_any_common_server_is_found_on_each_well_known_path(name: str, path: str) -> None:
    assert path in PATHS
    page = html(PAGES[name]) if "<" in PAGES[name] else said(PAGES[name])
    seen = asked({**HARDENED, path: page})
    assert seen.seen == {f"tcp/443 GET {path}"}


@pytest.mark.parametrize("page", [LIGHTTPD, OWN])
def test_a_status_page_that_another_page_links_is_found_whatever_its_path(page: str) -> None:
    seen = asked({**HARDENED, "/": html("<a href=/who/now>who</a>"), "/who/now": html(page)})
    assert seen.seen == {"tcp/443 GET /who/now"}
    assert WORKERS in seen.detail("tcp/443 GET /who/now")


@pytest.mark.parametrize("name", HARMLESS)
def test_a_page_without_connections_and_workers_is_no_status_page(name: str) -> None:
    page = html(HARMLESS[name])
    home = html("<a href=/who/now>who</a>")
    assert not asked({**HARDENED, "/": home, "/who/now": page, "/server-status": page, "/status": page}).seen


@pytest.mark.parametrize("piece", ["<th>client<", "<th><a><b><i>client<th>url<", "<td>1", '"accepted conn" ', "\n"])
def test_the_pattern_ends_on_a_hostile_page_within_seconds(piece: str) -> None:
    pattern = re.compile(table("http_unlinked")["signatures"]["workers"].encode("latin-1"))
    page = (piece * (1_000_000 // len(piece))).encode()
    started = time.process_time()
    assert not pattern.search(page)
    assert time.process_time() - started < 20
