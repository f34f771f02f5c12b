from drivers.guessing.derivation import derived


def test_passwords_follow_from_serial_number_mac_address_and_model() -> None:
    found = derived("HV2-00c0ffee", "02:AB:cd:00:11:22", "Halcyon Vista 2")
    assert found["serial"] == "HV2-00c0ffee"
    assert found["serial_last_part"] == "00c0ffee"
    assert found["serial_plain"] == "hv200c0ffee"
    assert found["mac"] == "02abcd001122"
    assert found["mac_last_six"] == "001122"
    assert found["mac_upper"] == "02ABCD001122"
    assert found["model"] == "Halcyon Vista 2"
    assert found["model_plain"] == "halcyonvista2"
    assert found["mac_colons"] == "02:ab:cd:00:11:22"
    assert found["serial_last_four"] == "ffee"
    assert found["model_mac_last_four"] == "halcyonvista21122"
    assert len(found["serial_md5"]) == len(found["mac_md5"]) == 8


def test_the_same_password_is_derived_once_and_an_empty_one_never() -> None:
    found = derived("1234", None, "")
    assert found["serial"] == "1234"
    assert sorted(found) == ["serial", "serial_md5", "serial_reversed"]
    assert len(set(found.values())) == len(found)


def test_without_a_mac_address_none_is_guessed() -> None:
    assert not [name for name in derived("HV2-1", None, "Vista") if name.startswith("mac")]
