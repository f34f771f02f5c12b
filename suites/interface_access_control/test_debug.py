"""The debug port."""

from drivers.debug.jtag import JtagChain
from lab_config.component import JtagDeclaration
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "debug.jtag.scan",
    covers=["IAC-1a", "EN303645 5.6-3", "EN18031 GEC-4", "EN18031 GEC-5"],
    fails_on="presence",
    advice="Disable the TAP in fuses, or declare it with what protects it.",
)
def test_scan_chain_holds_only_the_declared_taps(jtag: JtagDeclaration, jtag_chain: JtagChain) -> None:
    """Scan the JTAG chain, and compare the IDCODEs with the declaration.

    A TAP that shows its IDCODE is not yet access; one that nobody declared is a failure. Witness for a chain that
    is dead: attested wiring.
    """
    found = [idcode for idcode in jtag_chain.idcodes if idcode not in jtag.idcodes]
    assert not found, f"TAPs that are not declared: {', '.join(f'0x{idcode:08x}' for idcode in found)}"


@case(
    "debug.jtag.read_memory",
    covers=["IAC-1a", "EN303645 5.6-4A", "EN303645 5.6-4B", "EN18031 GEC-2"],
    fails_on="presence",
    advice="Lock the debug port in fuses before shipping (readout protection, debug authentication).",
)
def test_memory_can_not_be_read_over_jtag(jtag_memory: Observation) -> None:
    """Read a word of memory through the debug port's memory access port.

    Memory that reads is a failure. Witness: the same adapter read the IDCODE of the debug port right before.
    """
    assert not jtag_memory.seen, f"memory reads over JTAG: {jtag_memory.detail('memory')}"


@case(
    "debug.gdb.read_memory",
    covers=["IAC-1a", "EN303645 5.6-4A", "EN303645 5.6-4B", "EN18031 GEC-2"],
    fails_on="presence",
    advice="Leave the GDB stub out of production builds, and close its port.",
)
def test_memory_can_not_be_read_through_a_gdb_port(gdb_memory: Observation) -> None:
    """Ask for registers and memory in the GDB remote protocol, on its usual TCP ports and on the bench's gdb server.

    The protocol knows no login: what reads is open to anybody. Nothing is written, and the target runs on afterwards.
    Witness: the canary connected before and after; at the bench's server its own answer, or attested wiring.
    """
    reads = [f"{about}: {gdb_memory.detail(about)}" for about in sorted(gdb_memory.seen)]
    assert not reads, f"memory reads through GDB: {'; '.join(reads)}"
