import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.network.iot import coap, dtls, unpaired_coap
from drivers.network.iot.dtls import PreSharedKey
from drivers.network.iot.unpaired import (
    AskUnpaired,
    ComponentReading,
    MessageReply,
    Polled,
    Stranger,
    UnreadableError,
    alike,
)
from drivers.network.iot.unpaired_coap import CoapPeer, CoapTalker, CoapWindow
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from tests.drivers.network.iot.coap_server import BRIEF, BriefDatagrams, Service, dtls_server
from tests.drivers.network.loopback_servers import udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Observation

TARGET = Target(NetworkBench(address="127.0.0.1"))
MESSAGE = '{"open": "{nonce}"}'
KEYS = {"door": b"a key of the door", "admin": b"a key of the hub!"}
REFUSED, SILENT, SEEN = (
    MessageReply(Answer.REFUSED, "no"),
    MessageReply(Answer.SILENT, "200"),
    MessageReply(Answer.SEEN, "2.04"),
)


@dataclass
class Page:
    """A page that shows the last message that was taken, and a device that takes them by its habits."""

    takes: Callable[[str], bool] = lambda who: who == "paired"
    says: MessageReply = SILENT
    readable: Callable[[], bool] = lambda: True
    text: bytes = b"nothing yet"
    name: str = "the page"
    closed: int = 0
    strange: tuple[str, ...] = ("a stranger",)
    sent: list[bytes] = field(default_factory=list)

    def send(self, who: str, payload: bytes) -> MessageReply:
        self.sent.append(payload)
        if self.takes(who):
            self.text = payload
        return SILENT if who == "paired" else self.says

    def paired(self, payload: bytes) -> MessageReply:
        return self.send("paired", payload)

    def strangers(self, folder: Path) -> tuple[Stranger, ...]:
        return tuple(Stranger(who, lambda payload, who=who: self.send(who, payload)) for who in self.strange)  # type: ignore[misc]

    @contextmanager
    def watch(self) -> Iterator[Polled]:
        def read() -> bytes:
            if not self.readable():
                raise UnreadableError("the login failed")
            return self.text

        yield Polled(read)

    def close(self) -> None:
        self.closed += 1


def ask(page: Page, message: str = MESSAGE) -> Observation:
    return AskUnpaired("door", message, page, page, 0.01).run(MemoryRecorder())


def test_a_message_that_shows_was_taken_whatever_the_device_said_of_it() -> None:
    for says in (REFUSED, SILENT):
        seen = ask(Page(takes=lambda who: True, says=says))
        assert seen.seen == {"door: a stranger"}
        assert "shows at the page" in seen.detail("door: a stranger")


def test_a_message_that_the_device_says_it_took_was_taken() -> None:
    assert ask(Page(says=SEEN)).seen == {"door: a stranger"}


def test_a_refusal_is_the_devices_own_and_silence_rests_on_the_paired_component() -> None:
    assert ask(Page(says=REFUSED)).refused == {"door: a stranger"}
    quiet = ask(Page())
    assert quiet.silent == {"door: a stranger"} and quiet.conclusive


def test_a_paired_component_that_gets_nothing_through_proves_nothing() -> None:
    refused = ask(Page(takes=lambda who: False, says=REFUSED))
    assert refused.refused and not refused.conclusive


def test_a_paired_component_that_is_locked_out_by_the_others_proves_nothing() -> None:
    page = Page()
    page.takes = lambda who: who == "paired" and len(page.sent) < 2
    seen = ask(page)
    assert not seen.conclusive
    assert seen.witness is not None and "after" in seen.witness.what and "before" not in seen.witness.what


def test_where_nobody_can_look_nothing_is_asked_and_nothing_is_proven() -> None:
    page = Page(readable=lambda: False, says=SEEN)
    seen = ask(page)
    assert seen.silent == {"door: a stranger"} and not seen.conclusive
    assert not page.sent
    assert page.closed == 1


def test_what_a_device_says_it_took_stands_though_nobody_can_look_afterwards() -> None:
    page = Page(says=SEEN)
    page.readable = lambda: len(page.sent) < 2
    assert ask(page).seen == {"door: a stranger"}


def test_a_stranger_behind_whom_nobody_can_look_leaves_the_question_open() -> None:
    page = Page(takes=lambda who: True)
    failures = iter([False, False])
    page.readable = lambda: len(page.sent) != 2 or next(failures, True)
    seen = ask(page)
    assert seen.silent == {"door: a stranger"} and not seen.conclusive
    assert seen.witness is not None and "the effect could not be read" in seen.witness.what


