"""Reads the requirement catalogues and the mapping between them, and resolves every clause that is cited.

A clause is written as its catalogue and its id: `IAC-1a` (IR 8425, no prefix), `EN303645 5.6-1`, `EN18031 GEC-2`,
`CRA I(2)(j)`, `IR8259 LA-1`, `SP800-213A LA:IFC`. An id that no catalogue contains is an error. It is never ignored.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trustprobe.errors import ConfigurationError

FOLDER = Path(__file__).parent
_CRA_WITHOUT_IDS = re.compile(r"^(Annex ?(II|VII)(\(\d\)(\([a-d](-[a-d])?\))?)?|Art14(\(\d\))?)$")
"""Annexes II and VII and Article 14 are cited by number; only Annex I has its ids in the data."""


@dataclass(frozen=True)
class Requirement:
    """One item of a catalogue; `text` is a paraphrase. A `leaf` item has no items below it."""

    id: str
    text: str
    capability: str
    leaf: bool


@dataclass(frozen=True)
class Provision:
    """One provision of EN 303 645; `text` is a paraphrase.

    `mandatory` is M in Table B.1. Every other provision is recommended. `conditions` names the conditions of Table B.1
    that must hold for it to apply, such as `C:12` or `F:a`.
    """

    id: str
    text: str
    mandatory: bool
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class Catalogues:
    """All catalogues. `requirements` is IR 8425 in the order of the document, and `provisions` is EN 303 645."""

    requirements: dict[str, Requirement]
    clauses: dict[str, frozenset[str]]
    mapping: dict[str, dict[str, Any]]
    provisions: dict[str, Provision]
    """By clause: `EN303645 5.6-1`."""
    conditions: dict[str, str]
    """The text of each condition and feature of EN 303 645 Table B.1, by `C:12` or `F:a`."""

    def text(self, clause: str) -> str:
        """Return the text of a clause that a profile requires. ConfigurationError if its catalogue has no text."""
        known: dict[str, Requirement | Provision] = {**self.requirements, **self.provisions}
        if clause not in known:
            raise ConfigurationError(
                f"standards/ contains no text for {clause!r}, so no profile can require it.",
                "Require items of IR 8425 or provisions of EN 303 645.",
            )
        return known[clause].text

    def require(self, clauses: Iterable[str], where: str) -> None:
        """Raise ConfigurationError for the first clause that does not resolve. `where` is the place that cites it."""
        for clause in clauses:
            catalogue, _, number = clause.rpartition(" ")
            known = self.clauses.get(catalogue, frozenset()) if catalogue else frozenset(self.requirements)
            if number not in known:
                raise ConfigurationError(
                    f"{where} cites {clause!r}, which no catalogue in standards/ contains.",
                    "Correct the id, or add it to the catalogue with its source.",
                )

    @property
    def leaves(self) -> tuple[str, ...]:
        """The items of IR 8425 that have no items below them. A profile must cover all of them."""
        return tuple(item.id for item in self.requirements.values() if item.leaf)


def _read(name: str) -> Any:
    return yaml.load((FOLDER / name).read_text("utf-8"), Loader=yaml.CSafeLoader)


def _items(items: list[dict[str, Any]], capability: str) -> Iterator[Requirement]:
    for item in items:
        inner = item.get("items", [])
        yield Requirement(item["id"], item["text"], capability, leaf=not inner)
        yield from _items(inner, capability)


def _ir_8259() -> frozenset[str]:
    data = _read("nist_ir_8259.yaml")
    core = {e for c in data["ir_8259A"]["capabilities"].values() for e in c["elements"]}
    other = {f"B:{e}" for c in data["ir_8259B"]["capabilities"].values() for e in c["elements"]}
    return frozenset(core | other)


def _sp_800_213a() -> frozenset[str]:
    data = _read("nist_sp_800_213a.yaml")
    families = {**data["technical"], **data["non_technical"]}
    return frozenset(f"{family}:{sub}" for family, entry in families.items() for sub in entry["sub"])


def _cra() -> frozenset[str]:
    data = _read("cra_annex_i.yaml")
    return frozenset([f"I{key}" for key in data["part_I"]] + [f"II{key}" for key in data["part_II"]])


def _provisions(data: dict[str, Any]) -> dict[str, Provision]:
    return {
        f"EN303645 {entry['id']}": Provision(
            id=f"EN303645 {entry['id']}",
            text=entry["text"],
            mandatory=entry["status"] == "M",
            conditions=tuple(filter(None, (entry["condition_or_feature"] or "").split(","))),
        )
        for entry in data["provisions"]
    }


@cache
def catalogues() -> Catalogues:
    """Read and validate standards/. ConfigurationError if an id is not unique, or a mapped id does not resolve."""
    ir_8425 = _read("nist_ir_8425.yaml")["capabilities"]
    requirements: dict[str, Requirement] = {}
    for capability in ir_8425:
        for item in _items(capability["items"], capability["name"]):
            if item.id in requirements:
                raise ConfigurationError(f"standards/nist_ir_8425.yaml contains {item.id} twice.", "Remove one entry.")
            requirements[item.id] = item
    en_18031 = _read("en_18031.yaml")["part1"]
    en_303_645 = _read("etsi_en_303_645.yaml")
    provisions = _provisions(en_303_645)
    features = {f"F:{letter}": text for letter, text in en_303_645["features"].items()}
    result = Catalogues(
        requirements=requirements,
        clauses={
            "EN303645": frozenset(clause.split(" ")[1] for clause in provisions),
            "EN18031": frozenset(req for mechanism in en_18031.values() for req in mechanism["reqs"]),
            "CRA": _cra(),
            "IR8259": _ir_8259(),
            "SP800-213A": _sp_800_213a(),
        },
        mapping={row["item"]: row for row in _read("mapping.yaml")["rows"]},
        provisions=provisions,
        conditions={**en_303_645["conditions"], **features},
    )
    _validate_mapping(result)
    return result


def _validate_mapping(result: Catalogues) -> None:
    columns = {"en303645": "EN303645", "en18031_1": "EN18031", "cra": "CRA", "a8259": "IR8259", "sp213a": "SP800-213A"}
    for item, row in result.mapping.items():
        where = f"standards/mapping.yaml, row {item},"
        result.require([item], where)
        for column, catalogue in columns.items():
            cited = [str(number) for number in row.get(column, [])]
            if column == "cra":
                cited = [number for number in cited if not _CRA_WITHOUT_IDS.match(number)]
            result.require((f"{catalogue} {number}" for number in cited), where)
