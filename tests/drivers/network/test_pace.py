import pytest

from drivers.network.pace import FIRST_SECONDS, MOST_SECONDS, PATHS_MOST, RECENT_SECONDS, REFUSALS, DoorPace, DoorPaces
from drivers.network.target import Target
from lab_config.bench import NetworkBench


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


class Bucket:
    """A server that allows one request per `each` seconds, and `burst` more at once. It counts what it limits."""

    def __init__(self, clock: Clock, each: float, burst: int) -> None:
        self.clock, self.each, self.burst = clock, each, burst
        self.level, self.at, self.limited = 0.0, clock(), 0

    def allows(self) -> bool:
        self.level = max(0.0, self.level - (self.clock() - self.at) / self.each)
        self.at = self.clock()
        if self.level > self.burst:
            self.limited += 1
            return False
        self.level += 1
        return True


def pace_of(clock: Clock, patience: float = 60.0) -> DoorPace:
    return DoorPace(patience, clock, clock.wait)


@pytest.mark.parametrize(("each", "burst"), [(2.0, 20), (0.5, 5), (0.1, 0), (6.0, 3)])
def test_requests_keep_to_the_rate_that_the_device_allows(each: float, burst: int) -> None:
    clock = Clock()
    pace, server, answered = pace_of(clock, 1_000.0), Bucket(clock, each, burst), 0
    while answered < 100:
        sent = pace.turn()
        if server.allows():
            pace.answered()
            answered += 1
        else:
            assert pace.limited(sent, "429")
    assert clock.now - 100.0 < 2 * each * (100 - burst) + MOST_SECONDS
    assert server.limited < 60


def test_a_door_without_a_limit_never_waits() -> None:
    clock = Clock()
    pace = pace_of(clock)
    for _ in range(1_000):
        pace.turn()
        pace.answered()
    assert (clock.now, pace.waited, pace.exhausted) == (100.0, 0.0, "")


def test_the_time_that_the_device_states_is_waited_for() -> None:
    clock = Clock()
    pace = pace_of(clock)
    assert pace.limited(pace.turn(), "429", 40.0)
    assert pace.turn() == pytest.approx(140.0)


def test_a_time_that_is_longer_than_the_bench_waits_is_not_waited_for() -> None:
    clock = Clock()
    pace = pace_of(clock)
    assert not pace.limited(pace.turn(), "429", 61.0)
    pace.turn()
    assert clock.now < 100.0 + MOST_SECONDS


def test_many_limits_of_requests_that_were_sent_at_once_slow_down_once() -> None:
    clock = Clock()
    pace = pace_of(clock)
    sent = [pace.turn() for _ in range(8)]
    clock.now += 0.01
    for one in sent:
        pace.limited(one, "429")
    pace.turn()
    assert clock.now == pytest.approx(100.01 + FIRST_SECONDS)


def test_a_bench_whose_patience_is_used_up_asks_no_further_lists_and_says_so() -> None:
    clock = Clock()
    pace = pace_of(clock, 10.0)
    assert not pace.exhausted
    while clock.now < 111.0:
        pace.limited(pace.turn(), "429 Too Many Requests")
    assert "429 Too Many Requests" in pace.exhausted
    assert "patience_seconds" in pace.exhausted


def test_refused_connections_of_a_door_that_has_answered_are_tried_again_for_a_while() -> None:
    clock = Clock()
    pace = pace_of(clock)
    pace.turn()
    pace.answered()
    assert [pace.refused(times) for times in range(1, REFUSALS + 2)] == [True] * REFUSALS + [False]
    pace.turn()
    assert 0.5 < clock.now - 100.0 < 5
    assert not pace.refused(1)


def test_a_port_that_never_answered_is_closed() -> None:
    assert not pace_of(Clock()).refused(1)


def test_all_probes_of_a_port_share_one_pace() -> None:
    paces = DoorPaces(5.0)
    one, other = (Target(NetworkBench(address="192.0.2.1"), paces=paces) for _ in range(2))
    assert one.pace(443) is other.pace(443)
    assert one.pace(443) is not one.pace(80)
    assert one == other


def test_a_measurement_has_no_pace() -> None:
    assert Target(NetworkBench(address="192.0.2.1")).unpaced().pace(443) is None


def slowed(pace: DoorPace, *paths: str) -> list[str]:
    """The paths of which a request has to wait now."""
    found, clock = [], pace.clock()
    for path in paths:
        if pace.turn(path) > clock:
            found.append(path)
    return found


def limit(pace: DoorPace, path: str, retry_after: float | None = None, *, everywhere: bool = False) -> None:
    pace.limited(pace.turn(path), "429", retry_after, path, everywhere=everywhere)


def still(clock: Clock) -> DoorPace:
    """A pace whose waits move no clock."""
    return DoorPace(60.0, clock, lambda _: None)


