"""Reads the YAML of products, benches and profiles. An error names file, line and field, and nothing runs after it.

`${NAME}` in a value is replaced from the environment, so that a bench file can be shared. Passwords remain references
until `lab_config.secrets` resolves them.
"""

import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from trustprobe.errors import ConfigurationError

FOLDER = Path(__file__).parent
Location = tuple[str | int, ...]
Loaded = TypeVar("Loaded", bound=BaseModel)
_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_KEPT = frozenset({"password"})
"""Fields whose references `lab_config.secrets` resolves. Their values are never written anywhere."""


class _Loader(yaml.CSafeLoader):
    """Reads `on`, `off`, `yes` and `no` as words, like YAML 1.2, because a power switch has an `on`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), ["t", "f"])

_BRANCH = re.compile(r"^([A-Z]|tuple\[|constrained-)")
"""Names of union members, which pydantic puts into a location."""
_EXPECTED = {
    "extra_forbidden": "is not a known field",
    "missing": "is missing",
    "string_type": "is not text: put it in quotes",
}


def find(kind: str, name: str) -> Path:
    """Return the file that `--product`, `--bench` or `--profile` names: a path, or a name under lab_config/`kind`/."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if path.is_file():
            return path
        raise ConfigurationError(f"the file {name} does not exist.", f"Give a file, or a name from lab_config/{kind}/.")
    shipped = FOLDER / kind / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in (FOLDER / kind).glob("*.yaml")))
    raise ConfigurationError(f"lab_config/{kind}/ contains no {name!r}.", f"Use one of {names}, or a path to a file.")


def load(path: Path, model: type[Loaded], environment: Mapping[str, str] | None = None) -> Loaded:
    """Read a YAML file into a model. ConfigurationError names the file, the line, the field and what was expected."""
    node, data = _read(path)
    lines = _lines(node)
    data = _expand(data, path, lines, os.environ if environment is None else environment)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_problem(path, lines, entry) for entry in _of_the_branch(error)]
        more = f" ({len(problems) - 1} more problems in this file)" if len(problems) > 1 else ""
        raise ConfigurationError(f"{problems[0]}.{more}", "Correct the file. Nothing was run.") from None


def peek(path: Path, field: str) -> object:
    """Return one top-level value of a YAML file as it is written, before anything is expanded or checked."""
    _, data = _read(path)
    return data.get(field)


def _read(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(f"{path} cannot be read: {reason}.", "Check its name and permissions.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}, line {line}: not YAML: {error.problem}.", "Correct the file.") from None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(f"{path}: not YAML: {first}.", "Correct the file.") from None
    if node is None or not isinstance(data, dict):
        raise ConfigurationError(f"{path}, line 1: expected fields, found none.", "Start from a file of lab_config/.")
    _refuse_duplicates(path, node)
    return node, data


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigurationError(f"{path}, line {line}: {key.value} is given twice.", "Remove one of them.")
            seen.add(key.value)
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(path, value)


def _lines(node: yaml.Node, at: Location = ()) -> dict[Location, int]:
    lines = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines |= _lines(value, (*at, key.value))
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines |= _lines(value, (*at, index))
    return lines


def _line(lines: dict[Location, int], at: Location) -> int:
    """Return the line of a field, or of the nearest enclosing field in the file.

    pydantic names union members inside a location (`services.Absent.absent`). Those parts are skipped.
    """
    found: Location = ()
    for part in at:
        if (*found, part) in lines:
            found = (*found, part)
    return lines[found]


def _of_the_branch(error: ValidationError) -> list[dict[str, Any]]:
    """Drop errors that only report that a given field is not `absent`, because the other branch was meant."""
    entries: list[dict[str, Any]] = [dict(entry) for entry in error.errors()]
    meant = [entry for entry in entries if "Absent" not in tuple(entry["loc"])]
    return meant or entries


def _problem(path: Path, lines: dict[Location, int], error: dict[str, Any]) -> str:
    at: Location = error["loc"]
    field = ".".join(str(part) for part in at if not _BRANCH.match(str(part))) or "the file"
    expected = _EXPECTED.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    given = "" if error["type"] in {"missing", "value_error"} else f" (found {str(error.get('input'))[:60]!r})"
    return f"{path}, line {_line(lines, at)}: {field}: {expected}{given}"


def _expand(
    value: Any, path: Path, lines: dict[Location, int], environment: Mapping[str, str], at: Location = ()
) -> Any:
    if isinstance(value, dict):
        return {key: _expand(inner, path, lines, environment, (*at, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, path, lines, environment, (*at, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str) or (at and at[-1] in _KEPT):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1] in environment:
            return environment[match[1]]
        where = f"{path}, line {_line(lines, at)}: {'.'.join(map(str, at))}"
        raise ConfigurationError(
            f"{where}: the environment variable {match[1]} is not set.", f"Set it: export {match[1]}=..."
        )

    return _REFERENCE.sub(replace, value)
