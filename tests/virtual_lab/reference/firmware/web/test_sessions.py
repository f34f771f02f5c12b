from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import VIEWER, Account
from virtual_lab.reference.firmware.web.sessions import IDLE_SECONDS, Sessions

SOMEBODY = Account("somebody", VIEWER, (), b"", b"")


def test_a_session_ends_when_it_was_idle_for_too_long() -> None:
    now = 0.0
    sessions = Sessions(Defects(), clock=lambda: now)
    token = sessions.begin(SOMEBODY)
    now = IDLE_SECONDS
    assert sessions.account(token) is SOMEBODY
    now = 2 * IDLE_SECONDS + 1

    assert sessions.account(token) is None


def test_many_logins_push_out_the_one_idle_longest() -> None:
    now = 0.0
    sessions = Sessions(Defects(), clock=lambda: now)
    tokens = []
    for _ in range(65):
        now += IDLE_SECONDS / 100
        tokens.append(sessions.begin(SOMEBODY))

    assert sessions.account(tokens[0]) is None
    assert all(sessions.account(token) for token in tokens[1:])


def test_no_token_is_nobody() -> None:
    assert Sessions(Defects()).account(None) is None
    assert Sessions(Defects()).account("") is None
