"""The JTAG port: which TAPs are on its chain, and whether memory can be read through them (ARM ADIv5).

The adapter is OpenOCD where it is installed, else our own remote_bitbang; both give the same observations.
"""

import re
import shutil
from dataclasses import dataclass

from drivers.debug.adapter import (
    CSW_DEVICE_ENABLED,
    AccessPort,
    Chain,
    DebugAdapter,
    MemoryAnswer,
    Tap,
)
from drivers.debug.bitbang import RemoteBitbang
from drivers.debug.openocd import OpenOcd
from lab_config.bench import JtagBench
from lab_config.component import JtagDeclaration
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness

_SERVER = re.compile(r"remote_bitbang://(\[[0-9a-f:]+\]|[^\s:/{}]+):(\d{1,5})/?")
_ARM = 0x477
"""Low twelve bits of an IDCODE that ARM assigned: JEP106 4/0x3B, and bit 0."""
_ARM_IR_LENGTH = 4


class JtagChain(Observation):
    """The scan chain; the fact is about `chain`."""

    idcodes: tuple[int, ...]
    """From TDO to TDI; 0 for a TAP without an IDCODE."""


def adapter_of(bench: JtagBench) -> DebugAdapter:
    """Return the way to a bench's adapter. Raises ConfigurationError for a malformed address."""
    if bench.remote_bitbang is None:
        return OpenOcd(config=bench.openocd_config)
    server = _SERVER.fullmatch(bench.remote_bitbang)
    if server is None:
        raise ConfigurationError(
            f"`{bench.remote_bitbang}` is not the address of a remote_bitbang server.",
            "Add `jtag: {remote_bitbang: remote_bitbang://HOST:PORT}` to the bench file.",
        )
    host, port = server[1].strip("[]"), int(server[2])
    return OpenOcd(host=host, port=port) if shutil.which("openocd") else RemoteBitbang(host, port)


@dataclass(frozen=True)
class ScanChain:
    """Read the IDCODEs of the chain. SEEN is a TAP that answered; silence rests on wiring that somebody attests."""

    bench: JtagBench
    declaration: JtagDeclaration

    @property
    def name(self) -> str:
        """One debug port a bench."""
        return "jtag_scan"

    def run(self, record: Recorder) -> JtagChain:
        """Scan once. Raises BenchError when the adapter does not work."""
        chain = _scan(adapter_of(self.bench), record)
        answered = _answered(chain)
        return JtagChain(
            question=f"Which TAPs are on the JTAG chain ({len(self.declaration.idcodes)} are declared)?",
            facts=(Fact(about="chain", answer=Answer.SEEN if answered else Answer.SILENT, detail=_words(chain)),),
            witness=_witness(self.bench, chain),
            idcodes=tuple(tap.idcode for tap in chain.taps),
        )


@dataclass(frozen=True)
class ReadMemory:
    """Read a word through the debug port; where one can be read, sixteen are kept as evidence.

    SEEN is a word, REFUSED the debug port's own bits (CSW.DeviceEn, STICKYERR). Witness: the IDCODE, scanned just
    before; it does not hold where no ARM debug port could be addressed, because no memory was asked for then.
    """

    bench: JtagBench
    declaration: JtagDeclaration

    @property
    def name(self) -> str:
        """One debug port a bench."""
        return "jtag_memory"

    def run(self, record: Recorder) -> Observation:
        """Scan, then read. Raises BenchError when the adapter does not work."""
        adapter = adapter_of(self.bench)
        chain = _scan(adapter, record)
        taps = self._with_lengths(chain)
        candidates = _debug_ports(taps)
        fact = Fact(about="memory", answer=Answer.SILENT, detail=_words(chain))
        addressed = bool(candidates)
        for index in candidates:
            answer, raw = adapter.read_memory(taps, index, self.declaration.probe_address)
            record.keep(f"memory_{index}.txt", raw)
            addressed = addressed and (answer.addressed or answer.control_status is not None)
            fact = _fact(taps[index], answer, self.declaration.probe_address)
            record.note(f"TAP {index}: {fact.answer}: {fact.detail}")
            if fact.answer is Answer.SEEN:
                _keep_words(record, answer)
                break
        witness = _witness(self.bench, chain)
        if _answered(chain) and not addressed:
            words = "no ARM debug port could be addressed, and no other memory was read"
            witness = Witness(what=f"{words}; {_words(chain)}", holds=False)
        return Observation(question="Can memory be read through JTAG?", facts=(fact,), witness=witness)

    def _with_lengths(self, chain: Chain) -> tuple[Tap, ...]:
        """Take the declared IR length where a TAP is declared, and else the one that was found."""
        declared = dict(zip(self.declaration.idcodes, self.declaration.ir_lengths, strict=False))
        return tuple(Tap(tap.idcode, declared.get(tap.idcode, tap.ir_length)) for tap in chain.taps)


