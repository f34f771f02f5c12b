"""Each assertion about the debug port, on made-up chains and words of memory."""

import pytest

from drivers.debug.jtag import JtagChain
from lab_config.doors import JtagDeclaration
from suites.interface_access_control import test_debug as cases
from tests.suites.interface_access_control.presence import fails_on_presence
from tests.suites.made_up import BROKEN, HOLDS, fails, observed, passes, seen, silent, stays_open

CORE, BOUNDARY = 0x4BA00477, 0x06413041


def declared(*idcodes: int) -> JtagDeclaration:
    return JtagDeclaration(idcodes=idcodes, ir_lengths=(4,) * len(idcodes), probe_address=0)


def chain(*idcodes: int) -> JtagChain:
    return observed(seen("chain"), kind=JtagChain, witness=HOLDS, idcodes=idcodes)


@pytest.mark.parametrize("found", [(CORE, BOUNDARY), (BOUNDARY, CORE), (CORE,)])
def test_a_chain_of_declared_taps_passes(found: tuple[int, ...]) -> None:
    assert passes(cases.test_scan_chain_contains_only_the_declared_taps, declared(CORE, BOUNDARY), chain(*found))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ((CORE, BOUNDARY), "undeclared TAPs: 0x06413041"),
        ((BOUNDARY, CORE, 0x1), "undeclared TAPs: 0x06413041, 0x00000001"),
        ((CORE, CORE), "undeclared TAPs: 0x4ba00477"),
        ((CORE, 0), "undeclared TAPs: one without an IDCODE"),
    ],
)
def test_each_tap_beyond_the_declared_ones_fails(found: tuple[int, ...], says: str) -> None:
    assert fails(cases.test_scan_chain_contains_only_the_declared_taps, declared(CORE), chain(*found), says=says)


def test_a_dead_chain_rests_on_the_witness() -> None:
    case = cases.test_scan_chain_contains_only_the_declared_taps
    dead = observed(silent("chain"), kind=JtagChain, witness=HOLDS, idcodes=())
    assert passes(case, declared(CORE), dead)
    assert stays_open(case, declared(CORE), dead.model_copy(update={"witness": BROKEN}), says=BROKEN.what)


def test_a_word_of_memory_over_jtag_fails() -> None:
    word = seen("memory", "0xdeadbeef at 0x08000000")
    says = "memory can be read over JTAG: 0xdeadbeef at 0x08000000"
    assert fails_on_presence(cases.test_memory_cannot_be_read_over_jtag, word, says=says)


def test_every_gdb_port_that_shows_memory_is_reported() -> None:
    assert fails_on_presence(
        cases.test_memory_cannot_be_read_through_a_gdb_port,
        seen("tcp/3333", "m0 shows ff"),
        seen("tcp/1234", "g shows 00"),
        says="memory can be read through GDB: tcp/1234: g shows 00; tcp/3333: m0 shows ff",
    )
