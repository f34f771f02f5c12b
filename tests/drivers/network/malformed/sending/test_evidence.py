"""A kept message is read again whole, and nothing else is taken for one."""

import json
from pathlib import Path

import pytest

from drivers.network.malformed.messages.message import MESSAGE_LIMIT, DeliveryWay, Message
from drivers.network.malformed.sending.evidence import keep_culprit, read_kept
from lab_config.component import Service
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import ConfigurationError

SERVICE = Service.model_validate(
    {"id": "admin", "transport": "tcp", "port": 443, "protocol": "http", "tls": True, "purpose": "a test"}
)


def kept(tmp_path: Path, data: bytes) -> Path:
    record = MemoryRecorder()
    name = keep_culprit(record, SERVICE, DeliveryWay.TLS, Message("long", data, "a test"))
    assert record.kept["long.bin"] == data
    file = tmp_path / name
    file.write_bytes(record.kept[name])
    return file


@pytest.mark.parametrize("data", [bytes(range(256)), b"x" * MESSAGE_LIMIT])
def test_what_was_kept_is_read_octet_by_octet(tmp_path: Path, data: bytes) -> None:
    again = read_kept(kept(tmp_path, data))
    assert (again.data, again.way, again.port, again.service) == (data, DeliveryWay.TLS, 443, "admin")


@pytest.mark.parametrize(
    "change",
    [{"octets": "%%%"}, {"octets": ""}, {"way": "serial"}, {"port": "x"}, {"more": 1}, {"octets": "A" * 10**6}],
)
def test_a_file_that_is_no_kept_message_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    file = kept(tmp_path, b"bad")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ConfigurationError, match="contains no message of a run"):
        read_kept(file)


def test_a_missing_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="contains no message"):
        read_kept(tmp_path / "nothing.json")
