"""The factory reset: the authorised can go back to a secure default, and nobody else."""

from drivers.network.web.probes.factory_reset import ResetSeen
from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "config.reset.unauthorised",
    covers=["PC-2", "IR8259 DC-3", "IR8259 DC-2"],
    fails_on="presence",
    needs=(Permission.RESET,),
    advice="Ask for the administrator's session before anything is erased; a button on the device may do without.",
)
def test_factory_reset_needs_authority(unauthorised_reset: Observation) -> None:
    """Ask for the factory reset without a login, and as a viewer.

    A reset that is taken, or that happens, is a failure. Witness: the administrator's session is valid at that time.
    """
    taken = "; ".join(unauthorised_reset.detail(who) for who in sorted(unauthorised_reset.seen))
    assert not unauthorised_reset.seen, f"the reset was taken: {taken}"


@case(
    "config.reset.secure_default",
    covers=["PC-2", "DP-2", "IR8259 DC-3", "EN303645 5.11-1", "CRA I(2)(b)"],
    fails_on="presence",
    needs=(Permission.CONFIGURE, Permission.RESET),
    advice="Erase settings and user data, and let only the password of this device's label hold afterwards.",
)
def test_factory_reset_leads_to_a_secure_default(factory_reset: ResetSeen) -> None:
    """Change a setting and add user data, ask for the factory reset as administrator, and look what is left.

    The setting, the data, or a default password that gets in is a failure. Witness: setting and data were there before,
    the device started again, and the password of its label gets in.
    """
    left = "; ".join(f"{about}: {factory_reset.detail(about)}" for about in sorted(factory_reset.seen))
    assert not factory_reset.seen, f"after the reset: {left}"
