"""How the harness's own tests are spread over processes; the fixtures are in the folders of the tests."""

from hypothesis import HealthCheck, settings

from tests.order import pytest_collection as pytest_collection
from tests.order import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.order import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler

# No test of a busy machine: how long an example takes there says nothing about the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")
