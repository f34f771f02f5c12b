"""Reads one YAML file in bounded memory and time, and refuses what is not plain fields, with its line."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from trustprobe.errors import ConfigurationError

MOST_OCTETS: Final = 2 << 20
MOST_DEPTH: Final = 40
"""Nested fields and lists. The parser of the library ends the whole process at some depth."""
MOST_VALUES: Final = 200_000
"""Values of a file after every alias was replaced by its anchor."""
_KINDS: Final = frozenset({"null", "bool", "int", "float", "timestamp", "str", "seq", "map", "merge"})
_TAG: Final = "tag:yaml.org,2002:"


class _Loader(yaml.CSafeLoader):
    """Reads `on`, `off`, `yes` and `no` as words, like YAML 1.2, because a power switch has an `on`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_TAG}bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(true|false)$"), ["t", "f"])


def read_octets(path: Path, most: int) -> bytes:
    """Read a regular file. ConfigurationError if it is another kind of file, or has more than `most` octets."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not block
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"{path} is not a regular file.", "Give the path of a file.")
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
        raise ConfigurationError(f"{path} cannot be read: {reason}.", "Check its name and permissions.") from None
    if len(data) > most:
        raise ConfigurationError(f"{path} has more than {most} octets.", "Give another file.")
    return data


def read_text(path: Path, most: int) -> str:
    """Read a regular file of UTF-8 text, as `read_octets` does."""
    try:
        return read_octets(path, most).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None


def read_fields(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    """Return the node of a YAML file, which has its lines, and its fields. ConfigurationError names file and line."""
    text = read_text(path, MOST_OCTETS)
    try:
        _refuse_depth(path, text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise ConfigurationError(
                    f"{path}, line 1: expected fields, found none.", "Start from a file of lab_config/."
                )
            _Plain(path).require(node)
            data = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1 if mark else 1}"
        raise ConfigurationError(f"{where}: not YAML: {error.problem}.", "Correct the file.") from None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(f"{path}: not YAML: {first}.", "Correct the file.") from None
    return node, data


def _refuse_depth(path: Path, text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH or count > MOST_VALUES:
            what = f"more than {MOST_DEPTH} levels" if depth > MOST_DEPTH else f"more than {MOST_VALUES} values"
            raise _refused(path, event, f"expected fields of a lab, found {what}", "Correct the file.")


class _Plain:
    """Requires that the nodes of a file are plain fields, lists and values. Aliases may refer to earlier ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def require(self, node: yaml.Node) -> tuple[int, int]:
        """Return the number of values below a node, and their depth."""
        if (known := self._sizes.get(id(node))) is not None:
            return known
        if id(node) in self._open:
            raise _refused(self._path, node, "an anchor contains itself", "Write the value out.")
        if node.tag.removeprefix(_TAG) not in _KINDS:
            raise _refused(self._path, node, f"the tag {node.tag!r} is not known", "Remove it.")
        self._open.add(id(node))
        size, depth = 1, 0
        for child in self._children(node):
            values, levels = self.require(child)
            size, depth = size + values, max(depth, levels + 1)
        if size > MOST_VALUES or depth > MOST_DEPTH:
            what = "values" if size > MOST_VALUES else "levels"
            raise _refused(self._path, node, f"its aliases stand for too many {what}", "Write the values out.")
        self._open.discard(id(node))
        self._sizes[id(node)] = size, depth
        return size, depth

    def _children(self, node: yaml.Node) -> Iterator[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        elif isinstance(node, yaml.MappingNode):
            yield from self._values(node)
        else:
            self._require_value(node)

    def _values(self, node: yaml.MappingNode) -> Iterator[yaml.Node]:
        seen: set[str] = set()
        before: tuple[str, str] | None = None
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in {f"{_TAG}str", f"{_TAG}merge"}:
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or fields"
                raise _refused(self._path, key, f"the name of a field is text, found {shown}", "Put it in quotes.")
            if key.value in seen:
                raise _refused(self._path, key, f"{key.value} is given twice", "Remove one of them.")
            if node.flow_style and _is_left_out(value):
                raise self._comma(key, before)
            seen.add(key.value)
            before = (key.value, value.value) if isinstance(value, yaml.ScalarNode) else None
            yield value

    def _comma(self, key: yaml.ScalarNode, before: tuple[str, str] | None) -> ConfigurationError:
        """In `{absent: a, b}`, the comma begins another field, `b`."""
        step = "Give it a value."
        if before is not None:
            step = f'A text that contains a comma needs quotes: {{{before[0]}: "{before[1]}, {key.value}"}}.'
        return _refused(self._path, key, f"{key.value!r} has no value", step)

    def _require_value(self, node: yaml.Node) -> None:
        """Construct a number or a date: of some texts that look like one, the library cannot make a value."""
        kind = node.tag.removeprefix(_TAG)
        if kind not in {"int", "float", "timestamp"}:
            return
        try:
            getattr(yaml.constructor.SafeConstructor(), f"construct_yaml_{kind}")(node)
        except (ValueError, OverflowError, ArithmeticError, AttributeError):
            what = "a date" if kind == "timestamp" else "a number"
            raise _refused(
                self._path, node, f"{str(node.value)[:60]!r} looks like {what}, and is not possible", "Correct it."
            ) from None


def _is_left_out(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "" and node.tag == f"{_TAG}null"


def _refused(path: Path, at: Any, what: str, step: str) -> ConfigurationError:
    return ConfigurationError(f"{path}, line {at.start_mark.line + 1}: {what}.", step)
