"""The pictures of the reports: real ones, by a browser without a network."""

import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from docs.screenshots import SCREENS, find_browser, picture, pictures
from reports.summary import write_summary
from tests.reports.samples import a_mixed_run

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LIMIT = 200_000
"""Bytes of one picture in the repository."""


def pixels(path: Path) -> tuple[int, int, int, bytes]:
    """Read width, height, colour type and the filtered lines of a PNG (ISO/IEC 15948) of 8 bits a channel."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return width, height, colour, zlib.decompress(packed)


def size_and_shades(path: Path) -> tuple[int, int, int]:
    """Return width, height and the number of distinct bytes of a picture."""
    width, height, _, raw = pixels(path)
    return width, height, len(set(raw))


@pytest.fixture
def browser() -> str:
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium is on PATH, so no picture can be taken")
    return found


def test_the_summary_is_shown_as_on_a_phone_and_as_on_a_desk(tmp_path: Path, browser: str) -> None:
    write_summary(a_mixed_run(), tmp_path)
    taken = list(pictures(browser, tmp_path, tmp_path / "pictures"))
    assert [path.name for path in taken] == ["summary-phone.png", "summary-desk.png"]
    for path, screen in zip(taken, SCREENS, strict=True):
        width, height, shades = size_and_shades(path)
        assert (width, height) == (screen.width, screen.height)
        assert shades > 50


STRIPE = """<script>
const fits = document.documentElement.scrollWidth <= innerWidth;
document.body.insertAdjacentHTML("afterbegin", `<div style="position:fixed;z-index:9;right:0;top:0;width:9px;height:9px;
background:${fits ? "rgb(1,2,3)" : "rgb(250,0,250)"}"></div>`);
</script>"""


@pytest.mark.parametrize(("more_style", "colour"), [("", (1, 2, 3)), (".why { width: 500px }", (250, 0, 250))])
def test_a_page_on_a_phone_does_not_scroll_sideways_whatever_the_device_says(
    tmp_path: Path, browser: str, more_style: str, colour: tuple[int, int, int]
) -> None:
    """A script in a copy of the page measures it, and shows the answer by a colour; the second row sees it fail."""
    run = a_mixed_run()
    page = write_summary(run.model_copy(update={"reason": f"{run.overall}: {'W' * 3_000}"}), tmp_path)
    html = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text("utf-8"))
    html = html.replace("</style>", f"{more_style}</style>").replace("</body>", f"{STRIPE}</body>")
    page.write_text(html, "utf-8")
    target = tmp_path / "phone.png"
    picture(browser, page, SCREENS[0], target)
    assert pixel(target, SCREENS[0].width - 4, 4) == colour


def pixel(path: Path, x: int, y: int) -> tuple[int, int, int]:
    """Return the colour of one pixel of a PNG of 8 bits a channel, by undoing the filters of its lines."""
    width, _, colour, raw = pixels(path)
    channels = {2: 3, 6: 4}[colour]
    stride = width * channels
    above = bytes(stride)
    for number in range(y + 1):
        start = number * (stride + 1)
        above = unfiltered(raw[start], raw[start + 1 : start + 1 + stride], above, channels)
    red, green, blue = above[x * channels : x * channels + 3]
    return red, green, blue


def unfiltered(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    """Undo one line's filter (ISO/IEC 15948 clause 9)."""
    out = bytearray(line)
    for index in range(len(out)):
        left = out[index - channels] if index >= channels else 0
        corner = above[index - channels] if index >= channels else 0
        up = above[index]
        estimate = left + up - corner
        nearest = min((left, up, corner), key=lambda value: abs(estimate - value))
        out[index] = (out[index] + (0, left, up, (left + up) // 2, nearest)[kind]) % 256
    return bytes(out)


def test_a_page_that_is_not_there_is_no_picture(tmp_path: Path) -> None:
    assert list(pictures("/bin/false", tmp_path, tmp_path)) == []


def test_a_browser_that_fails_is_told(tmp_path: Path) -> None:
    write_summary(a_mixed_run(), tmp_path)
    with pytest.raises(RuntimeError, match="made no picture"):
        list(pictures("/bin/false", tmp_path, tmp_path))


def test_without_a_browser_the_script_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "screenshots.py"), str(tmp_path)]
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert (done.returncode, done.stderr.count("Install one of chromium")) == (2, 1)


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.png")), ids=lambda path: path.name)
def test_a_picture_of_the_documentation_is_small_and_real(path: Path) -> None:
    assert path.stat().st_size < LIMIT
    assert size_and_shades(path)[2] > 50
