"""Passwords: their owner can change them, and a weak one is refused."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "config.password.change",
    covers=["PC-1", "IAC-1b", "EN303645 5.1-4", "EN18031 AUM-4"],
    fails_on="absence",
    needs=(Permission.CONFIGURE,),
    advice="Replace the stored hash before you answer the request, and compare logins with the new hash only.",
)
def test_changed_password_replaces_the_old_one(password_change: Observation) -> None:
    """Change an account's password as its owner, and log in with the new one and with the old one. Restore it.

    Witness: the old password got in before the change, and again after it was restored.
    """
    faults = [
        f"{about}: {password_change.detail(about)}" for about in sorted({"changed", "new"} - password_change.seen)
    ]
    if "old" not in password_change.refused:
        faults.append(f"the old password still gets in: {password_change.detail('old')}")
    assert not faults, "; ".join(faults)


@case(
    "config.password.weak",
    covers=["PC-1", "IAC-1b", "EN18031 AUM-5-2"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Require a length, and compare a new password with the user name and a list of common ones.",
)
def test_weak_password_is_refused(weak_password: Observation) -> None:
    """Set a weak password as the owner of an account: too short, the user's name, or one of the most common.

    The case fails if the weak password gets in. The previous password is restored. Witness: a strong password was
    accepted in the same way afterwards.
    """
    assert not weak_password.seen, "; ".join(weak_password.detail(about) for about in sorted(weak_password.seen))
