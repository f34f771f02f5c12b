import pytest

from reports.offline_page import POLICY, external_references, without_external

FETCHED = [
    '<script async src="https://example.test/a.js"></script>',
    "<SCRIPT SRC='//example.test/a.js'></SCRIPT>",
    '<link rel="stylesheet" href="http://example.test/a.css">',
    '<img src="https://example.test/a.png"/>',
    '<img srcset="a.png 1x, https://example.test/a.png 2x">',
    "<script>window.dataLayer=[];function gtag(){dataLayer.push(arguments)}</script>",
]
HELD = [
    '<iframe src="https://example.test/"></iframe>',
    '<svg><image xlink:href="https://example.test/a.png"/></svg>',
    "<style>@import 'https://example.test/a.css';</style>",
    '<p style="background: url(//example.test/a.png)">x</p>',
    '<meta http-equiv="refresh" content="0; url=https://example.test/">',
    '<object data="http://example.test/a"></object>',
]
HARMLESS = [
    '<a href="https://example.test/">read more</a>',
    '<script src="data:text/javascript;base64,AAAA"></script>',
    "<script>var about = 'see https://example.test/';</script>",
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=\'http://www.w3.org/2000/svg\'%3E">',
    '<img src="blob:abc">',
    "<p>https://example.test/ &lt;script src=&quot;https://example.test/&quot;&gt;</p>",
]


def page(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>t</title></head><body>{body}<p>kept</p></body></html>"


@pytest.mark.parametrize("element", FETCHED + HELD)
def test_what_a_page_would_fetch_is_found(element: str) -> None:
    assert len(external_references(page(element))) == 1


@pytest.mark.parametrize("element", HARMLESS)
def test_links_text_and_what_the_page_holds_itself_are_not_external(element: str) -> None:
    assert external_references(page(element)) == []
    assert element in without_external(page(element))


@pytest.mark.parametrize("element", FETCHED)
def test_scripts_links_and_images_from_elsewhere_are_taken_out(element: str) -> None:
    cleaned = without_external(page(f"<p>a</p>{element}<p>b</p>"))
    assert external_references(cleaned) == []
    assert "<p>a</p>" in cleaned
    assert "<p>b</p><p>kept</p>" in cleaned


def test_the_page_says_to_the_browser_that_nothing_may_be_fetched() -> None:
    cleaned = without_external(page(""))
    assert cleaned.index("<head>") < cleaned.index(POLICY) < cleaned.index("<title>")
    assert not any(source in POLICY for source in ("http", "*", "'self'"))
