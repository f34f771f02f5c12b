import re

import pytest

from drivers.data import table
from drivers.guessing.attempt import Pair
from drivers.guessing.lists import public_passwords, well_known

EVERY = ("vendor", "general", "mirai")


def abouts(pairs: tuple[Pair, ...]) -> list[str]:
    return [pair.about for pair in pairs]


def test_the_published_set_of_mirai_has_62_entries_of_which_two_stand_there_twice() -> None:
    entries = [(entry["user"], entry["password"]) for entry in table("credentials_mirai")["pairs"]]
    assert len(entries) == 62
    assert len(set(entries)) == 60
    assert entries[0] == ("root", "xc3511")
    assert len(well_known("telnet", ("mirai",), "", "", 500)) == 60


def test_each_pair_is_asked_once_and_names_its_origin() -> None:
    pairs = well_known("ssh", EVERY, "Dahua Technology", "IPC-HFW", 500)
    assert len(set(abouts(pairs))) == len(pairs)
    assert all(pair.origin for pair in pairs)
    assert all(isinstance(one, str) for pair in pairs for one in (pair.user, pair.password))


@pytest.mark.parametrize(
    ("manufacturer", "model", "about"),
    [
        ("Hangzhou Hikvision", "DS-2CD", "admin:12345"),
        ("TP-LINK", "Archer", "admin:admin"),
        ("Somebody", "Raspberry Pi 4 hub", "pi:raspberry"),
    ],
)
def test_the_pairs_of_the_maker_come_first(manufacturer: str, model: str, about: str) -> None:
    assert abouts(well_known("ssh", EVERY, manufacturer, model, 500))[0] == about


def test_other_makers_pairs_are_not_asked() -> None:
    assert well_known("ssh", ("vendor",), "Halcyon Imaging", "Halcyon Vista 2", 500) == ()
    assert well_known("ssh", ("vendor",), "Taxis Inc", "Reactive", 500) == ()


def test_the_number_of_pairs_is_bounded_and_an_interface_may_have_its_own() -> None:
    assert len(well_known("ssh", EVERY, "", "", 5)) == 5
    assert abouts(well_known("ftp", ("general",), "", "", 1)) == ["anonymous:anonymous@example.com"]
    with pytest.raises(KeyError, match="guesses"):
        well_known("ssh", ("guesses",), "", "", 5)


def test_every_vendor_has_a_pattern_that_finds_it_and_an_origin() -> None:
    for row in table("credentials_vendor")["vendors"]:
        assert re.search(row["match"], row["vendor"], re.IGNORECASE), row["vendor"]
        assert row["origin"] and row["pairs"]


def test_whoever_has_a_listed_password_has_no_secret() -> None:
    assert {"admin", "xc3511", "hik12345"} <= public_passwords()


def test_the_user_name_and_an_empty_password_are_among_the_guesses_at_each_user() -> None:
    pairs = abouts(well_known("telnet", ("vendor", "general"), "Dahua Technology", "IPC-HFW", 500))
    users = {about.split(":", 1)[0] for about in pairs if not about.startswith(":")}
    assert {f"{user}:{user}" for user in users} <= set(pairs)
    assert {f"{user}:" for user in users} <= set(pairs)
