import pytest

from drivers.login import Login
from drivers.network.web.probes.cookie_flags import FLAGS, ReadCookieFlags, wider
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.session_device import USER, running


@pytest.mark.parametrize(
    ("domain", "host", "objected"),
    [
        ("", "camera.local", False),
        ("camera.local", "camera.local", True),
        ("local", "camera.local", True),
        ("10.0.0.9", "10.0.0.9", False),
        ("fe80::1", "fe80::1%eth0", False),
        ("example.com", "10.0.0.9", True),
    ],
)
def test_a_domain_means_other_hosts_as_well_unless_it_is_an_address(domain: str, host: str, objected: bool) -> None:
    assert bool(wider(domain, host)) is objected


def test_a_guarded_cookie_has_every_guard() -> None:
    with running(tls=True, guards="Secure; HttpOnly; SameSite=Strict; Path=/") as device:
        seen = ReadCookieFlags(device.web, ("/api/settings",)).run(MemoryRecorder())
    assert seen.seen == set(FLAGS)
    assert seen.cookies == ("sid",)  # and not the theme, which opens nothing
    assert seen.conclusive


@pytest.mark.parametrize(
    ("guards", "missing"),
    [
        ("HttpOnly; SameSite=Strict; Path=/", {"secure"}),
        ("Secure2; SameSite=Strict; Path=/", {"secure", "http_only"}),
        ("HttpOnly; SameSite=None; Path=/", {"secure", "same_site"}),
        ("HttpOnly; SameSite=; Path=/", {"secure", "same_site"}),
        ("HttpOnly; SameSite=Lax; Path=/home", {"secure", "path"}),
    ],
)
def test_each_guard_that_is_missing_is_refused_with_its_header(guards: str, missing: set[str]) -> None:
    with running(guards=guards) as device:
        seen = ReadCookieFlags(device.web, ("/api/settings",)).run(MemoryRecorder())
    assert seen.refused == missing
    assert all("sid=[" in seen.detail(flag) for flag in missing)


def test_of_two_cookies_that_carry_a_session_each_has_to_be_guarded() -> None:
    with running("two_cookies") as device:
        seen = ReadCookieFlags(device.web).run(MemoryRecorder())
    assert set(seen.cookies) == {"sid", "half"}
    assert {"http_only", "same_site"} <= seen.refused


def test_no_value_of_a_cookie_is_kept() -> None:
    record = MemoryRecorder()
    with running() as device:
        ReadCookieFlags(device.web).run(record)
        tokens = [headers.get("Cookie", "").partition("sid=")[2][:32] for _, _, headers in device.requests]
    kept = "".join(record.notes) + "".join(data.decode() for data in record.kept.values())
    assert "sid=[32 characters]" in kept
    assert not [token for token in tokens if token and token in kept]


def test_without_the_login_nothing_is_said_of_the_cookie() -> None:
    with running() as device:
        seen = ReadCookieFlags(device.web.as_user(Login(USER, "wrong"))).run(MemoryRecorder())
    assert seen.silent == set(FLAGS)
    assert not seen.conclusive
