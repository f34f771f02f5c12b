"""Settings: authorised users can change them, and the changes take effect."""

from drivers.network.web.administration.settings import SettingChange
from lab_config.bench import Permission
from trustprobe.judging.case import case


@case(
    "config.change.authorised",
    covers=["PC-1", "PC-3"],
    fails_on="absence",
    needs=(Permission.CONFIGURE,),
    advice="Store the setting before you answer the request, and answer with an error if that fails.",
)
def test_setting_changed_by_the_administrator_takes_effect(setting_change: SettingChange) -> None:
    """Change the declared harmless setting as administrator, and read it back in a new session.

    Witness: the setting's resource could be read before. The old value is restored at the end.
    """
    missing = setting_change.refused | setting_change.silent
    assert not missing, "; ".join(f"{about}: {setting_change.detail(about)}" for about in sorted(missing))


@case(
    "config.change.persists",
    covers=["PC-1", "PC-3"],
    fails_on="absence",
    needs=(Permission.CONFIGURE, Permission.POWER),
    advice="Store the setting in memory that keeps it without power.",
)
def test_changed_setting_survives_a_restart(setting_kept: SettingChange) -> None:
    """Change the declared harmless setting as administrator, switch the power off and on, and read it again.

    Witness: the setting's resource could be read before. The old value is restored at the end.
    """
    missing = setting_kept.refused | setting_kept.silent
    assert not missing, "; ".join(f"{about}: {setting_kept.detail(about)}" for about in sorted(missing))
