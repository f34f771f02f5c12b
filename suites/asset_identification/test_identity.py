"""Identifiers that the product shows of itself."""

from drivers.network.web.administration.settings import IdentityRead
from drivers.network.web.probes.factory_reset import IdentityKept
from lab_config.bench import Bench, Permission
from lab_config.product import Product
from trustprobe.judging.case import case


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


@case(
    "identity.logical.stable",
    covers=["AI-1", "IR8259 DI-1"],
    fails_on="absence",
    needs=(Permission.POWER, Permission.CONFIGURE, Permission.RESET),
    advice="Keep the serial number where neither a restart nor a factory reset writes.",
)
def test_identifier_stays_over_a_restart_and_a_factory_reset(identity_kept: IdentityKept) -> None:
    """Read the unique identifier before and after a restart, and before and after a factory reset.

    Witness: it was shown before, and the declared field that changes with every start has changed each time.
    """
    lost = identity_kept.refused | identity_kept.silent
    assert not lost, "; ".join(f"{about}: {identity_kept.detail(about)}" for about in sorted(lost))
