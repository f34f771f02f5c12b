"""The size of the code: classes and calls that a reader can take in, functions of a screen, folders of a page."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("drivers", "fixtures", "lab_config", "reports", "standards", "suites", "trustprobe", "virtual_lab")
NAMED_ONCE = ("drivers", "fixtures", "lab_config", "reports", "standards", "trustprobe")
"""Where a public class has a name of its own, so that a reader who meets it knows which one it is."""
MOST_LINES_OF_A_FUNCTION = 50
MOST_LINES_OF_A_FILE = 400
MOST_FILES_OF_A_FOLDER = 23
MOST_POSITIONAL = 6
"""Arguments that a call may pass without naming them."""
MOST_REQUIRED = 8
"""Fields of a class that have no default and may be passed without their names."""
BY_PLACE = {"pack", "pack_into", "KeyUsage"}
"""Functions of libraries whose arguments have no names, or are known by their place."""


SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8") for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))
}
Nodes = dict[str, list[ast.Call | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]
"""The calls, classes and functions of each file."""


def nodes_of(texts: dict[str, str]) -> Nodes:
    """Return what is looked at in each file, by its path."""
    kinds = (ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        path: [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)] for path, text in texts.items()
    }


@pytest.fixture(scope="module")
def product() -> Nodes:
    """Everything that is shipped."""
    return nodes_of(SOURCES)


def called(call: ast.Call) -> str:
    """Return the last word of what is called."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def variadic(files: Nodes) -> set[str]:
    """Return the functions that take any number of arguments."""
    return {
        node.name
        for nodes in files.values()
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.args.vararg is not None
    }


def long_calls(files: Nodes) -> list[str]:
    """Return the calls with more positional arguments than a reader can tell apart."""
    free = BY_PLACE | variadic(files)
    return [
        f"{path}:{node.lineno} passes {len(node.args)} arguments to {called(node)} without naming them"
        for path, nodes in files.items()
        for node in nodes
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL and called(node) not in free
    ]


def is_dataclass(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass whose fields may be passed by their place."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any("dataclass" in text and "kw_only=True" not in text for text in decorators)


def wide_classes(files: Nodes) -> list[str]:
    """Return the dataclasses with more required fields than a reader can tell apart."""
    found = []
    for path, nodes in files.items():
        for node in nodes:
            if not isinstance(node, ast.ClassDef) or not is_dataclass(node):
                continue
            required = [one for one in node.body if isinstance(one, ast.AnnAssign) and one.value is None]
            if len(required) > MOST_REQUIRED:
                found.append(f"{path}:{node.lineno} {node.name} has {len(required)} required fields")
    return found


def long_functions(files: Nodes) -> list[str]:
    """Return the functions that are longer than a screen."""
    return [
        f"{path}:{node.lineno} {node.name} has {lines} lines"
        for path, nodes in files.items()
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]


def shared_names(files: Nodes) -> dict[str, list[str]]:
    """Return the public classes that have their name in common, with the files that define them."""
    defined: dict[str, list[str]] = {}
    for path, nodes in files.items():
        for node in nodes:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined.setdefault(node.name, []).append(f"{path}:{node.lineno}")
    return {name: places for name, places in defined.items() if len(places) > 1}


def test_no_two_public_classes_have_the_same_name(product: Nodes) -> None:
    assert not shared_names({path: nodes for path, nodes in product.items() if path.split("/")[0] in NAMED_ONCE})


def test_no_call_passes_more_arguments_by_their_place_than_a_reader_can_tell_apart(product: Nodes) -> None:
    assert not long_calls(product)


def test_no_class_requires_more_fields_than_a_reader_can_tell_apart(product: Nodes) -> None:
    assert not wide_classes(product)


def test_no_function_is_longer_than_a_screen(product: Nodes) -> None:
    assert not long_functions(product)


def test_no_file_is_longer_than_a_reader_likes() -> None:
    lengths = {path: len(text.splitlines()) for path, text in SOURCES.items()}
    assert not {path: lines for path, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE}


def test_no_folder_holds_more_files_than_a_page_lists() -> None:
    folders = [str(Path(path).parent) for path in SOURCES]
    counts = {folder: folders.count(folder) for folder in sorted(set(folders))}
    assert not {name: n for name, n in counts.items() if n > MOST_FILES_OF_A_FOLDER}


MADE_UP = {
    "made_up.py": (
        "def many(*parts): ...\n"
        "f(1, 2, 3, 4, 5, 6, 7)\n"
        "f(1, 2, 3, 4, 5, 6, g=7)\n"
        "many(1, 2, 3, 4, 5, 6, 7)\n"
        "struct.pack('!7B', 1, 2, 3, 4, 5, 6, 7)\n"
        "@dataclass(frozen=True)\nclass Wide:\n"
        + "".join(f"    field_{n}: int\n" for n in range(MOST_REQUIRED + 1))
        + "@dataclass(frozen=True, kw_only=True)\nclass Named:\n"
        + "".join(f"    field_{n}: int\n" for n in range(MOST_REQUIRED + 1))
        + "def long():\n"
        + "    pass\n" * MOST_LINES_OF_A_FUNCTION
    )
}


def test_what_is_too_large_is_found_and_what_is_named_is_not() -> None:
    made_up = nodes_of(MADE_UP)
    assert [one.split()[0] for one in long_calls(made_up)] == ["made_up.py:2"]
    assert [one.split()[1] for one in wide_classes(made_up)] == ["Wide"]
    assert [one.split()[1] for one in long_functions(made_up)] == ["long"]
    assert shared_names(made_up) == {}
    assert list(shared_names(made_up | {"other.py": made_up["made_up.py"]})) == ["Wide", "Named"]


def witnesses_without_a_question(files: Nodes) -> list[str]:
    """Return where a probe makes a witness that does not say which question it answered; conditions answer none."""
    return [
        f"{path}:{node.lineno} makes a witness without `asked`: name its question, or make a `condition`"
        for path, nodes in files.items()
        if path.split("/")[0] in {"drivers", "fixtures"}
        for node in nodes
        if isinstance(node, ast.Call) and called(node) == "Witness"
        if "asked" not in {keyword.arg for keyword in node.keywords}
    ]


def test_every_witness_of_a_probe_names_the_question_that_it_answered(product: Nodes) -> None:
    assert not witnesses_without_a_question(product)


def test_a_witness_without_a_question_is_found_where_probes_are_made() -> None:
    made = "a = Witness(what='it answered', holds=True)"
    named = "a = Witness(what='it answered', holds=True, asked=None)"
    paths = {"drivers/a.py": made, "fixtures/b.py": made, "trustprobe/c.py": made, "drivers/d.py": named}
    found = witnesses_without_a_question(nodes_of(paths))
    assert [one.split(" ", 1)[0] for one in found] == ["drivers/a.py:1", "fixtures/b.py:1"]
