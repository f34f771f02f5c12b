"""The probes of the storage against a small device, and a bench whose program writes down what the device holds."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.storage.canary import SECRET, DeleteUserData, Deletion, PlantedSample, SearchStorage, StorageSearch
from drivers.storage.published import Presented
from lab_config.bench import StorageBench
from lab_config.component import UserDataDeclaration
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.storage.test_published import HALF
from tests.drivers.storage.test_unpack import PUBLISHED
from tests.drivers.web_device import PASSWORDS, SETTING, Device, running
from trustprobe.probe import Answer

USER_DATA = UserDataDeclaration(
    path="/api/recordings", name_field="name", secret_field="note", delete_path="/api/recordings"
)
COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"


class Chip(dict[str, str]):
    """The settings of a device, which every change writes to a file; what else is on the chip is in `more`."""

    def __init__(self, file: Path, device: Device, holds: str, more: str) -> None:
        super().__init__(device.settings)
        self.file, self.device, self.holds, self.more = file, device, holds, more
        self.lock = threading.Lock()

    def update(self, *args: object, **named: object) -> None:
        super().update(*args, **named)  # type: ignore[call-overload]
        parts = {"settings": json.dumps(self), "data": json.dumps(self.device.recordings), "more": self.more}
        with self.lock:
            self.file.write_text("\n".join(parts[part] for part in self.holds.split()))


@contextmanager
def bench(folder: Path, *habits: str, holds: str = "settings", more: str = "") -> Iterator[PlantedSample]:
    """A device, and a bench that can dump what it `holds`."""
    with running(*habits) as device:
        device.settings = Chip(folder / "chip", device, holds, more)
        device.settings.update()
        storage = StorageBench(dump=(sys.executable, "-c", COPY, str(folder / "chip"), "{file}"), seconds=20)
        yield PlantedSample(device.web(), SETTING, USER_DATA, storage, lambda: None)


def searched(sample: PlantedSample, record: MemoryRecorder | None = None) -> StorageSearch:
    passwords = (("admin", PASSWORDS["admin"]),)
    return SearchStorage(sample, passwords).run(record or MemoryRecorder())


def deleted(sample: PlantedSample) -> Deletion:
    return DeleteUserData(sample).run(MemoryRecorder())


def test_a_hardened_storage_shows_the_public_text_and_nothing_else(tmp_path: Path) -> None:
    with bench(tmp_path) as sample:
        seen = searched(sample)
    assert not seen.seen
    assert seen.conclusive
    assert seen.of_secret().conclusive
    assert {fact.about for fact in seen.facts} == {
        SECRET, "private_keys", "password_hashes_weak", "credentials", "api_tokens"
    }  # fmt: skip


def test_user_data_in_clear_is_seen(tmp_path: Path) -> None:
    with bench(tmp_path, holds="settings data") as sample:
        assert searched(sample).seen == {SECRET}


@pytest.mark.parametrize(
    ("more", "row"),
    [
        ("hint: correct horse", "credentials"),
        ("2qfMFN2VQxBxo5wOgGEHyQ==", None),
        ("AKIAQQQQQQQQQQQQQQQQ", "api_tokens"),
        ("x:$1$abcdefgh$Qx1TNjZUnmoKLVtBKxrKi.:", "password_hashes_weak"),
    ],
)
def test_a_secret_that_lies_on_the_chip_is_seen_in_its_row(more: str, row: str | None, tmp_path: Path) -> None:
    with bench(tmp_path, holds="settings more", more=more) as sample:
        assert searched(sample).seen == ({row} if row else set())


def test_nothing_that_is_kept_holds_the_password_that_was_found(tmp_path: Path) -> None:
    record = MemoryRecorder()
    with bench(tmp_path, holds="settings more", more="hint: correct horse") as sample:
        seen = searched(sample, record)
    assert seen.seen == {"credentials"}
    assert "correct horse" not in seen.model_dump_json() + "".join(record.notes)
    assert not record.kept


def test_an_image_without_the_public_text_proves_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, holds="more", more="another chip") as sample:
        seen = searched(sample)
    assert not seen.seen
    assert not seen.conclusive
    assert seen.witness is not None
    assert "was not found in the image" in seen.witness.what


def test_a_setting_that_does_not_apply_is_no_witness(tmp_path: Path) -> None:
    with bench(tmp_path, "not_applied") as sample:
        assert not searched(sample).conclusive


def test_user_data_that_was_not_taken_leaves_the_secret_open_and_nothing_else(tmp_path: Path) -> None:
    with bench(tmp_path, "data_not_taken") as sample:
        seen = searched(sample)
    assert not seen.of_secret().conclusive
    assert seen.about("private_keys").conclusive


def test_the_setting_is_put_back(tmp_path: Path) -> None:
    with bench(tmp_path) as sample:
        searched(sample)
        assert json.loads((tmp_path / "chip").read_text())["device_name"] == "Gate"


def test_deleted_data_is_shown_no_longer_and_lies_nowhere(tmp_path: Path) -> None:
    with bench(tmp_path, holds="settings data") as sample:
        left = deleted(sample)
    assert left.refused == {"api"}
    assert not left.seen
    assert left.of("api").conclusive
    assert left.of("storage").conclusive


def test_data_that_is_not_deleted_is_seen_in_both_places(tmp_path: Path) -> None:
    with bench(tmp_path, "never_deletes", holds="settings data") as sample:
        left = deleted(sample)
    assert left.seen == {"api", "storage"}


def test_a_listing_that_breaks_after_the_deletion_proves_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, "data_hidden") as sample:
        left = deleted(sample).of("api")
    assert left.silent == {"api"}
    assert not left.conclusive


def test_data_that_was_not_taken_before_proves_nothing_by_its_absence(tmp_path: Path) -> None:
    with bench(tmp_path, "data_not_taken") as sample:
        left = deleted(sample)
    assert left.named(Answer.SEEN) == frozenset()
    assert not left.of("api").conclusive
    assert not left.of("storage").conclusive


def test_a_dump_of_another_chip_proves_no_deletion(tmp_path: Path) -> None:
    with bench(tmp_path, holds="more", more="another chip") as sample:
        left = deleted(sample)
    assert left.of("api").conclusive
    assert not left.of("storage").conclusive


@pytest.mark.parametrize(
    ("presented", "row"), [({HALF: "tcp/443"}, {"private_keys"}), ({"another key": "tcp/443"}, set()), ({}, set())]
)
def test_a_published_private_key_is_a_secret_where_the_device_uses_it(
    presented: dict[str, str], row: set[str], tmp_path: Path
) -> None:
    with bench(tmp_path, holds="settings more", more=PUBLISHED.decode()) as sample:
        seen = SearchStorage(sample, (), lambda _record: Presented(presented)).run(MemoryRecorder())
    assert seen.seen == row
    assert seen.about("private_keys").conclusive
    assert ("that a library publishes and tcp/443 uses, at octet" in seen.detail("private_keys")) is bool(row)


@pytest.mark.parametrize("keys", [{}, {"another key": "tcp/443"}, {HALF: "tcp/443"}], ids=["none", "another", "this"])
@pytest.mark.parametrize("unread", [("tcp/22",), ("udp/5684", "tcp/8883")])
def test_a_port_whose_key_was_not_read_leaves_the_row_of_keys_open_and_no_other(
    keys: dict[str, str], unread: tuple[str, ...], tmp_path: Path
) -> None:
    with bench(tmp_path, holds="settings more", more=PUBLISHED.decode()) as sample:
        seen = SearchStorage(sample, (), lambda _record: Presented(keys, unread)).run(MemoryRecorder())
    row = seen.about("private_keys")
    assert row.seen == ({"private_keys"} if HALF in keys else set())
    assert not row.conclusive
    assert f"the key of {', '.join(unread)} could not be read" in row.unproven
    assert all(seen.about(other).conclusive for other in ("credentials", "api_tokens", "password_hashes_weak"))
    assert seen.of_secret().conclusive


def test_the_device_is_not_asked_for_its_keys_without_a_published_one(tmp_path: Path) -> None:
    def presented(_record: object) -> Presented:
        raise AssertionError("nothing published was found")

    with bench(tmp_path) as sample:
        assert not SearchStorage(sample, (), presented).run(MemoryRecorder()).seen
