"""The questions to a person, as cases. Their verdicts are proven in tests/trustprobe/judging/test_questions.py."""

from types import ModuleType

from standards.questions import questions


def published_by(module: ModuleType) -> set[str]:
    """Return the items for which a module publishes a case."""
    marks = [
        mark for name, function in vars(module).items() if name.startswith("test_") for mark in function.pytestmark
    ]
    return {mark.args[0].covers[0] for mark in marks if mark.name == "case"}


def asked_of(capability: str) -> set[str]:
    """Return the items of a capability about which a person is asked."""
    return {leaf for leaf in questions() if leaf.split("-")[0] == capability}
