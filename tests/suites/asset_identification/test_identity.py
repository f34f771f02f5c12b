"""Each assertion about the identifiers that a product shows, on made-up observations."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.network.web.administration.settings import IdentityRead
from drivers.network.web.probes.factory_reset import IdentityKept
from lab_config.product import Product
from suites.asset_identification import test_identity as cases
from tests.suites.made_up import (
    BROKEN,
    HOLDS,
    bench,
    component,
    fails,
    needs,
    observed,
    passes,
    refused,
    seen,
    silent,
    stays_open,
)
from trustprobe.probe import Fact, Witness

SERIAL = cases.test_identifier_on_the_label_is_readable
VERSION = cases.test_model_and_version_match_the_declaration
STABLE = cases.test_identifier_survives_a_restart_and_a_factory_reset
LABEL = bench(sample="SN-1")
PRODUCT = Product(
    schema_version=1,
    id="thing",
    name="Thing",
    manufacturer="Example",
    model="Cam",
    firmware="2.1",
    component=component(),
)


def shown(witness: Witness = HOLDS, **fields: Any) -> IdentityRead:
    """The identifiers of the declaration and of the label, but for these fields."""
    known = {"model": "Cam", "version": "2.1", "serial": "SN-1", "boot_id": "b", "slot": None} | fields
    facts = [silent(name) if value is None else seen(name) for name, value in known.items()]
    return observed(*facts, kind=IdentityRead, witness=witness, **known)


def nothing_shown() -> IdentityRead:
    return shown(BROKEN, **dict.fromkeys(("model", "version", "serial", "boot_id")))


def test_the_serial_number_of_the_label_passes() -> None:
    assert passes(SERIAL, shown(), LABEL)


@pytest.mark.parametrize(("serial", "words"), [("SN-10", "shows SN-10"), ("sn-1", "shows sn-1"), (None, "shows none")])
def test_another_serial_number_or_none_fails(serial: str | None, words: str) -> None:
    assert fails(SERIAL, shown(serial=serial), LABEL, says=f"{words}, but the label states SN-1")


def test_the_declared_model_and_version_pass() -> None:
    assert passes(VERSION, shown(), PRODUCT)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "Cam 2"}, "shows the model Cam 2, but Cam is declared"),
        ({"version": "2.10"}, "shows the version 2.10, but 2.1 is declared"),
        ({"model": None}, "shows the model none, but Cam is declared"),
        ({"version": None}, "shows the version none, but 2.1 is declared"),
        (
            {"model": "Bell", "version": "1"},
            "shows the model Bell, but Cam is declared; shows the version 1, but 2.1 is declared",
        ),
    ],
)
def test_every_part_that_differs_from_the_declaration_is_reported(fields: dict[str, Any], words: str) -> None:
    assert fails(VERSION, shown(**fields), PRODUCT, says=words)


@pytest.mark.parametrize(("case", "declared"), [(SERIAL, LABEL), (VERSION, PRODUCT)])
def test_no_identifier_at_all_leaves_the_case_open(case: Callable[..., None], declared: object) -> None:
    assert stays_open(case, nothing_shown(), declared, says=BROKEN.what)


def kept(*facts: Fact, witness: Witness = HOLDS) -> IdentityKept:
    return observed(*facts, kind=IdentityKept, witness=witness, before="SN-1")


def test_a_serial_number_that_stays_passes() -> None:
    assert passes(STABLE, kept(seen("restart"), seen("factory reset")))


@pytest.mark.parametrize("event", ["restart", "factory reset"])
@pytest.mark.parametrize("answer", [refused, silent])
def test_a_serial_number_that_is_lost_or_replaced_fails(event: str, answer: Callable[[str, str], Fact]) -> None:
    facts = [
        answer(one, "SN-1 before, none after") if one == event else seen(one) for one in ("restart", "factory reset")
    ]
    assert fails(STABLE, kept(*facts), says=f"{event}: SN-1 before, none after")


def test_both_losses_are_reported() -> None:
    lost = kept(silent("restart", "none after"), refused("factory reset", "SN-2 after"))
    assert fails(STABLE, lost, says="factory reset: SN-2 after; restart: none after")


def test_a_restart_that_was_not_seen_leaves_the_case_open() -> None:
    assert stays_open(STABLE, kept(silent("restart"), seen("factory reset"), witness=BROKEN), says=BROKEN.what)


def test_restart_and_reset_must_be_allowed() -> None:
    assert (needs(SERIAL), needs(VERSION)) == ((), ())
    assert needs(STABLE) == ("power", "configure", "reset")
