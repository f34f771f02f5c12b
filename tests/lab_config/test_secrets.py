from pathlib import Path

import pytest

from lab_config.base import Absent
from lab_config.bench import Bench
from lab_config.load import find, load
from lab_config.secrets import Secrets
from tests.lab_config.test_load import ENVIRONMENT
from trustprobe.errors import ConfigurationError


@pytest.fixture
def bench() -> Bench:
    return load(find("benches", "reference"), Bench, ENVIRONMENT)


def of(bench: Bench, monkeypatch: pytest.MonkeyPatch, admin: str) -> Secrets:
    monkeypatch.setenv("REFERENCE_ADMIN_PASSWORD", admin)
    monkeypatch.setenv("REFERENCE_VIEWER_PASSWORD", "correct horse")
    monkeypatch.setenv("REFERENCE_SECOND_ADMIN_PASSWORD", "hung by a thread")
    monkeypatch.setenv("REFERENCE_SERVICE_PASSWORD", "battery staple")
    for sensor in ("DOOR", "WINDOW", "COMPANION"):
        monkeypatch.setenv(f"REFERENCE_{sensor}_PASSWORD", f"the key of {sensor}")
    return Secrets.of(bench, Path("bench.yaml"), {"admin1234"})


def test_a_reference_to_the_environment_is_resolved(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(bench, monkeypatch, "s3cret!!").value("admin") == "s3cret!!"


def test_a_secret_is_hidden(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(bench, monkeypatch, "s3cret!!").hidden["admin"] == "s3cret!!"


@pytest.mark.parametrize("known", ["admin1234", "abc"])
def test_a_password_that_anyone_knows_is_no_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch, known: str) -> None:
    assert "admin" not in of(bench, monkeypatch, known).hidden


def test_a_secret_that_is_not_set_is_named_and_no_value_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFERENCE_ADMIN_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError, match=r"credentials\.admin: .*REFERENCE_ADMIN_PASSWORD, which is not set"):
        Secrets.of(bench, Path("bench.yaml"))


def test_a_secret_is_read_from_a_file_beside_the_bench_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "admin").write_text("from a file\n", "utf-8")
    entry = bench.credentials["admin"].model_copy(update={"password": "file:admin"})
    alone = Absent(absent="there is one sample")
    one = bench.model_copy(update={"credentials": {"admin": entry}, "second": alone})
    assert Secrets.of(one, tmp_path / "bench.yaml").value("admin") == "from a file"


def test_a_secret_file_that_is_missing_is_named(bench: Bench, tmp_path: Path) -> None:
    entry = bench.credentials["admin"].model_copy(update={"password": "file:nowhere"})
    alone = Absent(absent="there is one sample")
    one = bench.model_copy(update={"credentials": {"admin": entry}, "second": alone})
    with pytest.raises(ConfigurationError, match=r"credentials\.admin: .*nowhere cannot be read"):
        Secrets.of(one, tmp_path / "bench.yaml")
