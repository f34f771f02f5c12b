"""Pictures of a run's reports, as a phone and a desk show them: PNG files by a headless Chromium that has no network.

.venv/bin/python docs/screenshots.py RUN_FOLDER [OUT]
"""

import html
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = {"summary": Path("summary.html"), "allure": Path("allure-report") / "index.html"}
SECONDS = 60.0
"""For one picture; it takes about 2 s."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=10000",
)
NO_NETWORK = (("unshare", "--net", "--"), ("unshare", "--user", "--map-root-user", "--net", "--"))
"""Ways into a network namespace that holds nothing, for root and for others."""


@dataclass(frozen=True)
class Screen:
    """A screen, in CSS pixels."""

    name: str
    width: int
    height: int


SCREENS = (Screen("phone", 360, 780), Screen("desk", 1100, 780))


def find_browser() -> str | None:
    """Return the path of a Chromium on PATH, if there is one."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _no_network() -> tuple[str, ...]:
    """Return the command that runs another without a network; empty where this machine does not permit it."""
    for prefix in NO_NETWORK:
        if (
            shutil.which(prefix[0])
            and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        ):
            return prefix
    return ()


def picture(browser: str, page: Path, screen: Screen, target: Path) -> None:
    """Write what the top of a page looks like. RuntimeError says what Chromium said when it made no picture.

    Chromium lays no window out narrower than 500 px, so the page is shown in a frame as wide as the screen.
    """
    with tempfile.TemporaryDirectory(prefix="trustprobe-picture-") as name:
        frame = Path(name) / "frame.html"
        source = html.escape(page.resolve().as_uri())
        style = f"border:0;display:block;width:{screen.width}px;height:{screen.height}px"
        body = f'<body style="margin:0"><iframe style="{style}" src="{source}"></iframe>'
        frame.write_text(f"<!doctype html>{body}", "utf-8")
        options = [f"--user-data-dir={name}/profile", f"--window-size={screen.width},{screen.height}"]
        options += [f"--screenshot={target.resolve()}", frame.as_uri()]
        command = [*_no_network(), browser, *FLAGS, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0 or not target.is_file():
        raise RuntimeError(f"{browser} made no picture of {page}: {done.stderr[-500:]}")


def pictures(browser: str, run_folder: Path, out: Path) -> Iterator[Path]:
    """Write `PAGE-SCREEN.png` of each report that the run folder holds, and name each as it is there."""
    out.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        for screen in SCREENS if (run_folder / page).is_file() else ():
            target = out / f"{name}-{screen.name}.png"
            picture(browser, run_folder / page, screen, target)
            yield target


def main() -> int:
    """Write the pictures of the run folder that is named."""
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    browser = find_browser()
    if browser is None:
        print(f"bench: no browser was found on PATH. Install one of {', '.join(BROWSERS)}.", file=sys.stderr)
        return 2
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent / "images"
    for path in pictures(browser, Path(sys.argv[1]), out):
        print(f"{path.stat().st_size:8d} bytes  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
