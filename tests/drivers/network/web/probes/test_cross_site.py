import pytest

from drivers.guessing.attempt import LoginAttempt
from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.sessions import Entered, enter
from drivers.network.web.probes import cross_site
from drivers.network.web.probes.cross_site import ELSEWHERE, WAYS, CrossSite
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.session_device import SETTING, USER, Device, running
from trustprobe.probe import Observation, Recorder

OPEN = "SameSite=None; Path=/"


def asked(device: Device) -> Observation:
    return CrossSite(device.web, SETTING).run(MemoryRecorder())


def test_a_hardened_device_refuses_every_way_and_its_own_page_gets_through() -> None:
    with running("checks_origin") as device:
        seen = asked(device)
        assert device.name == "Gate"
        assert not device.sessions
    assert seen.refused == set(WAYS)
    assert seen.conclusive


@pytest.mark.parametrize(
    ("habit", "guards", "way"),
    [
        ("takes_link", "SameSite=Lax; Path=/", "link"),
        ("takes_link", OPEN, "link"),
        ("takes_form", OPEN, "form"),
        ("takes_form", "Path=/", "form"),  # there are browsers that take Lax for granted, and those that do not
        ("takes_text", OPEN, "text"),
        ("cors_open", OPEN, "script"),
    ],
)
def test_a_change_that_another_site_made_is_seen_and_put_back(habit: str, guards: str, way: str) -> None:
    with running(habit, guards=guards) as device:
        seen = asked(device)
        assert device.name == "Gate"
    assert seen.seen == {way}
    assert seen.refused == set(WAYS) - {way}


@pytest.mark.parametrize(
    ("habit", "guards", "way"),
    [
        ("takes_link", "SameSite=Strict; Path=/", "link"),
        ("takes_form", "SameSite=Lax; Path=/", "form"),
        ("takes_text", "SameSite=Strict; Path=/", "text"),
        ("cors_open", "SameSite=Lax; Path=/", "script"),
    ],
)
def test_a_cookie_that_browsers_keep_back_protects_and_is_named_as_what_alone_does(
    habit: str, guards: str, way: str
) -> None:
    with running(habit, guards=guards) as device:
        seen = asked(device)
    assert way in seen.refused
    assert f"{guards.partition(';')[0]} and nothing else" in seen.detail(way)


@pytest.mark.parametrize(
    ("credential", "seen"),
    [("Basic YWRtaW46cmlnaHQ=", {"form"}), ("basic YWRtaW46cmlnaHQ=", {"form"}), ("Bearer t0k3n", set())],
)
def test_a_browser_sends_the_password_of_basic_from_any_site_and_no_token(
    credential: str, seen: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def entered(web: Administration, record: Recorder) -> Entered | LoginAttempt:
        inside = enter(web, record)
        assert isinstance(inside, Entered)
        inside.session.cookies.clear()
        inside.session.headers["Authorization"] = credential
        return inside

    monkeypatch.setattr(cross_site, "enter", entered)
    with running("takes_form") as device:
        device.credentials = frozenset({credential})
        observed = asked(device)
        assert device.name == "Gate"
    assert observed.seen == seen
    assert observed.conclusive


def test_what_the_device_refuses_by_itself_as_well_is_said() -> None:
    with running() as device:
        seen = asked(device)
    assert "SameSite=Strict and the device itself" in seen.detail("form")
    assert "a browser sends a preflight" in seen.detail("script")


@pytest.mark.parametrize("protection", ["checks_origin", "asks_for_token"])
def test_a_check_of_origin_or_token_protects_where_the_cookie_does_not(protection: str) -> None:
    with running("takes_form", "takes_text", "cors_open", protection, guards=OPEN) as device:
        seen = asked(device)
        assert device.name == "Gate"
    assert seen.refused == set(WAYS)
    assert seen.conclusive


def test_a_device_that_ends_the_abused_session_is_logged_in_to_again_and_its_setting_put_back() -> None:
    with running("ends_abused_session", guards=OPEN) as device:
        seen = asked(device)
        assert device.name == "Gate"
    assert seen.refused == set(WAYS)
    assert seen.conclusive


def test_a_device_that_hangs_up_on_other_sites_is_silent_beside_its_own_page() -> None:
    with running("hangs_up_on_others", guards=OPEN) as device:
        seen = asked(device)
        assert device.name == "Gate"
    assert seen.silent == set(WAYS)
    assert seen.conclusive


def test_an_answer_that_says_ok_and_changes_nothing_is_a_refusal() -> None:
    with running("says_200", guards=OPEN) as device:
        seen = asked(device)
    assert seen.refused == set(WAYS)


def test_a_setting_that_even_its_own_page_does_not_change_proves_nothing() -> None:
    with running("says_only") as device:
        seen = asked(device)
    assert not seen.conclusive


def test_a_setting_that_reads_as_its_example_already_is_changed_all_the_same() -> None:
    with running("takes_form", guards=OPEN, name=SETTING.example) as device:
        seen = asked(device)
        assert device.name == SETTING.example
    assert seen.seen == {"form"}
    assert seen.conclusive


def test_without_the_login_nothing_is_sent_from_elsewhere() -> None:
    with running() as device:
        seen = CrossSite(device.web.as_user(Login(USER, "wrong")), SETTING).run(MemoryRecorder())
        assert not [path for _, path, _ in device.requests if "settings" in path]
    assert seen.silent == set(WAYS)
    assert not seen.conclusive


def test_requests_of_another_site_look_as_browsers_send_them() -> None:
    with running(guards=OPEN) as device:
        asked(device)
        sent = [(method, headers) for method, _, headers in device.requests if "Sec-Fetch-Site" in headers]
    foreign = [(method, headers) for method, headers in sent if headers["Sec-Fetch-Site"] == "cross-site"]
    assert {method for method, _ in foreign} == {"GET", "POST", "OPTIONS"}
    for method, headers in foreign:
        assert ("Cookie" in headers) is (method != "OPTIONS")
        assert headers.get("Origin") == (None if method == "GET" else ELSEWHERE)
        assert "X-CSRF-Token" not in headers