@pytest.mark.parametrize(
    ("limited", "asked", "expected"),
    [
        (["/login"], ["/", "/status", "/logins", "/login/help"], []),
        (["/login"], ["/login", "/login/", "/login?user=1"], ["/login", "/login/", "/login?user=1"]),
        (["/login", "/login"], ["/status"], []),
        (["/api", "/api/login"], ["/status", "/"], []),
        (["/api/login", "/api"], ["/status"], []),
        (["/login", "/status"], ["/other", "/"], ["/other", "/"]),
        (["/api/a", "/api/b"], ["/other"], ["/other"]),
        (["/login", "/loginhelp"], ["/other"], ["/other"]),
        (["/", "/status"], ["/other"], ["/other"]),
        (["/"], ["/other"], []),
    ],
)
def test_only_a_path_is_slowed_down_until_another_one_is_limited(
    limited: list[str], asked: list[str], expected: list[str]
) -> None:
    pace = still(Clock())
    for path in limited:
        limit(pace, path)
    assert slowed(pace, *asked) == expected


@pytest.mark.parametrize(("path", "retry_after", "everywhere"), [("/", 5.0, False), ("/login", None, True)])
def test_what_is_about_the_whole_server_slows_down_every_path(
    path: str, retry_after: float | None, everywhere: bool
) -> None:
    pace = still(Clock())
    limit(pace, path, retry_after, everywhere=everywhere)
    assert slowed(pace, "/other") == ["/other"]


def test_two_limits_long_after_each_other_are_those_of_two_paths() -> None:
    clock = Clock()
    pace = still(clock)
    limit(pace, "/login")
    clock.now += RECENT_SECONDS + 1
    limit(pace, "/status")
    assert not slowed(pace, "/other")


def test_a_path_that_waits_keeps_no_other_waiting_and_uses_up_no_patience() -> None:
    clock = Clock()
    pace = still(clock)
    limit(pace, "/login", 40.0)
    for _ in range(3):
        assert pace.turn("/login") >= 140.0
    assert pace.turn("/other") == 100.0
    assert not pace.waited and not pace.exhausted


def test_a_path_becomes_faster_again_with_its_own_answers() -> None:
    clock = Clock()
    pace = pace_of(clock)
    limit(pace, "/login")
    for _ in range(100):
        pace.turn("/other")
        pace.answered("/other")
    assert slowed(pace, "/login") == ["/login"]
    for _ in range(100):
        pace.turn("/login")
        pace.answered("/login")
    assert not slowed(pace, "/login", "/login")


def test_a_device_that_limits_very_many_paths_is_slowed_down_as_a_whole() -> None:
    clock = Clock()
    pace = still(clock)
    for number in range(PATHS_MOST + 1):
        clock.now += RECENT_SECONDS + 1
        limit(pace, f"/{number}")
    assert slowed(pace, "/other") == ["/other"]


@pytest.mark.parametrize("paths", [["/login"], ["/a", "/b", "/c", "/d"]])
def test_requests_keep_to_a_rate_whether_it_is_of_a_path_or_of_the_server(paths: list[str]) -> None:
    clock = Clock()
    pace, server, answered = pace_of(clock, 1_000.0), Bucket(clock, 2.0, 5), 0
    while answered < 60:
        path = paths[answered % len(paths)]
        sent = pace.turn(path)
        if server.allows():
            pace.answered(path)
            answered += 1
        else:
            assert pace.limited(sent, "429", None, path, everywhere=False)
    assert clock.now - 100.0 < 2 * 2.0 * 60 + MOST_SECONDS
    assert server.limited < 60


@pytest.mark.parametrize("retry_after", [20.0, 1.0, None])
@pytest.mark.parametrize("answers_between", [0, 40])
def test_a_list_at_one_path_that_is_limited_by_itself_ends(retry_after: float | None, answers_between: int) -> None:
    clock, asked = Clock(), 0
    pace = pace_of(clock)
    while not pace.exhausted_at("/rpc?id=1"):
        asked += 1
        assert asked < 200, "the list is asked for hours"
        limit(pace, "/rpc", retry_after)
        for _ in range(answers_between):
            pace.turn("/rpc")
            pace.answered("/rpc")
    assert "limits requests of /rpc (429)" in pace.exhausted_at("/rpc")
    assert not pace.exhausted
    assert not pace.exhausted_at("/other")


@pytest.mark.parametrize("retry_after", [70.0, 90.0, 120.0])
def test_limits_are_those_of_the_server_if_each_follows_the_wait_for_another(retry_after: float) -> None:
    clock, asked = Clock(), 0
    pace = pace_of(clock, 120.0)
    while not pace.exhausted:
        asked += 1
        assert asked < 5, "each path is waited for by itself"
        limit(pace, f"/{asked}", retry_after)
        pace.turn(f"/{asked}")
        pace.answered(f"/{asked}")
        clock.now += 1.0


def test_requests_that_wait_for_one_path_at_the_same_time_use_up_its_patience_once() -> None:
    pace = still(Clock())
    limit(pace, "/rpc", 20.0)
    for _ in range(8):
        pace.turn("/rpc")
    assert not pace.exhausted_at("/rpc")
