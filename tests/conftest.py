"""How the harness's own tests are spread over processes; the fixtures are in the folders of the tests."""

from tests.order import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.order import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler
