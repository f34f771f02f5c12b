"""Each assertion about data at rest, on made-up images, shells and deletions."""

from collections.abc import Callable

import pytest

from drivers.storage.canary import SECRET, Deletion
from drivers.storage.permissions import ReadableSecrets
from suites.data_protection import test_storage as cases
from tests.suites.made_up import BROKEN, HOLDS, fails, needs, observed, passes, refused, seen, silent, stays_open
from trustprobe.probe import Fact, Observation, Witness

KEY = "/etc/ssl/device.key"
SHADOW = "/etc/shadow"


def image(*facts: Fact, witness: Witness = HOLDS) -> Observation:
    return observed(*facts, witness=witness)


def shell(*facts: Fact, witness: Witness = HOLDS) -> ReadableSecrets:
    return observed(*facts, kind=ReadableSecrets, witness=witness, account="viewer", shell=True)


def deletion(*facts: Fact, witness: Witness = HOLDS) -> Deletion:
    return observed(*facts, kind=Deletion, witness=witness, dumped=HOLDS)


CASES: dict[Callable[..., None], Callable[..., Observation]] = {
    cases.test_user_data_is_not_stored_in_clear_text: image,
    cases.test_no_secret_is_stored_in_clear_text: image,
    cases.test_only_an_administrators_account_can_read_a_secret: shell,
    cases.test_deleted_user_data_is_gone: deletion,
}
every_case = pytest.mark.parametrize(("case", "made"), CASES.items(), ids=[case.__name__ for case in CASES])


@every_case
def test_nothing_found_passes_if_the_witness_holds(case: Callable[..., None], made: Callable[..., Observation]) -> None:
    assert passes(case, made(silent(SECRET)))
    assert passes(case, made(refused(SECRET)))


@every_case
def test_nothing_found_without_a_witness_leaves_the_case_open(
    case: Callable[..., None], made: Callable[..., Observation]
) -> None:
    assert stays_open(case, made(silent(SECRET), witness=BROKEN), says=BROKEN.what)


@every_case
def test_a_find_fails_though_the_witness_is_broken(case: Callable[..., None], made: Callable[..., Observation]) -> None:
    assert fails(case, made(seen(SECRET, "at byte 4096"), witness=BROKEN), says="at byte 4096")


def test_user_data_in_clear_fails_with_its_place() -> None:
    found = image(seen(SECRET, "in clear at byte 512"))
    assert fails(cases.test_user_data_is_not_stored_in_clear_text, found, says="in the storage: in clear at byte 512")


def test_every_secret_in_the_image_is_reported() -> None:
    found = image(seen("tokens", "a token at byte 9"), silent("credentials"), seen("keys_pem", "a key at byte 7"))
    words = "in the storage: a key at byte 7; a token at byte 9"
    assert fails(cases.test_no_secret_is_stored_in_clear_text, found, says=words)


def test_every_readable_secret_is_reported_with_the_account() -> None:
    found = shell(seen(SHADOW, "mode 644 of root"), seen(KEY, "mode 666 of root"), refused("/etc/ppp/chap-secrets"))
    words = f"viewer can read {SHADOW} (mode 644 of root); {KEY} (mode 666 of root)"
    assert fails(cases.test_only_an_administrators_account_can_read_a_secret, found, says=words)


def test_every_place_that_still_shows_deleted_data_is_reported() -> None:
    found = deletion(seen("storage", "at byte 3"), seen("api", "GET /notes shows it"))
    words = "still there after the deletion: api: GET /notes shows it; storage: at byte 3"
    assert fails(cases.test_deleted_user_data_is_gone, found, says=words)


def test_cases_that_change_user_data_must_be_allowed() -> None:
    assert needs(cases.test_user_data_is_not_stored_in_clear_text) == ("configure",)
    assert needs(cases.test_no_secret_is_stored_in_clear_text) == ("configure",)
    assert needs(cases.test_only_an_administrators_account_can_read_a_secret) == ()
    assert needs(cases.test_deleted_user_data_is_gone) == ("configure", "reset")
