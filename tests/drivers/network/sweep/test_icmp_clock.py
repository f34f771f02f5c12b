from drivers.network.sweep.icmp_clock import FIRST_INTERVAL, IcmpClock


def test_before_anything_was_heard_an_answer_is_due_at_any_time() -> None:
    assert IcmpClock().is_due(0.0)


def test_the_interval_is_learnt_from_the_gaps_between_messages() -> None:
    clock = IcmpClock()
    for number in range(6):
        clock.hear(number * 0.3)
    assert 0.29 < clock.interval < 0.31
    assert not clock.is_due(1.6)
    assert clock.is_due(1.9)


def test_messages_that_came_at_once_say_nothing_of_the_interval() -> None:
    clock = IcmpClock()
    for number in range(6):
        clock.hear(number * 0.001)
    assert clock.interval == FIRST_INTERVAL
    assert clock.heard == 6


def test_one_long_gap_does_not_spoil_the_interval() -> None:
    clock = IcmpClock()
    for now in (0.0, 1.0, 2.0, 60.0, 61.0):
        clock.hear(now)
    assert clock.interval == 1.0


def test_the_next_question_is_asked_sooner_while_an_answer_is_due() -> None:
    clock = IcmpClock()
    clock.hear(0.0)
    assert clock.pause(0.5) > clock.pause(1.5)
