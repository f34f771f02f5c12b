"""The assertion about messages from unpaired peers, on made-up peers."""

from suites.interface_access_control import test_components as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import seen


def test_every_unpaired_peer_whose_message_was_accepted_is_reported() -> None:
    assert fails_on_presence(
        cases.test_message_from_an_unpaired_peer_is_refused,
        seen("no credential", "the reading appeared"),
        seen("another key", "204"),
        says="accepted from a peer that was never paired: another key (204); no credential (the reading appeared)",
    )
