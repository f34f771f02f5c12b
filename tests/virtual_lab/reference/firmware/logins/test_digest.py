import pytest

from drivers.network.web.transport.authentication import authorization, challenges
from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.logins.accounts import HTTP_API, RTSP, VIEWER, Account, Accounts
from virtual_lab.reference.firmware.logins.digest import DigestLogin
from virtual_lab.reference.firmware.logins.digest_secret import digest_secret
from virtual_lab.reference.firmware.logs.syslog import Log

URI = "rtsps://192.0.2.10:322/live/main"
PEOPLE = (Account.create("viewer", VIEWER, (RTSP,), "right"),)


def accounts(*defects: str) -> Accounts:
    planted = Defects(defects)
    return Accounts(PEOPLE, planted, Log("test", planted), digests={"viewer": digest_secret("viewer", "right")})


def answered(login: DigestLogin, user: str, password: str, *, method: str = "DESCRIBE", challenge: str = "") -> object:
    (one,) = challenges(challenge or login.challenge())
    return login.login(authorization(one, user, password, "DESCRIBE", URI), method, URI, "127.0.0.1")


def test_the_right_password_gets_in_once_with_each_nonce() -> None:
    login = DigestLogin(accounts(), RTSP)
    challenge = login.challenge()
    assert isinstance(answered(login, "viewer", "right", challenge=challenge), Account)
    assert "stale=true" in str(answered(login, "viewer", "right", challenge=challenge))


@pytest.mark.parametrize(
    ("user", "password", "method"),
    [("viewer", "wrong", "DESCRIBE"), ("nobody", "right", "DESCRIBE"), ("viewer", "right", "PLAY")],
)
def test_what_does_not_prove_the_password_of_this_request_is_asked_again(user: str, password: str, method: str) -> None:
    assert "stale" not in str(answered(DigestLogin(accounts(), RTSP), user, password, method=method))


@pytest.mark.parametrize("credential", [None, "", "Basic dTpw", "Digest ", 'Digest username="viewer"', "\x00" * 9_000])
def test_what_is_no_answer_gets_a_challenge(credential: str | None) -> None:
    assert str(DigestLogin(accounts(), RTSP).login(credential, "PLAY", URI, "127.0.0.1")).startswith("Digest realm=")


def test_an_account_may_log_in_on_its_interfaces_only_and_is_locked_out_there() -> None:
    device = accounts()
    assert isinstance(answered(DigestLogin(device, HTTP_API), "viewer", "right"), str)
    login = DigestLogin(device, RTSP)
    for _ in range(10):
        answered(login, "viewer", "wrong")
    assert isinstance(answered(login, "viewer", "right"), str)
    free = DigestLogin(accounts("no_lockout_rtsp"), RTSP)
    for _ in range(10):
        answered(free, "viewer", "wrong")
    assert isinstance(answered(free, "viewer", "right"), Account)


def test_a_planted_way_in_is_open_beside_the_accounts() -> None:
    assert isinstance(answered(DigestLogin(accounts(), RTSP, ("admin", "admin")), "admin", "admin"), Account)
    assert isinstance(answered(DigestLogin(accounts(), RTSP), "admin", "admin"), str)


def test_a_changed_password_is_the_one_that_gets_in() -> None:
    device = accounts()
    login = DigestLogin(device, RTSP)
    device.change_password("viewer", "right", "another long one", "127.0.0.1")
    assert isinstance(answered(login, "viewer", "another long one"), Account)
    assert isinstance(answered(login, "viewer", "right"), str)


def test_nonces_that_nobody_answers_do_not_pile_up() -> None:
    login = DigestLogin(accounts(), RTSP)
    for _ in range(2_000):
        login.challenge()
    assert len(login._nonces) <= 512
