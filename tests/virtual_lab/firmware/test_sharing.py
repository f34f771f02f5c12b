"""Which flaws share a firmware device when each is asked its own cases. Nothing is booted."""

from collections.abc import Iterable
from typing import Any

from trustprobe.cli.matrix import plans
from trustprobe.cli.published import capabilities
from trustprobe.cli.soundness import HARDENED
from virtual_lab.defects import Defect, register
from virtual_lab.firmware import planted
from virtual_lab.firmware.image import rootfs
from virtual_lab.firmware.sharing import MOST, groups


def flaw(fails: Iterable[str], **more: Any) -> Defect:
    return Defect(title="a flaw", fails=tuple(fails), **more)


def one_capability(defect: Defect) -> tuple[str, ...]:
    return ("other",) if "other" in defect.title else ("data_protection",)


def test_every_flaw_of_the_register_is_planted_once() -> None:
    planned = [name for group in groups(register("firmware"), capabilities) for name in group]
    assert sorted(planned) == sorted(register("firmware"))


def test_no_case_or_row_is_asked_about_two_flaws_of_one_device() -> None:
    for group in groups(register("firmware"), capabilities):
        names = [name for flaw in group for name in register("firmware")[flaw].fails]
        assert len(names) == len(set(names)), group
        whole = [name for name in names if "[" not in name]
        assert not {name.split("[")[0] for name in names if "[" in name} & set(whole), group


def test_flaws_of_one_device_can_be_planted_together() -> None:
    for group in groups(register("firmware"), capabilities):
        assert len(group) <= MOST
        assert planted.fit_together(group, rootfs.own())


def test_flaws_share_only_where_their_cases_and_capabilities_let_them() -> None:
    same = {"telnetd_open": flaw(["a[1]"]), "httpd_open": flaw(["a[2]"])}
    assert groups(same, one_capability) == [("telnetd_open", "httpd_open")]
    for other in (flaw(["a[1]"]), flaw(["a"]), Defect(title="other", fails=("b",)), flaw(["b"], alone=True)):
        assert groups(same | {"httpd_open": other}, one_capability) == [("telnetd_open",), ("httpd_open",)]


def test_a_flaw_shares_no_device_with_one_that_it_hides_or_that_hides_it() -> None:
    for one, two in ((("httpd_open",), ()), ((), ("telnetd_open",))):
        both = {"telnetd_open": flaw(["a"], not_beside=one), "httpd_open": flaw(["b"], not_beside=two)}
        assert groups(both, one_capability) == [("telnetd_open",), ("httpd_open",)]


def test_two_flaws_that_edit_the_same_text_or_variable_do_not_fit_together() -> None:
    own = rootfs.own()
    assert not planted.fit_together(["tls10_enabled", "weak_lighttpd_ciphers"], own)
    assert not planted.fit_together(["mqtt_null_cipher", "mqtt_old_tls"], own)
    assert not planted.fit_together(["kernel_log_verbose", "single_user_boot"], own)
    assert not planted.fit_together(["certificate_self_signed", "certificate_expired"], own)
    assert planted.fit_together(["shared_tls_key", "shared_ssh_host_key", "certificate_expired"], own)
    assert planted.fit_together(["telnetd_open", "mqtt_cleartext", "autoboot_open"], own)


def test_the_whole_matrix_and_the_reference_device_take_a_device_for_each_flaw() -> None:
    assert plans([HARDENED, "telnetd_open", "anonymous_settings"], "firmware", own=False) == [
        (),
        ("telnetd_open",),
        ("anonymous_settings",),
    ]
    assert plans(["telnet_open", "anonymous_settings"], "reference", own=True) == [
        ("telnet_open",),
        ("anonymous_settings",),
    ]


def test_with_its_own_cases_the_hardened_device_is_asked_first_and_alone() -> None:
    assert plans([HARDENED, "telnetd_open", "anonymous_settings"], "firmware", own=True) == [
        (),
        ("telnetd_open", "anonymous_settings"),
    ]
