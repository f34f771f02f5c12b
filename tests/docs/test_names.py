"""The names on the pages of the documentation: cases, fields, commands, steps and files of that name exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from lab_config.bench import Bench
from lab_config.component import Component
from lab_config.product import Product
from lab_config.rules import Profile
from trustprobe.cli.bench.check import GROUPS, STEPS
from trustprobe.cli.main import app
from trustprobe.judging.run import load_profile

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = {"ssh.compression"}
"""Cases that a page tells its reader to write."""
CASES = set(load_profile("cyber_trust_mark").cases)
"""Every case has a rule in this profile: tests/suites holds it to that."""
PREFIXES = {name.partition(".")[0] for name in CASES}
EXAMPLE_FILES = {f"{folder}/data_protection/test_ssh_compression.py" for folder in ("suites", "tests/suites")}
"""Files that a page tells its reader to write."""
MODELS = (Bench, Component, Product, Profile)
FOLDERS = "docs|drivers|fixtures|lab_config|reports|standards|suites|tests|trustprobe|virtual_lab"
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def inline(page: Path) -> list[str]:
    """Return what stands between backquotes in the text of a page."""
    text = re.sub(r"^\s*```.*?^\s*```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def typed(page: Path, program: str) -> Iterator[list[str]]:
    """Yield the words of each command that a page shows, in its text or in a block for the shell."""
    blocks = re.findall(r"^\s*```sh\n(.*?)^\s*```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    for line in (*lines, *inline(page)):
        if re.match(rf"(?:\.venv/bin/)?{program} [^ ]", line):
            yield shlex.split(line, comments=True)[1:]


def fields(model: object) -> dict[str, object]:
    """Return the annotations of a model's fields, through unions and containers."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    parts = [fields(part) for part in getattr(model, "__args__", ())]
    return {name: annotation for part in parts for name, annotation in part.items()}


def is_field(name: str) -> bool:
    """Whether a dotted name leads from a configuration file to one of its fields."""
    found: list[object] = list(MODELS)
    for part in name.split("."):
        found = [known[part] for model in found if part in (known := fields(model))]
    return bool(found)


def is_case(name: str) -> bool:
    """Whether a case has this id; `family.*` is any case of a family, `id[row]` one row of a case."""
    family = name.removesuffix("*")
    if family != name:
        return any(case.startswith(family) for case in CASES)
    return name.partition("[")[0] in CASES | EXAMPLES


def step_is_known(words: list[str]) -> bool:
    """Whether the step of `bench check` exists; without a name it is all of them."""
    step = words[2] if len(words) > 2 and not words[2].startswith("-") else None
    return step is None or step in STEPS or step in GROUPS


def wrong_words(words: list[str]) -> list[str]:
    """Return the first subcommand that does not exist, or the options that it does not have."""
    command: object = typer.main.get_command(app)
    rest = list(words)
    while rest and (subcommands := getattr(command, "commands", None)):
        name = rest.pop(0)
        if name not in subcommands:
            return [name]
        command = subcommands[name]
    known = {option for one in getattr(command, "params", ()) for option in (*one.opts, *one.secondary_opts)}
    return [word for word in rest if word.startswith("--") and word not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_case_or_field_that_a_page_names_exists(page: Path) -> None:
    dotted = [
        name for name in inline(page) if re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\.[a-z0-9_*]+(\[\w+])?", name)
    ]
    named = [name for name in dotted if name.partition(".")[0] in PREFIXES and not (ROOT / "docs" / name).exists()]
    assert not [name for name in named if not (is_case(name) or is_field(name))]


def test_a_case_that_does_not_exist_is_neither_a_case_nor_a_field() -> None:
    assert not is_case("services.declared")
    assert not is_field("services.declared")
    assert not is_case("nothing.*")
    assert is_field("identity.boot_id_field")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_that_a_page_shows_exists(page: Path) -> None:
    assert not [(words, wrong) for words in typed(page, "trustprobe") if (wrong := wrong_words(words))]


def test_a_subcommand_and_an_option_that_do_not_exist_are_found() -> None:
    assert wrong_words(["bench", "chek"]) == ["chek"]
    assert wrong_words(["run", "--defect", "x", "--benhc", "y"]) == ["--benhc"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_step_of_the_bench_that_a_page_shows_exists(page: Path) -> None:
    checks = [words for words in typed(page, "trustprobe") if words[:2] == ["bench", "check"]]
    assert not [words for words in checks if not step_is_known(words)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_profile_that_a_page_chooses_exists(page: Path) -> None:
    commands = [
        *typed(page, "trustprobe"),
        *(words.split() for words in inline(page) if words.startswith("--profile ")),
    ]
    chosen = {words[words.index("--profile") + 1] for words in commands if "--profile" in words}
    assert not [name for name in chosen if not (ROOT / "lab_config" / "profiles" / f"{name}.yaml").is_file()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_target_of_make_that_a_page_shows_exists(page: Path) -> None:
    assert not [words for words in typed(page, "make") if words[0] not in MAKE_TARGETS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = set(re.findall(rf"`((?:{FOLDERS})/[\w./-]*)", text)) - EXAMPLE_FILES
    linked = {(page.parent / link).resolve() for link in re.findall(r"\]\(([\w./-]+\.\w+)\)", text)}
    bare = {name for name in inline(page) if re.fullmatch(r"[\w-]+\.(py|md)", name)}
    assert not [name for name in named if not (ROOT / name).exists()]
    assert not [link for link in linked if not link.exists()]
    assert not [name for name in bare if next(found(name), None) is None]


def found(name: str) -> Iterator[Path]:
    yield from (path for top in FOLDERS.split("|") for path in (ROOT / top).rglob(name))
    yield from ROOT.glob(name)
