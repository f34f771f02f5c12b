"""The factory reset: only authorised users can restore a secure default."""

from drivers.network.web.probes.factory_reset import ResetSeen
from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "config.reset.unauthorised",
    covers=["PC-2", "IR8259 DC-3", "IR8259 DC-2"],
    fails_on="presence",
    needs=(Permission.RESET,),
    advice="Require the administrator's session before anything is erased. A button on the device may work without.",
)
def test_factory_reset_requires_authorisation(unauthorised_reset: Observation) -> None:
    """Request the factory reset without a login, and as a viewer.

    A reset that is accepted, or that happens, is a failure. Witness: the administrator's session is valid at that time.
    """
    accepted = "; ".join(unauthorised_reset.detail(who) for who in sorted(unauthorised_reset.seen))
    assert not unauthorised_reset.seen, f"the reset was accepted: {accepted}"


@case(
    "config.reset.secure_default",
    covers=["PC-2", "DP-2", "IR8259 DC-3", "EN303645 5.11-1", "CRA I(2)(b)"],
    fails_on="presence",
    needs=(Permission.CONFIGURE, Permission.RESET),
    advice="Erase settings and user data, and accept only the password of this device's label afterwards.",
)
def test_factory_reset_leads_to_a_secure_default(factory_reset: ResetSeen) -> None:
    """Change a setting and add user data, request the factory reset as administrator, and look for what is left.

    The case fails if the setting or the data remain, or if a default password gets in. Witness: setting and data were
    there before, the device restarted, and the password of its label gets in.
    """
    left = "; ".join(f"{about}: {factory_reset.detail(about)}" for about in sorted(factory_reset.seen))
    assert not factory_reset.seen, f"after the reset: {left}"
