"""Runs a small suite of made-up cases through the real plugin, in a process of its own, and reads results.json."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

PRODUCT = """
schema_version: 1
id: thing
name: Thing
manufacturer: Maker
model: Thing 1
firmware: "1.0"
component:
  id: thing
  kind: device
  services: {absent: this product is a made-up one}
  http_login: {absent: this product is a made-up one}
  identity: {absent: this product is a made-up one}
  certificate: {absent: this product is a made-up one}
  console: {absent: this product is a made-up one}
  jtag: {absent: this product is a made-up one}
  update: {absent: this product is a made-up one}
  logging: {absent: this product is a made-up one}
"""
BENCH = """
schema_version: 1
id: desk
product: thing
sample: S1
network: {absent: this bench is a made-up one}
console: {absent: this bench is a made-up one}
jtag: {absent: this bench is a made-up one}
power: {absent: this bench is a made-up one}
collector: {absent: this bench is a made-up one}
allow: [configure]
"""
PROFILE = """
schema_version: 1
id: made_up
title: Made-up rules
catalogue: IR 8425
outside: everything else
requirements: [AI-1]
numbers:
  tls:
    {forbidden_versions: [], forbidden_suites: [], key_bits: {}, forbidden_keys: [], hashes: [], forbidden_hashes: []}
  ssh: {kex: [], host_key: [], cipher: [], mac: []}
  log_seconds: 1
cases:
"""
HEAD = """
import pytest
from trustprobe.errors import BenchError, NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Witness
from trustprobe.judging.case import case
from trustprobe.judging.outcomes import Inconclusive, NotApplicable, NotProvided
from lab_config.bench import Permission

ASKED = Asked(door="tcp/443", shape="a made-up question")

def saw(answer, witness=None):
    facts = (Fact(about="it", answer=answer, asked=ASKED),) if answer else ()
    return Observation(question="?", facts=facts, witness=witness)

def left_open(answer, witness=None):
    return saw(answer, witness).model_copy(update={"left_open": {"it": "nothing was sent"}})

HOLDS = Witness(what="the canary answered", holds=True, asked=ASKED)
FAILS = Witness(what="the canary is dead", holds=False)

"""
CASE = '''
@pytest.fixture
def seen_{name}(observe):
    return {observation}

@case("made.{name}", covers=["AI-1"], fails_on="{fails_on}", advice="Do what is needed.", needs={needs})
def test_{name}(seen_{name}):
    """Look, and compare."""
    {body}
'''


@dataclass(frozen=True)
class MadeUp:
    """One made-up case: what its fixture gives, and what it asserts."""

    name: str
    observation: str
    body: str = "pass"
    fails_on: str = "presence"
    needs: str = "()"
    strength: str = "required"


def write(folder: Path, cases: Sequence[MadeUp], more_rules: str = "", suite: str = "") -> None:
    """Write the suite, and the product, bench and profile that it is judged by."""
    (folder / "product.yaml").write_text(PRODUCT, "utf-8")
    (folder / "bench.yaml").write_text(BENCH, "utf-8")
    rules = "".join(f"  made.{one.name}: {{strength: {one.strength}, clause: ours}}\n" for one in cases)
    (folder / "profile.yaml").write_text(PROFILE + rules + more_rules, "utf-8")
    text = HEAD + "".join(CASE.format(**vars(one)) for one in cases) + suite
    (folder / "test_made_up.py").write_text(text, "utf-8")


def judge(
    folder: Path, cases: Sequence[MadeUp], *options: str, more_rules: str = "", suite: str = ""
) -> tuple[int, dict[str, Any], str]:
    """Return exit code, results.json and the output of a run of these cases."""
    write(folder, cases, more_rules, suite)
    plugins = ["-p", "trustprobe.judging.plugin", "-p", "fixtures.bench"]
    names = [f"--{kind}={folder / f'{kind}.yaml'}" for kind in ("product", "bench", "profile")]
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", *plugins, *names, f"--out={folder / 'out'}"]
    command += [f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"), str(folder / "test_made_up.py"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    found = sorted((folder / "out").glob("*/results.json"))
    results = json.loads(found[-1].read_text("utf-8")) if found else {}
    return done.returncode, results, done.stdout + done.stderr


def verdicts(results: dict[str, Any]) -> dict[str, str]:
    """Return the verdict of each case by its name."""
    return {case["id"].removeprefix("made."): case["verdict"] for case in results["cases"]}


def reasons(results: dict[str, Any]) -> dict[str, str]:
    """Return the reason of each case by its name."""
    return {case["id"].removeprefix("made."): case["reason"] for case in results["cases"]}
