"""One lockout, or several, of a product."""

from pathlib import Path

import pytest

from lab_config.load import load
from lab_config.product import Product
from tests.lab_config.test_load import PRODUCT, product_with
from trustprobe.errors import ConfigurationError

LINE = next(line for line in PRODUCT.splitlines() if line.startswith("  lockout: "))
FIRST = "{attempts: 5, seconds: 60, within: 60, per: source, interfaces: [admin]}"
SECOND = "{attempts: 100, seconds: 86400, within: 86400, per: account, interfaces: [admin, ssh]}"


def declared(folder: Path, lockout: str) -> Product:
    return load(product_with(folder, LINE, f"  lockout: {lockout}"), Product, {})


def test_a_single_lockout_needs_no_list(tmp_path: Path) -> None:
    (alone,) = declared(tmp_path, FIRST).component.lockouts
    assert (alone.attempts, alone.within, alone.is_reset) == (5, 60, False)
    assert declared(tmp_path, f"[{FIRST}]").component.lockouts == (alone,)


def test_several_lockouts_are_a_list(tmp_path: Path) -> None:
    found = declared(tmp_path, f"[{FIRST}, {SECOND}]").component.lockouts
    assert [(one.attempts, one.per, one.seconds) for one in found] == [(5, "source", 60), (100, "account", 86_400)]


@pytest.mark.parametrize(
    ("more", "is_reset"),
    [
        ("", True),
        ("within: 60, ", False),
        ("within: 60, reset_by_login: true, ", True),
        ("reset_by_login: false, ", False),
    ],
)
def test_a_valid_login_resets_what_counts_in_a_row(tmp_path: Path, more: str, is_reset: bool) -> None:
    (found,) = declared(
        tmp_path, f"{{attempts: 5, seconds: 60, {more}per: source, interfaces: [admin]}}"
    ).component.lockouts
    assert found.is_reset is is_reset


def test_a_product_without_a_lockout_has_none(tmp_path: Path) -> None:
    assert declared(tmp_path, "{absent: nothing is refused}").component.lockouts == ()


@pytest.mark.parametrize(
    ("lockout", "says"),
    [
        ("{attempts: true, seconds: 60, per: source, interfaces: [admin]}", "component.lockout.attempts: expected"),
        (
            "{attempts: 5, seconds: true, per: source, interfaces: [admin]}",
            "component.lockout.seconds: expected a number",
        ),
        ("{attempts: 5, per: source, interfaces: [admin]}", "component.lockout.seconds: is missing"),
        (f"[{FIRST}, {{attempts: 5, per: source, interfaces: [admin]}}]", "component.lockout.1.seconds: is missing"),
        (f"[{FIRST}, {SECOND.replace('[admin, ssh]', '[admin, shh]')}]", "no service has the id shh"),
        ("{attempts: 5, seconds: 60, within: 700000, per: source, interfaces: [admin]}", "component.lockout.within: "),
        ("[]", "component.lockout: expected at least 1 entries"),
        (
            "{attempts: 5, seconds: 60, per: source, interfaces: []}",
            "component.lockout.interfaces: expected at least 1",
        ),
        (
            f"[{FIRST}, {{attempts: 5, seconds: 60, per: account, interfaces: []}}]",
            "component.lockout.1.interfaces: expected at least 1",
        ),
    ],
)
def test_a_mistake_in_a_lockout_is_said_with_its_place(tmp_path: Path, lockout: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, lockout)
    assert says in str(caught.value)
