from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.virtual_lab.reference.firmware.camera import Camera
from tests.virtual_lab.reference.firmware.collector_server import CollectorServer

Build = Callable[..., Camera]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Make cameras with defects; each is ended after the module."""
    made: list[Camera] = []

    def make(*defects: str, **options: object) -> Camera:
        camera = Camera(tmp_path_factory.mktemp("camera"), *defects, **options)  # type: ignore[arg-type]
        made.append(camera)
        return camera

    with ExitStack() as opened:
        yield make
        for camera in made:
            opened.callback(camera.close)  # each of them, whatever the others reported


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """A hardened camera that has booted, for tests that neither end nor update it."""
    hardened = Camera(tmp_path_factory.mktemp("hardened"))
    try:
        hardened.start()
        yield hardened
    finally:
        hardened.close()


@pytest.fixture
def collector() -> Iterator[CollectorServer]:
    """A log collector that has not started to accept."""
    server = CollectorServer()
    yield server
    server.close()
