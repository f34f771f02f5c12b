from drivers.titled_recorder import TitledRecorder
from tests.drivers.recorder import MemoryRecorder


def test_the_evidence_of_one_sample_does_not_replace_that_of_another() -> None:
    record = MemoryRecorder()
    for title in ("first", "second"):
        TitledRecorder(record, title).keep("key.pem", title.encode())
        TitledRecorder(record, title).note("a key was read")
    assert record.kept == {"first.key.pem": b"first", "second.key.pem": b"second"}
    assert record.notes == ["first: a key was read", "second: a key was read"]
