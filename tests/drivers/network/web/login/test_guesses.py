"""Guesses at a login form: few connections and requests, the same answers, and hostile devices."""

import tracemalloc

import pytest

from drivers.guessing.attempt import Pair
from drivers.guessing.logins import Guesses, GuessLogins
from drivers.network.target import Target
from drivers.network.web.login.guesses import FormDoor
from lab_config.bench import NetworkBench
from lab_config.http_login import HttpLogin
from tests.drivers.network import tcp_servers as tcp
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import LOGIN, PASSWORDS, Device, running
from trustprobe.probe import Answer

WRONG = tuple(Pair("admin", f"wrong {number}", "list") for number in range(24))
RIGHT = Pair("viewer", PASSWORDS["viewer"], "list")


def guess(device: Device, *pairs: Pair, login: HttpLogin = LOGIN, at_once: int = 1, seconds: float = 5.0) -> Guesses:
    target = Target(device.target.bench.model_copy(update={"logins_at_once": at_once}))
    door = FormDoor(target, device.service, login, seconds)
    return GuessLogins(door, pairs, "admin", PASSWORDS["admin"]).run(MemoryRecorder())


@pytest.mark.parametrize("habits", [(), ("keeps_connections",)])
@pytest.mark.parametrize("tls", [False, True])
def test_the_one_right_guess_gets_in_and_the_others_are_refused(habits: tuple[str, ...], tls: bool) -> None:
    with running(*habits, tls=tls) as device:
        found = guess(device, *WRONG, RIGHT, at_once=3)
        assert not device.sessions
    assert found.seen == {RIGHT.about}
    assert len(found.refused) == len(WRONG)
    assert found.conclusive


def test_a_device_that_keeps_connections_is_asked_over_few_of_them_and_no_more_than_is_needed() -> None:
    with running("keeps_connections") as device:
        guess(device, *WRONG)
    logins = device.requests.count("POST /login")
    controls = logins - len(WRONG) - 2
    assert device.requests.count("POST /logout") == controls
    # The proof of each control, with its session and without, and of the first refusal.
    assert device.requests.count("GET /home") <= 2 * controls + 1
    assert device.requests.count("GET /login") < logins // 2
    assert device.connections <= 2 * controls + 3


def test_a_form_with_a_token_for_each_visit_is_opened_before_each_guess() -> None:
    with running("keeps_connections", "token_of_a_visit") as device:
        found = guess(device, *WRONG, RIGHT)
    assert found.seen == {RIGHT.about}
    assert device.requests.count("GET /login") >= device.requests.count("POST /login")


def test_a_device_that_answers_login_and_refusal_alike_is_judged_by_the_proof_each_time() -> None:
    with running("keeps_connections", "same_answer_always") as device:
        found = guess(device, *WRONG, RIGHT)
    assert found.seen == {RIGHT.about}
    assert device.requests.count("GET /home") > len(WRONG)


def test_a_device_that_takes_any_password_is_seen_as_such() -> None:
    with running("keeps_connections", "any_password") as device:
        found = guess(device, *WRONG, RIGHT)
    assert found.accepts_anything
    assert found.seen == {WRONG[-1].about, RIGHT.about}


def test_a_ban_that_nobody_declared_ends_the_guesses() -> None:
    with running("keeps_connections", "bans_after_refusal") as device:
        found = guess(device, *WRONG, RIGHT)
    assert not found.conclusive
    assert not found.seen
    assert device.requests.count("POST /login") == 2


def test_a_form_that_redirects_for_ever_ends_after_the_first_control() -> None:
    with running("keeps_connections") as device:
        found = guess(device, *WRONG, login=LOGIN.model_copy(update={"form": "/around"}))
    assert len(found.silent) == len(WRONG)
    assert not found.conclusive
    assert len(device.requests) < 12


def test_refusals_of_megabytes_are_read_to_a_bound() -> None:
    with running("keeps_connections", "megabytes") as device:
        tracemalloc.start()
        found = guess(device, *WRONG[:12], RIGHT, at_once=2)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.seen == {RIGHT.about}
    assert len(found.refused) == 12
    assert most < 64 << 20


@pytest.mark.parametrize("form", ["/endless", "/drip", "/mute", "/drop", "/nonsense"])
def test_a_form_that_is_none_proves_nothing_in_bounded_time(form: str) -> None:
    with running() as device:
        found = guess(device, *WRONG, login=LOGIN.model_copy(update={"form": form}), seconds=0.1)
    assert found.named(Answer.SILENT) == {pair.about for pair in WRONG}
    assert not found.conclusive
    assert device.requests.count("GET /home") <= 2


def test_a_tarpit_proves_nothing() -> None:
    with running() as device, tcp.serve(tcp.silent) as port:
        device.port, own = port, device.port
        found = guess(device, *WRONG, seconds=0.2)
        device.port = own
    assert len(found.silent) == len(WRONG)
    assert not found.conclusive


def test_the_bench_says_how_many_are_tried_at_once() -> None:
    bench = NetworkBench(address="127.0.0.1", logins_at_once=7)
    with running() as device:
        assert FormDoor(Target(bench), device.service, LOGIN).at_once == 7
