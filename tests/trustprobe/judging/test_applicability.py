from pathlib import Path

import pytest

from lab_config.load import find, load
from lab_config.papers import Condition
from lab_config.product import Product
from lab_config.rules import Strength
from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError
from trustprobe.judging.applicability import excused, recommended, require_known_conditions
from trustprobe.judging.case import Case, rule_of
from trustprobe.judging.run import load_profile

EN_303_645 = load_profile("en_303_645")
CAMERA = load(find("products", "reference_camera"), Product)


def product(**conditions: bool) -> Product:
    stated = {
        name.replace("_", ":"): Condition(holds=holds, because="for this test") for name, holds in conditions.items()
    }
    return CAMERA.model_copy(update={"conditions": stated})


def case_for(*covers: str) -> Case:
    return Case("update.valid", covers, "absence", (), "", "", "", "software_update")


def test_the_profile_holds_every_provision_of_the_standard() -> None:
    assert tuple(EN_303_645.requirements) == tuple(catalogues().provisions)
    assert len(EN_303_645.requirements) == 78
    assert len(recommended(EN_303_645)) == 42


def test_a_provision_whose_feature_does_not_hold_is_excused_with_the_reason() -> None:
    found = excused(EN_303_645, product(F_w=False, F_a=True))
    assert set(found) == {"EN303645 5.10-1", "EN303645 6-4", "EN303645 6-5"}
    assert found["EN303645 6-5"] == "F:w (telemetry): for this test"


@pytest.mark.parametrize("condition", ["C_14", "F_e"])
def test_a_provision_with_two_conditions_needs_both(condition: str) -> None:
    assert set(excused(EN_303_645, product(**{condition: False}))) == {"EN303645 5.1-5"}


def test_what_the_declaration_does_not_state_applies() -> None:
    assert not excused(EN_303_645, product())


def test_items_of_ir_8425_are_never_excused() -> None:
    everything = product(**{name.replace(":", "_"): False for name in catalogues().conditions})
    assert not excused(load_profile("cyber_trust_mark"), everything)


def test_a_condition_that_the_standard_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"conditions\.F:zz is not a condition"):
        require_known_conditions(product(F_zz=True), Path("product.yaml"))
    with pytest.raises(ConfigurationError, match=r"product.yaml: conditions\.F:yy "):
        require_known_conditions(product(F_zz=True, F_yy=True, F_w=False), Path("product.yaml"))
    require_known_conditions(product(F_w=False), Path("product.yaml"))


def test_only_what_a_catalogue_recommends_is_recommended() -> None:
    assert not recommended(load_profile("cyber_trust_mark"))
    assert "EN303645 5.3-9" in recommended(EN_303_645)
    assert "EN303645 5.3-2" not in recommended(EN_303_645)


@pytest.mark.parametrize(
    ("covers", "strength"),
    [
        (["SU-1", "EN303645 5.3-9"], Strength.EXPECTED),
        (["SU-1", "EN303645 5.3-2"], Strength.REQUIRED),
        (["SU-1", "EN303645 5.3-2", "EN303645 5.3-9"], Strength.REQUIRED),
    ],
)
def test_a_case_that_covers_recommendations_alone_decides_nothing(covers: list[str], strength: Strength) -> None:
    assert rule_of(EN_303_645, case_for(*covers)).strength is strength
    assert rule_of(load_profile("cyber_trust_mark"), case_for(*covers)).strength is Strength.REQUIRED
