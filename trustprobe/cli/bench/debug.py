"""The step on the debug adapter: it lists the TAPs on the chain. It reads no memory and does not halt the processor."""

from drivers.debug.jtag import ScanChain
from lab_config.base import Absent
from lab_config.doors import JtagDeclaration
from trustprobe.cli.bench.desk import Desk, NoRecord
from trustprobe.errors import BenchError
from trustprobe.probe import Answer

_UNDECLARED = JtagDeclaration(idcodes=(), ir_lengths=(), probe_address=0)


def debug(desk: Desk) -> None:
    """Reset the chain of the debug adapter, and read the IDCODE of each TAP."""
    bench = desk.named(desk.bench.jtag, "jtag", "jtag: {openocd_config: my_adapter.cfg}")
    declared = desk.product.component.jtag
    expected = () if isinstance(declared, Absent) else declared.idcodes
    chain = ScanChain(bench, _UNDECLARED if isinstance(declared, Absent) else declared).run(NoRecord())
    if chain.facts[0].answer is not Answer.SEEN:
        raise BenchError(
            f"the adapter answers, but no TAP does: {chain.detail('chain')}.",
            "Check TDO, TCK, GND and the reference voltage. Check that the board is on and its strap enables JTAG.",
        )
    for idcode in chain.idcodes:
        known = "as declared" if idcode in expected else "not declared"
        desk.say(f"TAP with IDCODE {idcode:#010x}, {known}" if idcode else f"TAP without an IDCODE, {known}")
    if missing := [f"{one:#010x}" for one in expected if one not in chain.idcodes]:
        desk.say(f"declared, but not on the chain: {', '.join(missing)}", "no")
