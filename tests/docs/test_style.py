"""User-visible text keeps to docs/style.md: the words of its glossary that are always wrong are rejected."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PACKAGES = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md")
TABLES = ("lab_config/profiles/*.yaml", "standards/questions.yaml", "virtual_lab/*/defects.yaml")
REJECTED = {
    word: re.compile(pattern, re.IGNORECASE)
    for word, pattern in {
        "behind": r"\bbehind\b",
        "beside": r"\bbesides?\b",
        "whoever comes": r"\bwhoever\b",
        "nobody in particular": r"\bnobody in particular\b",
        "with authority": r"\bwith(out)? (the )?authority\b",
        "is none": r"\bis none\b(?! of)",
        "bears": r"\b(bears|bore)\b",
        "held against": r"\bheld against\b",
        "is taken for": r"\b(is|are|be|was|were) taken for\b|\btakes? \w+ for\b",
        "odd, strange": r"\b(odd|strange)(ly|ness)?\b",
        "unforeseen": r"\bunforeseen\b",
        "asks for": r"\b(profile|requirement|clause|case|rule)s? asks? for\b",
        "by itself, by themselves": r"\bby (itself|themselves)\b",
        "without a word": r"\bwithout a word\b",
        "can hurt": r"\bhurts?\b",
        "is not to be had": r"\bto be had\b",
        "maker": r"\bmakers?\b",
        "loader": r"(?<!boot)\bloader\b",
        "room": r"\brooms?\b",
        "nobody watches": r"\bnobody watches\b",
        "anew": r"\banew\b",
        "mend": r"\bmend(s|ed)?\b",
        "doubled": r"\bdoubled\b",
        "throws": r"\bthrow(s|n)?\b",
        "nought": r"\bnought\b",
        "acquits, convicts": r"\b(acquit|convict)s?\b",
        "the box": r"\bthe box\b",
    }.items()
}
"""Patterns of words that have no right use in this project's text, by their entry in the glossary."""
QUOTED = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
"""Code and names in Markdown and docstrings."""


def offences(text: str) -> list[str]:
    """Return the words of a text that the glossary rejects."""
    plain = QUOTED.sub(" ", text)
    return [f"{match[0]!r} ({word})" for word, pattern in REJECTED.items() for match in pattern.finditer(plain)]


_FLAGS = re.compile(r"\(\?[aimsux]+\)")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Return the user-visible strings of a Python file with their lines.

    Ordinary docstrings are left out, and regular expressions with flags: nobody reads them in a report.
    """
    tree = ast.parse(path.read_text("utf-8"))
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        published = any("case(" in ast.unparse(one) for one in getattr(node, "decorator_list", ()))
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and not published:
                docstrings.add(id(statement.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if _FLAGS.match(node.value):
                continue
            yield node.lineno, node.value


def values(document: Any) -> Iterator[str]:
    """Return every text of a YAML document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from values(value)
    elif isinstance(document, list):
        for value in document:
            yield from values(value)


def found(pattern: str) -> list[Path]:
    return sorted(ROOT.glob(pattern))


@pytest.mark.parametrize("package", PACKAGES)
def test_what_the_command_and_the_reports_print_keeps_to_the_glossary(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {offence}"
        for path in found(f"{package}/**/*.py")
        for line, text in texts(path)
        for offence in offences(text)
    ]
    assert not wrong, "docs/style.md names the words to write instead"


@pytest.mark.parametrize("pattern", PAGES)
def test_the_pages_keep_to_the_glossary(pattern: str) -> None:
    wrong = []
    for path in found(pattern):
        text = path.read_text("utf-8")
        if path.name == "style.md":
            text = text.partition("## Ten rules")[0]
        wrong += [
            f"{path.relative_to(ROOT)}:{number}: {offence}"
            for number, line in enumerate(QUOTED.sub(lambda code: "\n" * code[0].count("\n"), text).splitlines(), 1)
            for offence in offences(line)
        ]
    assert not wrong, "docs/style.md names the words to write instead"


@pytest.mark.parametrize("pattern", TABLES)
def test_the_tables_that_reports_quote_keep_to_the_glossary(pattern: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {offence} in {text[:80]!r}"
        for path in found(pattern)
        for text in values(yaml.safe_load(path.read_text("utf-8")))
        for offence in offences(text)
    ]
    assert not wrong, "docs/style.md names the words to write instead"


def test_every_rejected_word_stands_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "style.md").read_text("utf-8").partition("## Glossary")[2]
    wrong_column = " | ".join(line.split("|")[2] for line in glossary.splitlines() if line.count("|") == 3)
    assert [word for word in REJECTED if word.split(",")[0] not in wrong_column] == []


@pytest.mark.parametrize(
    "text", ["a message behind the login", "whoever comes", "it is taken for a lock", "by itself", "to be had here"]
)
def test_a_rejected_word_is_found(text: str) -> None:
    assert offences(text)


@pytest.mark.parametrize("text", ["after the login", "the bootloader", "none of them is none of ours", "`behind`"])
def test_a_plain_sentence_passes(text: str) -> None:
    assert not offences(text)


WIDEST = 125
"""Characters of a line of text. Tables and code blocks are as wide as they are."""
_CODE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("pattern", (*PAGES, "CHANGELOG.md"))
def test_the_text_of_the_pages_is_wrapped(pattern: str) -> None:
    wide = [
        f"{path.relative_to(ROOT)}: {line[:60]}"
        for path in found(pattern)
        for line in _CODE.sub("", path.read_text("utf-8")).splitlines()
        if len(line) > WIDEST and not line.startswith("|")
    ]
    assert not wide, f"wrap lines of more than {WIDEST} characters"


def fragments(text: str) -> list[str]:
    """Return the lines that follow the end of a sentence and are not the beginning of another one."""
    return re.findall(r"[a-z`)]\.\n(  [a-z][a-z]+ .*)", text)


def test_each_sentence_of_the_changelog_has_a_beginning() -> None:
    assert not fragments((ROOT / "CHANGELOG.md").read_text("utf-8"))


@pytest.mark.parametrize("end", ["left out.", "`--jobs`.", "(too)."])
def test_a_line_without_the_beginning_of_its_sentence_is_found(end: str) -> None:
    assert fragments(f"- One {end}\n  setting that is read again. It failed.\n")
    assert not fragments(f"- One {end}\n  A setting is read again.\n- One\n  setting {end}\n  `x` is\n  read.\n")
