import pytest

from tests.refusal import refuse


def test_messages_are_printed_one_below_the_other_and_none_is_no_failure() -> None:
    refuse([])
    with pytest.raises(pytest.fail.Exception, match=r"^a.yaml lacks b\nc.yaml lacks d$"):
        refuse(["a.yaml lacks b", "c.yaml lacks d"])
