from pathlib import Path
from typing import get_args

import pytest

from lab_config.bench import Bench
from trustprobe.cli.labs import LABS, LabRequest, start
from trustprobe.cli.matrix import PROFILES
from trustprobe.errors import ConfigurationError
from virtual_lab.defects import FILES, register


def test_every_virtual_device_that_a_bench_may_name_has_a_lab_a_register_and_a_profile() -> None:
    annotation = Bench.model_fields["virtual"].annotation
    literal = next(one for one in get_args(annotation) if one is not type(None))
    places = {
        "the field `virtual` of lab_config/bench.py": set(get_args(literal)),
        "LABS of trustprobe/cli/labs.py": set(LABS),
        "virtual_lab/*/defects.yaml": set(FILES),
        "PROFILES of trustprobe/cli/matrix.py": set(PROFILES),
    }
    devices = set().union(*places.values())
    lacking = [
        f"{place} lacks {', '.join(sorted(devices - there))}" for place, there in places.items() if devices - there
    ]
    assert not lacking, "\n".join(lacking)


@pytest.mark.parametrize("device", sorted(FILES))
def test_every_register_can_be_read(device: str) -> None:
    register(device)


def test_a_virtual_device_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match="no virtual device 'toaster'") as failure:
        start("toaster", LabRequest((), (), False, False, Path("product.yaml")))
    assert "reference, firmware" in failure.value.next_step
