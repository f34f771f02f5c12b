"""The debug port."""

from collections import Counter

from drivers.debug.jtag import JtagChain
from lab_config.doors import JtagDeclaration
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "debug.jtag.scan",
    covers=["IAC-1a", "EN303645 5.6-3", "EN18031 GEC-4", "EN18031 GEC-5"],
    fails_on="presence",
    advice="Disable the TAP with fuses, or declare it together with its protection.",
)
def test_scan_chain_contains_only_the_declared_taps(jtag: JtagDeclaration, jtag_chain: JtagChain) -> None:
    """Scan the JTAG chain, and compare the IDCODEs with the declaration.

    A TAP that shows its IDCODE does not yet give access, but an undeclared TAP is a failure. If two TAPs have the same
    IDCODE, both must be declared. The chain is scanned until three scans in a row agree. What differs between scans
    proves nothing. Witness for a dead chain: attested wiring.
    """
    found = Counter(jtag_chain.idcodes) - Counter(jtag.idcodes)
    words = [f"0x{idcode:08x}" if idcode else "one without an IDCODE" for idcode in found.elements()]
    assert not words, f"undeclared TAPs: {', '.join(words)}"


@case(
    "debug.jtag.read_memory",
    covers=["IAC-1a", "EN303645 5.6-4A", "EN303645 5.6-4B", "EN18031 GEC-2"],
    fails_on="presence",
    advice="Lock the debug port with fuses before shipping (readout protection, debug authentication).",
)
def test_memory_cannot_be_read_over_jtag(jtag_memory: Observation) -> None:
    """Read a word of memory through the debug port's memory access port.

    If the memory can be read, the case fails. A refusal counts if two reads agree on it, if the adapter's program
    has no complaint, and if the chain is the same before and after. Witness: the same adapter read the IDCODE of the
    debug port directly before.
    """
    assert not jtag_memory.seen, f"memory can be read over JTAG: {jtag_memory.detail('memory')}"


@case(
    "debug.gdb.read_memory",
    covers=["IAC-1a", "EN303645 5.6-4A", "EN303645 5.6-4B", "EN18031 GEC-2"],
    fails_on="presence",
    advice="Remove the GDB stub from production builds, and close its port.",
)
def test_memory_cannot_be_read_through_a_gdb_port(gdb_memory: Observation) -> None:
    """Request registers and memory in the GDB remote protocol, on its usual TCP ports and on the bench's GDB server.

    The protocol has no login, so anybody can read what it returns. Nothing is written, and the target continues to run
    afterwards. Witness: the canary connected before and after. For the bench's server, the witness is its own answer or
    attested wiring.
    """
    reads = [f"{about}: {gdb_memory.detail(about)}" for about in sorted(gdb_memory.seen)]
    assert not reads, f"memory can be read through GDB: {'; '.join(reads)}"
