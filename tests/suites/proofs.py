"""A pytest plugin (`-p tests.suites.proofs`): writes which assertions of the cases failed alone in this session."""

import json
import os
from pathlib import Path

import pytest

from tests.suites import made_up

FILE = "TRUSTPROBE_PROOFS"
"""The environment variable that names the file to write."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write file and line of each proven assertion."""
    Path(os.environ[FILE]).write_text(json.dumps(sorted(made_up.proven)), "utf-8")
