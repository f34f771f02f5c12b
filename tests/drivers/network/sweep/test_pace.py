from drivers.network.sweep.pace import CALM_SECONDS, FLOOR, START, SweepPace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def spend_a_second(pace: SweepPace, clock: Clock) -> None:
    for _ in range(10):
        pace.spend(pace.per_second // 10)
        clock.now += 0.1


def test_a_pace_begins_gently_and_doubles_up_to_its_ceiling() -> None:
    pace = SweepPace(50_000)
    assert pace.per_second == START
    rates = []
    for _ in range(6):
        pace.rise()
        rates.append(pace.per_second)
    assert rates == [4_000, 8_000, 16_000, 32_000, 50_000, 50_000]


def test_a_ceiling_below_the_beginning_is_never_passed() -> None:
    pace = SweepPace(50)
    pace.rise()
    assert pace.per_second == 50
    pace.halve()
    assert pace.per_second == 50


def test_after_a_loss_a_pace_is_half_as_fast_and_rises_slowly() -> None:
    pace = SweepPace(50_000)
    pace.halve()
    assert pace.per_second == START // 2
    pace.rise()
    assert START // 2 < pace.per_second < START * 0.6
    for _ in range(100):
        pace.halve()
    assert pace.per_second == FLOOR


def test_a_device_that_fell_silent_is_not_asked_nearly_as_fast_again() -> None:
    clock = Clock()
    pace = SweepPace(50_000, clock)
    spend_a_second(pace, clock)
    pace.silenced()
    assert pace.per_second <= START // 2
    for _ in range(100):
        pace.rise()
    assert pace.per_second == pace.limit < START


def test_a_calm_device_is_tried_faster_until_it_falls_silent_again_and_then_gets_what_it_bore() -> None:
    clock = Clock()
    pace = SweepPace(50_000, clock)
    spend_a_second(pace, clock)
    pace.silenced()
    borne = pace.limit
    clock.now += CALM_SECONDS
    for _ in range(100):
        pace.rise()
    assert borne < pace.per_second <= borne * 3 // 2
    spend_a_second(pace, clock)
    pace.silenced()
    for _ in range(100):
        clock.now += CALM_SECONDS
        pace.rise()
    assert borne * 0.8 < pace.per_second <= borne


def test_a_late_sender_does_not_make_up_for_it_by_a_burst() -> None:
    clock = Clock()
    pace = SweepPace(1_000, clock)
    clock.now += 10.0
    pace.spend(100)
    assert pace.wait() > 0.09


def test_windows_are_small_in_the_beginning_and_a_tenth_of_a_second_later() -> None:
    pace = SweepPace(5_000)
    assert pace.window == 64
    pace.rise()
    pace.rise()
    assert pace.window == 500
    assert SweepPace(200_000).batch == 4
    assert SweepPace(100).window == 32
