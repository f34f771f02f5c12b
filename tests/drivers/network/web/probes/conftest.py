"""Servers of these tests may have to wait for a processor: what is to answer is given the time for it."""

import pytest

from drivers.network.web.probes import crawl


@pytest.fixture(autouse=True)
def patient_crawls(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer ends the wait for it."""
    monkeypatch.setattr(crawl, "ANSWER_SECONDS", 30.0)
    monkeypatch.setattr(crawl, "CRAWL_SECONDS", 600.0)
