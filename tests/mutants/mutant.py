"""The mutants of one file: each is the whole text with one mutation."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.operators import operators, positions

Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One mutation of one file."""

    path: str
    line: int
    operator: str
    original: str
    text: str

    @property
    def was(self) -> str:
        """The lines that the mutation changed, as they were."""
        return self._lines("-")

    @property
    def becomes(self) -> str:
        """The lines that it made of them."""
        return self._lines("+")

    @property
    def diff(self) -> str:
        """What is different, for a reader."""
        changed = [f"-{line}" for line in self.was.splitlines()] + [f"+{line}" for line in self.becomes.splitlines()]
        return "\n".join([f"{self.path}:{self.line} ({self.operator})", *changed])

    def _lines(self, sign: str) -> str:
        lines = difflib.unified_diff(self.original.splitlines(), self.text.splitlines(), n=0, lineterm="")
        return "\n".join(line[1:] for line in lines if line.startswith(sign) and not line.startswith(sign * 3))


def mutants(path: str, source: str) -> list[Mutant]:
    """Return the mutants of a file that differ in meaning and compile, in the order of its lines."""
    left_out = list(_left_out(ast.parse(source)))
    seen = {_meaning(source)}
    found = []
    for name, occurrence, start in positions(get_ast(source)):
        if any(first <= start < last for first, last in left_out):
            continue
        text = mutate_code(source, operators()[name], occurrence)
        meaning = _meaning(text) if text is not None else None
        if meaning is not None and meaning not in seen:
            seen.add(meaning)
            found.append(Mutant(path, start[0], name, source, text))
    return sorted(found, key=lambda mutant: mutant.line)


def _meaning(text: str) -> str | None:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):  # mypy checks which arguments are given by name: `*` may be `/`
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.defaults = [*node.defaults, *(one for one in node.kw_defaults if one is not None)]
            node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
    return ast.dump(tree)


def _left_out(tree: ast.Module) -> Iterator[tuple[Place, Place]]:
    """Return the places of annotations, types, protocols and `@dataclass(...)`, which mypy checks, and of some data.

    The data are the clauses that a case covers: tests of standards/ compare them with the mapping.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                yield from _data_of_case(decorator)
            parts: list[ast.expr | None] = [node.returns]
        elif isinstance(node, ast.ClassDef):
            made = [one for one in node.decorator_list if ast.unparse(one).startswith("dataclass(")]
            yield from (((one.lineno, one.col_offset - 1), _place(one)[1]) for one in made)
            if any(ast.unparse(base).startswith("Protocol") for base in node.bases):
                yield _place(node)
            continue
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Assign):
            covers = [ast.unparse(target) for target in node.targets] == ["COVERS"]
            parts = [node.value] if covers or ast.unparse(node.value).startswith(("Callable[", "TypeVar(")) else []
        else:
            continue
        yield from (_place(part) for part in parts if part is not None)


def _data_of_case(decorator: ast.expr) -> Iterator[tuple[Place, Place]]:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "case":
        return
    first = (decorator.lineno, decorator.col_offset - 1)
    yield first, (decorator.lineno, decorator.col_offset + 1)  # the decorator itself: without it there is no case
    yield from (_place(keyword.value) for keyword in decorator.keywords if keyword.arg == "covers")


def _place(node: ast.expr | ast.stmt) -> tuple[Place, Place]:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
