from pathlib import Path

import pytest

from trustprobe.cli.soundness import (
    BEGIN,
    END,
    HARDENED,
    DefectOutcome,
    require_writable,
    to_markdown,
    with_titles,
    write_page,
)
from trustprobe.errors import ConfigurationError

CLEAN = DefectOutcome(HARDENED, (), (), 0, ())
FOUND = DefectOutcome("telnet_open", (), (), 0, ("ports.tcp.undeclared", "services.forbidden"))
MISSED = DefectOutcome("ftp_open", ("services.forbidden[ftp]",), ("tls.server.suites",), 0, ("tls.server.suites",))


def test_the_table_says_what_was_planted_what_failed_and_whether_that_is_all() -> None:
    text = to_markdown([CLEAN, FOUND, MISSED], {"a.b", "c.d"}, ["c.d"])
    assert "1 of 2 planted flaws make exactly their cases fail. Each run had 2 cases." in text
    assert "On the device without a flaw, 0 cases fail and 0 are open." in text
    assert "No flaw makes these cases fail: `c.d`." in text
    assert "| `telnet_open` | `ports.tcp.undeclared`, `services.forbidden` | yes |" in text
    assert "| no; missed: `services.forbidden[ftp]`; not expected: `tls.server.suites` |" in text


def test_the_shown_page_has_the_titles_of_the_register_and_the_flaws_that_no_matrix_planted() -> None:
    shown = with_titles(f"{BEGIN}\n\n{to_markdown([FOUND], {'a.b'}, [])}\n{END}\n", "reference")
    assert "| `telnet_open` | telnet answers on tcp/23 | `ports.tcp.undeclared`, `services.forbidden` | yes |" in shown
    assert "| flaw | what is planted | cases that fail | as expected |" in shown
    assert shown.count("telnet_open") == 1
    later = shown[shown.index("No matrix run has planted these flaws yet") :]
    assert "| `ftp_open` | FTP answers on tcp/21 | `ports.tcp.undeclared`, `services.forbidden` |" in later


def test_a_page_with_a_flaw_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"telnet_opened, which virtual_lab/reference/defects.yaml"):
        with_titles("| `telnet_opened` | `a.b` | yes |\n", "reference")


def test_what_a_person_wrote_around_the_table_stays(tmp_path: Path) -> None:
    page = tmp_path / "soundness.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    for _ in range(2):
        write_page(page, [CLEAN, FOUND], {"a.b"}, [])
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert (text.count("| `telnet_open` |"), text.count("old")) == (1, 0)


def test_a_page_that_is_not_there_is_made(tmp_path: Path) -> None:
    require_writable(tmp_path / "new.md")
    write_page(tmp_path / "new.md", [FOUND], {"a.b"}, [])
    assert "| `telnet_open` |" in (tmp_path / "new.md").read_text("utf-8")


@pytest.mark.parametrize("text", ["no marks", f"{END} before {BEGIN}"])
def test_a_page_without_the_marks_is_refused_before_anything_runs(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match="does not contain the marks"):
        require_writable(page)


def test_a_folder_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        require_writable(tmp_path / "nowhere" / "page.md")
