"""The pass through batches: what is sent again alone, what is called damage, and what is left open."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from drivers.network.malformed.messages.message import Message, MessageSeries
from drivers.network.malformed.sending import watch as watching
from drivers.network.malformed.sending.carrier import Carrier
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival, Starts
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.target import Target
from lab_config.bench import NetworkBench
from lab_config.component import Service
from tests.drivers.network.malformed.victim import Habit, Victim
from tests.drivers.recorder import MemoryRecorder
from trustprobe.errors import DeviceLostError
from trustprobe.probe import Witness

TARGET = Target(NetworkBench(address="127.0.0.1"))
MESSAGES = tuple(Message(name, name.encode(), "a test") for name in ("one", "two", "bad", "four", "five"))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(watching, "MOMENT", 0.2)
    yield


def service(port: int) -> Service:
    return Service.model_validate(
        {"id": "web", "transport": "tcp", "port": port, "protocol": "http", "purpose": "a test"}
    )


class Device:
    """Counts what reaches it, and starts again behind `bad`, or behind `several` that came without a look between."""

    def __init__(self, *, several: int = 0, carries: bool = True) -> None:
        self.start, self.restarts = 1, True
        self.came: list[str] = []
        self._several, self._carries = several, carries

    def deliver(self, message: Message) -> Reaction:
        self.came.append(message.name)
        if message.name == "bad" and self.restarts and not self._several:
            self.start += 1
        return Reaction(self._carries, b"", "sent")

    def deliver_all(self, batch: object) -> list[Reaction]:
        names = list(batch)  # type: ignore[call-overload]
        if self._several and len(names) >= self._several:
            self.start += 1
        return [self.deliver(one) for one in names]


def passing(
    device: Device,
    *,
    batch: int = 3,
    also: Callable[[], str | None] | None = None,
    reached: Callable[[], Witness] | None = None,
    together: bool = False,
    healthy: bytes = b"",
) -> MalformedInput:
    record = MemoryRecorder()
    with Victim(Habit.ANSWERS) as victim:
        liveness = Liveness(TARGET, service(victim.port))

        def wrong() -> str | None:
            return (also() if also else None) or (f"start {device.start}" if device.start % 2 == 0 else None)

        def begun() -> None:
            device.start += 1

        revival = Revival(1.0, starts=Starts(lambda: str(device.start)), revive=begun)
        with Watch(liveness, revival, record.note, wrong) as watch:
            every = None if together or not device._several else device.deliver_all
            carrier = Carrier(device.deliver, batch, together, every, reached, healthy)
            series = MessageSeries("test", 1, MESSAGES)
            return Round("a test", series, carrier, lambda one: f"{one.name}.bin", watch, record).run()


def test_a_batch_that_is_taken_well_is_looked_at_once() -> None:
    looks: list[int] = []
    device = Device()
    device.deliver = lambda message: Reaction(True, b"", "sent")  # type: ignore[method-assign]
    seen = passing(device, batch=5, also=lambda: looks.append(1))
    assert seen.refused == {message.name for message in MESSAGES}
    assert seen.conclusive
    assert len(looks) == 2, "one before the messages, one behind them"


def test_the_message_of_a_batch_behind_which_damage_is_found_by_sending_each_alone() -> None:
    device = Device()
    seen = passing(device)
    assert seen.seen == {"bad"}
    assert seen.culprit == "bad.bin"
    assert device.came[:5] == ["one", "two", "bad", "one", "two"]
    assert seen.silent == {"four", "five"}, "what was not sent says so"


def test_damage_that_only_several_together_do_names_them_all() -> None:
    seen = passing(Device(several=3))
    (about,) = seen.seen
    assert about == "3 messages (one, two, bad) together"
    assert "not after one of them alone; when they were sent together again, again start" in seen.detail(about)
    assert seen.repeated


def test_what_a_busy_device_did_not_take_at_once_is_sent_again_alone() -> None:
    device = Device(carries=False)
    device.restarts = False
    seen = passing(device, batch=2, together=True)
    assert device.came.count("one") == 2
    assert not seen.conclusive
    assert seen.witness is not None
    assert "messages reached a test" in seen.witness.what


def test_what_is_not_well_before_the_first_message_leaves_the_question_open() -> None:
    device = Device()
    seen = passing(device, also=lambda: "nobody asks")
    assert device.came == []
    assert not seen.conclusive
    assert seen.witness is not None
    assert seen.witness.what == "before the first message: nobody asks"


def test_a_way_that_was_not_seen_to_carry_proves_nothing() -> None:
    device = Device()
    device.deliver = lambda message: Reaction(True, b"", "sent")  # type: ignore[method-assign]
    seen = passing(device, reached=lambda: Witness(what="the frames were lost", holds=False))
    assert not seen.seen
    assert not seen.conclusive


def test_a_start_behind_messages_that_were_broken_off_is_not_laid_at_the_door_of_the_next_ones() -> None:
    device = Device()
    starts = Starts(lambda: str(device.start))
    with Victim(Habit.ANSWERS) as victim:
        with pytest.raises(RuntimeError, match="the bench"):
            with watching_one(victim, starts) as watch:
                assert watch.begin()
                device.start += 1
                raise RuntimeError("the bench")
        with watching_one(victim, starts) as watch:
            assert watch.begin()
            assert watch.restarted() is None
            device.start += 1
            assert watch.restarted() is not None


def test_a_start_behind_a_service_that_was_left_gone_is_not_laid_at_the_door_of_the_next_messages() -> None:
    device = Device()
    starts = Starts(lambda: str(device.start))
    with Victim(Habit.ANSWERS) as victim:
        with watching_one(victim, starts) as watch:
            assert watch.begin()
            watch.gone = True
        device.start += 1
        with watching_one(victim, starts) as watch:
            assert watch.begin()
            assert watch.restarted() is None


def test_a_start_that_makes_a_client_ask_before_the_first_message_is_not_the_messages() -> None:
    device = Device()
    starts = Starts(lambda: str(device.start))
    starts.now()

    def asks() -> None:
        device.start += device.start == 1

    with Victim(Habit.ANSWERS) as victim:
        liveness = Liveness(TARGET, service(victim.port))
        with Watch(liveness, Revival(1.0, starts=starts), MemoryRecorder().note, asks) as watch:
            assert watch.begin()
            assert watch.restarted() is None


@pytest.mark.parametrize(("again", "found"), [(True, {"bad"}), (False, set())])
def test_a_device_that_is_lost_behind_a_batch_is_damaged_where_its_start_shows_that(
    again: bool, found: set[str]
) -> None:
    device = Device()
    device.restarts = again
    looks = count()

    def lost() -> None:
        if next(looks) == 1:  # the first one is before any message
            device.start += device.start % 2 == 0  # it is back
            raise DeviceLostError("no answer to a login")

    seen = passing(device, also=lost)
    assert seen.conclusive
    assert seen.seen == found


def watching_one(victim: Victim, starts: Starts) -> Watch:
    """A watch over the service and the device's start."""
    return Watch(Liveness(TARGET, service(victim.port)), Revival(1.0, starts=starts), MemoryRecorder().note)


