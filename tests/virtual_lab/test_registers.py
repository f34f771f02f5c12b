"""A planted flaw is described once: every register is complete, and each message names the file to edit."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.refusal import refuse
from trustprobe.cli.published import published
from trustprobe.cli.soundness import require_writable, with_titles
from virtual_lab.declaration import FOLDER, flaws_on_paper
from virtual_lab.defects import FILES, REFERENCE, file_name, plantable, register
from virtual_lab.reference.defects import known

ROOT = Path(__file__).parents[2]
LAB = ROOT / "virtual_lab"
PAGES = {REFERENCE: ROOT / "docs" / "soundness.md", "firmware": ROOT / "docs" / "soundness_firmware.md"}
ASKING = {"defects", "_defects", "planted"}
"""How the code of the reference device calls the object that it asks for a flaw."""


def strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def sources(device: str) -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text("utf-8"))) for path in sorted((LAB / device).rglob("*.py"))]


def asked(tree: ast.AST) -> Iterator[str]:
    """Go through the ids that a module asks for by name: `device.defects("telnet_open")`."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in ASKING:
            yield from (name for argument in call.args for name in strings(argument))


def without_behaviour(flaws: Collection[str], in_code: Collection[str], on_paper: Collection[str]) -> list[str]:
    """Say of each flaw of the reference device that is nowhere planted, or in two ways, what to edit."""
    none = [
        f'{file_name()} has {name}, which nothing plants: ask `device.defects("{name}")` in virtual_lab/reference/, '
        f"or put the flawed documents into virtual_lab/documents/{name}/"
        for name in flaws
        if name not in {*in_code, *on_paper}
    ]
    both = [
        f"virtual_lab/documents/{name}/ is a flaw of the code of virtual_lab/reference/ as well: choose another id"
        for name in on_paper
        if name in in_code
    ]
    return none + both


def without_flaw(flaws: Collection[str], where: dict[str, str]) -> list[str]:
    """Say of each behaviour that no flaw describes which lines to add."""
    return [
        f"{place} plants {name}, which {file_name()} does not hold: correct the id, or add there\n"
        f"  {name}:\n    title: ...\n    fails: [...]"
        for name, place in where.items()
        if name not in flaws
    ]


@pytest.mark.parametrize("device", sorted(FILES))
def test_every_flaw_names_cases_that_there_are(device: str) -> None:
    wrong = [
        f"{file_name(device)}: {name} names {case}, which no file of suites/ publishes"
        for name, flaw in plantable(device).items()
        for case in sorted(flaw.cases - published().keys())
    ]
    refuse(wrong)


@pytest.mark.parametrize("device", sorted(FILES))
def test_a_row_is_written_as_the_report_shows_it(device: str) -> None:
    wrong = [
        f"{file_name(device)}: {name} names {case!r}; write case[row]"
        for name, flaw in plantable(device).items()
        for case in flaw.fails
        if ("[" in case) != case.endswith("]")
    ]
    refuse(wrong)


@pytest.mark.parametrize("device", sorted(FILES))
def test_every_flaw_that_another_may_not_stand_beside_is_registered(device: str) -> None:
    wrong = [
        f"{file_name(device)}: {name} may not stand beside {other}, which the file does not hold"
        for name, flaw in plantable(device).items()
        for other in flaw.not_beside
        if other not in plantable(device)
    ]
    refuse(wrong)


def test_every_flaw_of_the_reference_device_is_planted_in_one_way() -> None:
    in_code = {text for _, tree in sources(REFERENCE) for text in strings(tree)}
    wrong = without_behaviour(plantable(), in_code, flaws_on_paper())
    refuse(wrong)


def test_everything_that_the_reference_device_plants_is_a_flaw_of_its_register() -> None:
    where = {name: str(path.relative_to(ROOT)) for path, tree in sources(REFERENCE) for name in asked(tree)}
    where |= {name: f"{FOLDER.relative_to(ROOT)}/{name}/" for name in flaws_on_paper()}
    assert len(where) > 100
    wrong = without_flaw(plantable(), where)
    refuse(wrong)


def test_a_flaw_that_nothing_plants_is_named_with_the_files_to_edit() -> None:
    (said,) = without_behaviour(["telnet_opened"], ["telnet_open"], [])
    assert "virtual_lab/reference/defects.yaml has telnet_opened" in said
    assert 'device.defects("telnet_opened")' in said
    (said,) = without_behaviour(["sbom_stale"], ["sbom_stale"], ["sbom_stale"])
    assert "virtual_lab/documents/sbom_stale/" in said


def test_a_behaviour_that_no_flaw_describes_is_named_with_the_lines_to_add() -> None:
    tree = ast.parse('if self._defects("log_a" if late else "log_b") or device.defects("telnet_open"): start("no")')
    assert list(asked(tree)) == ["log_a", "log_b", "telnet_open"]
    (said,) = without_flaw(["telnet_open", "log_b"], dict.fromkeys(asked(tree), "services.py"))
    assert "services.py plants log_a, which virtual_lab/reference/defects.yaml does not hold" in said
    assert "  log_a:\n    title: ..." in said


def test_the_lines_that_the_firmware_reads_of_the_register_are_its_ids() -> None:
    assert known() == set(plantable())


def test_every_flaw_of_the_firmware_device_says_what_is_changed_and_no_other_does() -> None:
    wrong = [
        f"{file_name('firmware')}: {name} lacks `change`"
        for name, flaw in plantable("firmware").items()
        if not flaw.change
    ]
    wrong += [
        f"{file_name()}: {name} has `change`, which this device does not read"
        for name, flaw in plantable().items()
        if flaw.change
    ]
    refuse(wrong)


def test_every_label_of_a_flaw_is_one_that_the_factory_looks_at() -> None:
    in_code = {text for _, tree in sources("firmware") for text in strings(tree)}
    wrong = [
        f"{file_name('firmware')}: nothing in virtual_lab/firmware/ looks at the label {flaw.change.label} of {name}"
        for name, flaw in plantable("firmware").items()
        if flaw.change and flaw.change.label and flaw.change.label not in in_code
    ]
    refuse(wrong)


@pytest.mark.parametrize("device", sorted(FILES))
def test_the_page_of_a_device_takes_the_table_and_has_the_titles_of_the_register(device: str) -> None:
    require_writable(PAGES[device])
    shown = with_titles(PAGES[device].read_text("utf-8"), device)
    assert not [name for name, flaw in register(device).items() if f"| `{name}` | {flaw.title} |" not in shown]


def test_there_are_at_least_thirty_flaws_of_the_firmware_device() -> None:
    assert len(register("firmware")) >= 30