def test_a_look_that_fails_is_taken_again() -> None:
    page = Page(takes=lambda who: True)
    failures = iter([False])
    page.readable = lambda: len(page.sent) != 2 or next(failures, True)
    assert ask(page).seen == {"door: a stranger"}


def test_each_message_has_a_value_of_its_own() -> None:
    page = Page(strange=("one", "two"))
    ask(page)
    assert len(set(page.sent)) == 4


def test_a_page_that_shows_every_value_tells_nothing() -> None:
    class Everything(bytes):
        def decode(self, *_: str) -> str:
            return " ".join(map(str, range(10_000, 100_000)))

    page = Page(text=Everything())
    seen = ask(page, '{"open": {number}}')
    assert not page.sent and not seen.conclusive


def test_what_a_device_says_is_no_control_sequence() -> None:
    seen = ask(Page(says=MessageReply(Answer.REFUSED, "\x1b[2J")))
    assert "\\x1b" in seen.detail("door: a stranger")


@pytest.mark.parametrize("message", ['{"open": "{nonce}"}', '{"open": {number}}'])
def test_a_reading_is_found_as_a_whole_word_alone(message: str) -> None:
    reading = ComponentReading.of(message)
    assert reading.pattern.search(reading.payload.decode())
    assert not reading.pattern.search(f"1{reading.value}") and not reading.pattern.search(f"{reading.value}0")


@pytest.mark.parametrize("secret", ["a", "0123456789abcdef", "Ab3-x_", "hex:00FF", "12345678", "é"])
def test_a_credential_that_looks_alike_is_another_one(secret: str) -> None:
    made = {alike(secret) for _ in range(20)}
    assert secret not in made
    shapes = {re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"[0-9]", "0", one)))[: len(secret)] for one in made}
    assert len(shapes) == 1 or set(secret) <= set("0123456789abcdef")


@pytest.fixture
def long_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends with the answer; a hub of the tests that gets no processor answers late."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", 5.0)
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 8.0)


@pytest.fixture
def dtls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """For hubs that are not to answer in clear."""
    monkeypatch.setattr(unpaired_coap, "Datagrams", BriefDatagrams)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """For hubs that are not to answer."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", BRIEF)
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 0.2)


class Hub(Service):
    """Shows what was written to it; `rights` is who may write."""

    rights: frozenset[str] = frozenset({"door"})

    def answer(self, request: object) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        self.closed = set() if self.identity in self.rights or request.code == 1 else {"/door"}  # type: ignore[attr-defined]
        self.resources["/door"] = self.written.get("/door", b"-")
        return super().answer(request)  # type: ignore[arg-type]


def over_coap(port: int, secured: bool = True) -> Observation:
    keys = {name: PreSharedKey(name, key) if secured else None for name, key in KEYS.items()}
    talker = CoapTalker(CoapPeer(TARGET, port, keys["door"]), "PUT", "/door", "application/json")
    window = CoapWindow(CoapPeer(TARGET, port, keys["admin"]), "/door", "admin")
    return AskUnpaired("door", MESSAGE, talker, window, 0.05).run(MemoryRecorder())


@pytest.mark.usefixtures("long_rounds", "dtls_alone")
def test_a_hub_that_knows_its_sensors_key_takes_nobody_elses_message() -> None:
    with dtls_server(Hub({"/door": b"-"}), KEYS) as port:
        seen = over_coap(port)
    assert not seen.seen
    assert seen.conclusive, seen.witness
    assert len(seen.facts) == 4
    assert "door: DTLS without a credential" in seen.refused


@pytest.mark.usefixtures("long_rounds")
def test_a_hub_without_security_takes_the_message_of_whoever_comes() -> None:
    hub = Hub({"/door": b"-"})
    hub.rights = frozenset({""})
    with udp_server(hub) as port:
        seen = over_coap(port, secured=False)
    assert seen.seen == {"door: without security"} and seen.conclusive


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize("said", [(), (b"",), (b"", b"\0")])
def test_a_port_that_says_nothing_of_dtls_proves_nothing(said: tuple[bytes, ...]) -> None:
    def answer(_data: bytes, say: Callable[[bytes], object]) -> None:
        for data in said:
            say(data)

    with udp_server(answer) as port:
        seen = over_coap(port)
    assert not seen.seen and not seen.conclusive
