"""Which worker of `make test` runs which tests, and when: the longest begin first, and a file stays together.

A plugin of pytest for pytest-xdist. The tests of a file share its fixtures, so one worker runs them all. A test that
seconds.yaml names goes to a worker of its own instead, long before the short ones: no processor waits at the end for
a long test that began last. The mark `xdist_group` cannot do this: with pytest 9.2 it silently has no effect.
"""

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

FILE = Path(__file__).with_name("seconds.yaml")


@cache
def seconds() -> Mapping[str, float]:
    """Return how long the longest tests take, by file or by file::function."""
    return MappingProxyType(yaml.safe_load(FILE.read_text("utf-8")))


def unit(nodeid: str) -> str:
    """Return what one worker runs without a break: the test itself if seconds.yaml names it, otherwise its file."""
    return nodeid if _function(nodeid) in seconds() else nodeid.partition("::")[0]


def expected(nodeid: str) -> float:
    """Return the seconds that the unit of a test takes; zero for one that seconds.yaml does not name."""
    return seconds().get(_function(nodeid)) or seconds().get(nodeid.partition("::")[0], 0)


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


class LongestFirst(LoadScopeScheduling):
    """Hands units out in the order in which the workers collected them."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Take the place of the schedulers of pytest-xdist."""
    return LongestFirst(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Compile another part of the test files than each other worker does, so that all find most of them compiled.

    In a fresh clone, all workers would otherwise compile the same file at the same time.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    number = int(worker["workerid"].removeprefix("gw"))
    for name in list(_modules(session.config))[number :: worker["workercount"]]:
        with contextlib.suppress(Exception):  # the collection reports it
            importlib.import_module(name)


def _modules(config: pytest.Config) -> Iterator[str]:
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        for file in sorted(path.rglob("test_*.py")) if path.is_dir() else [path]:
            if file.is_relative_to(config.rootpath):
                yield ".".join(file.relative_to(config.rootpath).with_suffix("").parts)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, in a worker. Alone, pytest keeps the order of the files."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -expected(item.nodeid))