class Picky(Device):
    """A device that starts again after a message for which `hurts` is true."""

    def __init__(self, hurts: Callable[[Message], bool]) -> None:
        super().__init__()
        self.hurts = hurts

    def deliver(self, message: Message) -> Reaction:
        self.came.append(message.name)
        self.start += self.hurts(message)
        return Reaction(True, b"", "sent")


def test_a_message_is_blamed_after_a_healthy_one_of_the_same_shape_did_nothing() -> None:
    device = Picky(lambda message: message.name == "bad")
    seen = passing(device, batch=1, healthy=b"HELLO 123")
    assert seen.seen == {"bad"}
    assert device.came[-2:] == ["control", "control"]
    assert seen.repeated


@pytest.mark.parametrize("batch", [1, 3])
def test_a_service_that_a_healthy_message_stops_too_is_laid_at_no_messages_door(batch: int) -> None:
    seen = passing(Picky(lambda message: message.name in {"bad", "control"}), batch=batch, healthy=b"HELLO 123")
    assert not seen.seen
    assert not seen.conclusive
    assert "so after a healthy request that was sent in the same way" in seen.unproven


@pytest.mark.parametrize("batch", [1, 3])
def test_a_service_that_any_half_sent_request_stops_is_described_as_that(batch: int) -> None:
    half = Picky(lambda message: message.name == "bad" or (message.name == "control" and message.data == b"HELL"))
    seen = passing(half, batch=batch, healthy=b"HELLO 123")
    assert seen.seen == {"any half-sent request"}
    assert "Half of a healthy request does the same" in seen.detail("any half-sent request")
    assert seen.culprit == "bad.bin"


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_one_unrelated_start_is_laid_at_no_messages_door_and_the_round_goes_on(batch: int) -> None:
    once = iter([True])
    device = Picky(lambda message: message.name == "two" and next(once, False))
    seen = passing(device, batch=batch)
    assert not seen.seen
    assert not seen.conclusive
    assert "What does not happen again has other causes" in seen.unproven
    assert device.came[-1] == MESSAGES[-1].name


def test_one_unrelated_start_does_not_hide_the_message_that_hurts_each_time() -> None:
    once = iter([True])
    device = Picky(lambda message: message.name == "bad" or (message.name == "one" and next(once, False)))
    seen = passing(device, batch=1)
    assert seen.seen == {"bad"}
