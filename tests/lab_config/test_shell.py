"""The declaration of a shell: whose it is, over which service, and what it must not read."""

import pytest
from pydantic import ValidationError

from lab_config.base import NOT_SAID
from lab_config.component import Component
from lab_config.load import find, load
from lab_config.product import Product
from lab_config.shell import ShellDeclaration

FIRMWARE = load(find("products", "firmware_gateway"), Product, {}).component
SHELL = {"service": "ssh", "account": "service", "secret_files": ["/etc/shadow"]}


def component_with(**changes: object) -> Component:
    return Component.model_validate(FIRMWARE.model_dump() | {"shell": SHELL | changes})


def test_a_shell_of_an_account_over_ssh_is_taken() -> None:
    assert isinstance(component_with().shell, ShellDeclaration)


def test_a_shell_that_is_not_declared_was_not_said() -> None:
    others = {name: value for name, value in FIRMWARE.model_dump().items() if name != "shell"}
    assert Component.model_validate(others).shell is NOT_SAID


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"service": "admin"}, "no service of protocol ssh has the id admin"),
        ({"service": "nothing"}, "no service of protocol ssh has the id nothing"),
        ({"account": "viewer"}, "no account with the id viewer may log in on ssh"),
        ({"account": "nobody"}, "no account with the id nobody may log in on ssh"),
        ({"secret_files": []}, "at least 1 item"),
        ({"secret_files": ["etc/shadow"]}, "should match pattern"),
        ({"secret_files": ["/etc/a\nb"]}, "should match pattern"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, object], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        component_with(**changes)


def test_an_administrators_account_is_refused_for_it_may_read_secrets() -> None:
    declared = FIRMWARE.model_dump()
    admin = {"id": "chief", "role": "administrator", "interfaces": ["ssh"]}
    changed = declared | {"accounts": [*declared["accounts"], admin], "shell": SHELL | {"account": "chief"}}
    with pytest.raises(ValidationError, match="chief is an administrator, who may read secrets"):
        Component.model_validate(changed)
