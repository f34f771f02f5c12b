"""Identifiers that the product shows of itself."""

from drivers.network.http_settings import IdentityRead
from fixtures.case import case
from lab_config.models import Bench, Product


@case(
    "identity.logical.readable",
    covers=["AI-1", "IR8259 DI-1"],
    fails_on="absence",
    advice="Show the serial number that the label has on the declared interface.",
)
def test_identifier_of_the_label_is_readable(identity: IdentityRead, bench: Bench) -> None:
    """Read the unique identifier on the declared interface, and compare it with the label of this sample.

    Witness: the same interface returned another known field.
    """
    assert identity.serial == bench.sample, f"shows {identity.serial or 'none'}, the label says {bench.sample}"


@case(
    "identity.version.readable",
    covers=["AI-1", "EN303645 5.3-16"],
    fails_on="absence",
    advice="Show model and firmware version; where they differ from the declaration, correct the one that is wrong.",
)
def test_model_and_version_are_as_declared(identity: IdentityRead, product: Product) -> None:
    """Read model and firmware version on the declared interface, and compare them with the declaration.

    Witness: the same interface returned another known field.
    """
    shown, declared = (identity.model, identity.version), (product.model, product.firmware)
    assert shown == declared, f"shows {shown[0]} {shown[1]}, declared is {declared[0]} {declared[1]}"
