"""MkDocs calls this when it builds the site: the pages of flaws get their titles from the registers of virtual_lab/."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from trustprobe.cli.soundness import with_titles

DEVICES = {"soundness.md": "reference", "soundness_firmware.md": "firmware"}


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Return the text of a page as it is shown."""
    device = DEVICES.get(page.file.src_uri)
    return with_titles(markdown, device) if device else markdown
