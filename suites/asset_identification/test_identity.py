"""Identifiers that the product shows."""

from drivers.network.web.administration.settings import IdentityRead
from drivers.network.web.probes.factory_reset import IdentityKept
from lab_config.bench import Bench, Permission
from lab_config.product import Product
from trustprobe.judging.case import case


@case(
    "identity.logical.readable",
    covers=["AI-1", "IR8259 DI-1"],
    fails_on="absence",
    advice="Show the serial number of the label on the declared interface.",
)
def test_identifier_on_the_label_is_readable(identity: IdentityRead, bench: Bench) -> None:
    """Read the unique identifier on the declared interface, and compare it with the label of this sample.

    Witness: the same interface returned another known field.
    """
    assert identity.serial == bench.sample, f"shows {identity.serial or 'none'}, but the label states {bench.sample}"


@case(
    "identity.version.readable",
    covers=["AI-1", "EN303645 5.3-16"],
    fails_on="absence",
    advice="Show the model and the firmware version. If the declaration differs, correct the one that is wrong.",
)
def test_model_and_version_match_the_declaration(identity: IdentityRead, product: Product) -> None:
    """Read the model and the firmware version on the declared interface, and compare them with the declaration.

    Witness: the same interface returned another known field.
    """
    parts = (("model", identity.model, product.model), ("version", identity.version, product.firmware))
    wrong = [(name, shown or "none", declared) for name, shown, declared in parts if shown != declared]
    assert not wrong, "; ".join(
        f"shows the {name} {shown}, but {declared} is declared" for name, shown, declared in wrong
    )


@case(
    "identity.logical.stable",
    covers=["AI-1", "IR8259 DI-1"],
    fails_on="absence",
    needs=(Permission.POWER, Permission.CONFIGURE, Permission.RESET),
    advice="Store the serial number where neither a restart nor a factory reset overwrites it.",
)
def test_identifier_survives_a_restart_and_a_factory_reset(identity_kept: IdentityKept) -> None:
    """Read the unique identifier before and after a restart, and before and after a factory reset.

    If the product is declared to have no factory reset, the restart decides alone. config.reset.secure_default fails.
    Witness: the device showed the identifier before, and the declared field that changes at every start changed each
    time.
    """
    lost = identity_kept.refused | identity_kept.silent
    assert not lost, "; ".join(f"{about}: {identity_kept.detail(about)}" for about in sorted(lost))
