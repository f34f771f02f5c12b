"""Settings: the authorised change them, and they take effect."""

from drivers.network.web.administration.settings import SettingChange
from lab_config.bench import Permission
from trustprobe.judging.case import case


@case(
    "config.change.authorised",
    covers=["PC-1", "PC-3"],
    fails_on="absence",
    needs=(Permission.CONFIGURE,),
    advice="Write the setting before the request is answered, and answer with an error where that fails.",
)
def test_setting_changed_by_the_administrator_takes_effect(setting_change: SettingChange) -> None:
    """Change the declared harmless setting as administrator, and read it back in a new session.

    Witness: the setting's resource could be read before. The old value is put back at the end.
    """
    missing = setting_change.refused | setting_change.silent
    assert not missing, "; ".join(f"{about}: {setting_change.detail(about)}" for about in sorted(missing))


@case(
    "config.change.persists",
    covers=["PC-1", "PC-3"],
    fails_on="absence",
    needs=(Permission.CONFIGURE, Permission.POWER),
    advice="Write the setting to storage that keeps it without power.",
)
def test_changed_setting_survives_a_restart(setting_kept: SettingChange) -> None:
    """Change the declared harmless setting as administrator, switch the power off and on, and read it again.

    Witness: the setting's resource could be read before. The old value is put back at the end.
    """
    missing = setting_kept.refused | setting_kept.silent
    assert not missing, "; ".join(f"{about}: {setting_kept.detail(about)}" for about in sorted(missing))
