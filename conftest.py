"""pytest's entry point: the judging plugins, and every fixture module. It holds nothing else."""

from pkgutil import walk_packages

import pytest

pytest.register_assert_rewrite("fixtures", "trustprobe.judging")

import fixtures  # noqa: E402 - pytest rewrites only what is imported after it was registered

pytest_plugins = [
    "trustprobe.judging.plugin",
    *(module.name for module in walk_packages(fixtures.__path__, "fixtures.") if not module.ispkg),
    "trustprobe.judging.ahead",  # last: its probes begin when the servers and the capture of the others are up
]