def _scan(adapter: DebugAdapter, record: Recorder) -> Chain:
    chain, raw = adapter.scan()
    record.keep("scan.txt", raw)
    record.note(f"{adapter.tool}: {_words(chain)}")
    return chain


def _answered(chain: Chain) -> bool:
    return any(tap.plausible for tap in chain.taps)


def _words(chain: Chain) -> str:
    if chain.stuck is not None:
        return chain.stuck
    return "IDCODE from TDO to TDI: " + ", ".join(f"{tap.idcode:#010x}" if tap.idcode else "none" for tap in chain.taps)


def _witness(bench: JtagBench, chain: Chain) -> Witness | None:
    if _answered(chain):
        return Witness(what=f"{_words(chain)}, over the same adapter", holds=True)
    if bench.attested_wiring is not None:
        return Witness(what=f"wiring attested: {bench.attested_wiring}", holds=True)
    return None


def _debug_ports(taps: tuple[Tap, ...]) -> list[int]:
    """Return the TAPs that can be a JTAG-DP: ARM's, or else those with its IR length; none if a length is missing."""
    if any(not tap.ir_length for tap in taps):
        return []
    four = [index for index, tap in enumerate(taps) if tap.ir_length == _ARM_IR_LENGTH and tap.plausible]
    return [index for index in four if taps[index].idcode & 0xFFF == _ARM] or four


def _fact(tap: Tap, answer: MemoryAnswer, address: int) -> Fact:
    """Say what one debug port's answer comes to."""
    if answer.control_status is None:
        return Fact(
            about="memory", answer=Answer.SILENT, detail=f"no debug port acknowledged at TAP {tap.idcode:#010x}"
        )
    control = f"CTRL/STAT {answer.control_status:#010x}"
    for port in answer.access_ports:
        if port.words:
            words = f"{address:#010x} reads {port.words[0]:#010x} through {_port(port)}"
            return Fact(about="memory", answer=Answer.SEEN, detail=f"{words}; {control}")
    refusals = [_refusal(port) for port in answer.access_ports if port.fault or _disabled(port)]
    if refusals:
        return Fact(about="memory", answer=Answer.REFUSED, detail=f"{'; '.join(refusals)}; {control}")
    return Fact(about="memory", answer=Answer.SILENT, detail=f"the debug port shows no memory access port; {control}")


def _port(port: AccessPort) -> str:
    return f"access port {port.number} (IDR {port.idr:#010x})"


def _disabled(port: AccessPort) -> bool:
    return port.csw is not None and not port.csw & CSW_DEVICE_ENABLED


def _refusal(port: AccessPort) -> str:
    reasons = ["CSW.DeviceEn is 0"] if _disabled(port) else []
    if port.fault:
        reasons.append("STICKYERR on the read")
    return f"{_port(port)} refuses: {' and '.join(reasons)}"


def _keep_words(record: Recorder, answer: MemoryAnswer) -> None:
    for port in answer.access_ports:
        if port.words:
            record.keep(f"memory_ap{port.number}.bin", b"".join(word.to_bytes(4, "little") for word in port.words))
