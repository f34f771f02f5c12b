"""The mutations: a choice of cosmic-ray's operators, and those that it lacks.

cosmic-ray can replace each operator by eleven others. One or two of them show whether a test is there. It removes no
statement, no operand of `and`, `or` and set operations, and no element of a list of constants: that is done here.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from cosmic_ray.ast import ast_nodes
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from parso.python.tree import Name

COMPARISONS = {
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
BINARY = {
    "Add": "Sub",
    "Sub": "Add",
    "Mul": "Div",
    "Div": "Mul",
    "FloorDiv": "Mul",
    "Mod": "Mul",
    "Pow": "Mul",
    "RShift": "LShift",
    "LShift": "RShift",
    "BitOr": "BitAnd",
    "BitAnd": "BitOr",
    "BitXor": "BitAnd",
}
OTHERS = (
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceUnaryOperator_Delete_Not",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "RemoveDecorator",
    "ZeroIterationForLoop",
)
SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min", "abs": ""}
"""Built-in functions that a mutation replaces; an empty name leaves the argument as it is."""
JOINED = frozenset({"and_test", "or_test", "arith_expr", "term", "expr", "and_expr", "xor_expr"})
"""Kinds of nodes that join operands by operators."""
Node = Any  # parso has no annotations


def _text(node: Node, text: str) -> Node:
    """Return a node that stands for other text in the place of this one."""
    return Name(text, node.start_pos, node.get_first_leaf().prefix if text else "")


def _code(nodes: Sequence[Node]) -> str:
    return "".join(node.get_code() for node in nodes).strip()


class Rewrite(Operator):  # type: ignore[misc]
    """An operator that is a function from a node to the texts that may stand in its place."""

    def __init__(self, texts: Callable[[Node], list[str]]) -> None:
        self.texts = texts

    def mutation_positions(self, node: Node) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Return the place of the node once for each text."""
        for _ in self.texts(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Node, index: int) -> Node:
        """Put the text in the place of the node."""
        return _text(node, self.texts(node)[index])

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none: tests/mutants/test_operators.py has them."""
        return ()


def removed_statement(node: Node) -> list[str]:
    """Replace a statement that does something, and binds no local name, by `pass`."""
    if node.type != "simple_stmt":
        return []
    first = node.children[0]
    acts = first.type in ("assert_stmt", "raise_stmt", "atom_expr", "return_stmt", "del_stmt", "yield_expr")
    if first.type == "expr_stmt":
        target, sign = first.children[:2]
        acts = target.type == "atom_expr" or (sign.type == "operator" and sign.value != "=")
    return ["pass\n"] if acts else []


def removed_operand(node: Node) -> list[str]:
    """Leave out one operand of `and`, `or`, arithmetic and set operations, or one end of a chained comparison."""
    parts = node.children if hasattr(node, "children") else []
    if node.type in JOINED:
        first = [_code(parts[2:])]
        return first + [_code([*parts[: at - 1], *parts[at + 1 :]]) for at in range(2, len(parts), 2)]
    if node.type == "comparison" and len(parts) > 3:
        return [_code(parts[2:]), _code(parts[:-2])]
    return []


def removed_element(node: Node) -> list[str]:
    """Leave out one element of a list, tuple, set or dictionary that is written out."""
    if node.type != "atom" or len(node.children) != 3:
        return []
    opening, inner, closing = node.children
    if inner.type not in ("testlist_comp", "dictorsetmaker"):
        return [] if opening.value == "(" else ["[]" if opening.value == "[" else "set()"]
    if any(child.type in ("sync_comp_for", "comp_for") for child in inner.children):
        return []
    elements: list[list[Node]] = [[]]
    for child in inner.children:
        if child.type == "operator" and child.value == ",":
            elements.append([])
        else:
            elements[-1].append(child)
    written = [_code(element) for element in elements if element]
    is_set = opening.value == "{" and ":" not in [leaf.value for leaf in inner.children if leaf.type == "operator"]
    texts = []
    for at in range(len(written)):
        left = written[:at] + written[at + 1 :]
        inside = "".join(f"{one}, " for one in left).strip()
        texts.append(f"{opening.value}{inside}{closing.value}" if left or not is_set else "set()")
    return texts


def removed_condition(node: Node) -> list[str]:
    """Leave out the condition of a comprehension."""
    return [""] if node.type == "comp_if" else []


def swapped_call(node: Node) -> list[str]:
    """Call the opposite of a built-in function."""
    if node.type != "atom_expr" or node.children[0].type != "name" or node.children[0].value not in SWAPPED:
        return []
    return [SWAPPED[node.children[0].value] + _code(node.children[1:])]


def swapped_membership(node: Node) -> list[str]:
    """Turn `in` into `not in`, and the reverse."""
    if node.type != "comparison" or len(node.children) != 3:
        return []
    left, operator, right = (_code([child]) for child in node.children)
    swapped = {"in": "not in", "not in": "in"}.get(" ".join(operator.split()))
    return [f"{left} {swapped} {right}"] if swapped else []


@functools.cache
def operators() -> dict[str, Operator]:
    """Return every operator by its name."""
    names = [f"ReplaceComparisonOperator_{old}_{new}" for old, others in COMPARISONS.items() for new in others]
    names += [f"ReplaceBinaryOperator_{old}_{new}" for old, new in BINARY.items()]
    known = {name: get_operator(f"core/{name}")() for name in (*names, *OTHERS)}
    own = (removed_statement, removed_operand, removed_element, removed_condition, swapped_call, swapped_membership)
    return known | {texts.__name__: Rewrite(texts) for texts in own}


def positions(tree: Node) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Return each possible mutation of a tree: operator, occurrence, and where it begins (line, column)."""
    counts = {name: count() for name in operators()}
    for node in ast_nodes(tree):
        for name, operator in operators().items():
            for start, _ in operator.mutation_positions(node):
                yield name, next(counts[name]), start
