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
    Stuck,
    Tap,
)
from drivers.debug.bitbang import RemoteBitbang
from drivers.debug.openocd import OpenOcd
from lab_config.bench import JtagBench
from lab_config.doors import JtagDeclaration
from trustprobe.errors import ConfigurationError
from trustprobe.probe import DETAIL_LIMIT, Answer, Asked, Fact, Observation, Recorder, Witness, condition

_SCAN = Asked(door="the debug adapter", shape="a scan of the chain")
_READ = Asked(door="the debug adapter", shape="a read of memory through a debug port")

_SERVER = re.compile(r"remote_bitbang://(\[[0-9a-f:]+\]|[^\s:/{}]+):(\d{1,5})/?")
SCANS = 3
"""Scans in a row that have to agree before a chain counts as stable."""
MOST_SCANS = 8
READS = 2
"""Reads of memory that have to agree."""
MOST_READS = 5
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
        """Scan until the chain is stable. Raises BenchError when the adapter does not work."""
        chain = _scan(adapter_of(self.bench), record)
        answered = _answered(chain)
        return JtagChain(
            question=f"Which TAPs are on the JTAG chain ({len(self.declaration.idcodes)} are declared)?",
            facts=(Fact(about="chain", answer=Answer.SEEN if answered else Answer.SILENT, detail=_words(chain)),),
            witness=_witness(self.bench, chain, _SCAN),
            asked=_SCAN,
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
        facts: list[Fact] = []
        addressed = bool(candidates)
        doubts: list[str] = []
        for index in candidates:
            fact, was_addressed, unsteady = self._read(adapter, taps, index, record)
            addressed = addressed and was_addressed
            facts.append(fact)
            doubts += [f"TAP {index}: {unsteady}"] if unsteady else []
            if fact.answer is Answer.SEEN:
                break
        fact = _of_all(facts) if facts else Fact(about="memory", answer=Answer.SILENT, detail=_words(chain))
        witness = _witness(self.bench, chain, _READ)  # a chain that answers was addressed, or it proves nothing
        if _answered(chain) and not addressed:
            words = "no ARM debug port could be addressed, and no other memory was read"
            witness = condition(f"{words}; {_words(chain)}", holds=False)
        if fact.answer is not Answer.SEEN and (doubt := "; ".join(doubts) or _changed(adapter, chain, record)):
            fact = fact.model_copy(update={"answer": Answer.SILENT})
            witness = condition(doubt, holds=False)
        return Observation(question="Can memory be read through JTAG?", facts=(fact,), witness=witness, asked=_READ)

    def _read(
        self, adapter: DebugAdapter, taps: tuple[Tap, ...], index: int, record: Recorder
    ) -> tuple[Fact, bool, str]:
        """Read until two answers agree. Returns the fact, whether the TAP was addressed, and what speaks against it.

        Memory is read where two reads show the same word, or two show words without a complaint.
        """
        answers: list[tuple[Fact, MemoryAnswer]] = []
        for _ in range(MOST_READS):
            answer, raw = adapter.read_memory(taps, index, self.declaration.probe_address)
            record.keep(f"memory_{index}.txt", raw)
            fact = _fact(taps[index], answer, self.declaration.probe_address)
            record.note(f"TAP {index}: {fact.answer}: {fact.detail}; {answer.complaint}".rstrip("; "))
            answers.append((fact, answer))
            if sum(_agree(fact, answer, *other) for other in answers) >= READS:
                _keep_words(record, answer)
                return fact, answer.addressed or answer.control_status is not None, ""
        complaints = [answer.complaint for _, answer in answers if answer.complaint]
        words = f"the answers of the debug port differ between {MOST_READS} reads"
        return fact, answer.addressed, "; ".join([words, *complaints[-1:]])

    def _with_lengths(self, chain: Chain) -> tuple[Tap, ...]:
        """Take the declared IR length where a TAP is declared, and else the one that was found.

        On an unstable chain, memory is requested from the declared TAPs: words that come twice were read all the same.
        """
        if chain.stuck is Stuck.UNSTABLE:
            pairs = zip(self.declaration.idcodes, self.declaration.ir_lengths, strict=False)
            return tuple(Tap(*pair) for pair in pairs)
        declared = dict(zip(self.declaration.idcodes, self.declaration.ir_lengths, strict=False))
        return tuple(Tap(tap.idcode, declared.get(tap.idcode, tap.ir_length)) for tap in chain.taps)


def _scan(adapter: DebugAdapter, record: Recorder) -> Chain:
    """Scan until several scans in a row agree and none has a complaint. Unstable is what never does."""
    agreed = 0
    last: Chain | None = None
    for _ in range(MOST_SCANS):
        chain, raw = adapter.scan()
        record.keep("scan.txt", raw)
        record.note(f"{adapter.tool}: {_words(chain)}; {chain.complaint}".rstrip("; "))
        sound = not chain.complaint and chain.stuck is not Stuck.UNSTABLE
        agreed = 0 if not sound else agreed + 1 if chain == last else 1
        last = chain
        if agreed == SCANS:
            return chain
    return Chain((), Stuck.UNSTABLE, last.complaint if last else "")


def _changed(adapter: DebugAdapter, chain: Chain, record: Recorder) -> str:
    """Return what differs on the chain now, after the memory was read."""
    after = _scan(adapter, record)
    return "" if after == chain else f"the chain changed: {_words(chain)}, and then {_words(after)}"


def _agree(fact: Fact, answer: MemoryAnswer, other_fact: Fact, other: MemoryAnswer) -> bool:
    """Whether two reads say the same."""
    if answer is other:
        return fact.answer is Answer.SEEN or not answer.complaint
    if fact.answer is not other_fact.answer:
        return False
    if fact.answer is Answer.SEEN:
        clean = not answer.complaint and not other.complaint
        return clean or bool(_words_read(answer) & _words_read(other))
    return fact == other_fact and not answer.complaint and not other.complaint


def _words_read(answer: MemoryAnswer) -> set[tuple[int, int, int]]:
    """Return the words that were read, with their place: an access port that does not exist reads zeros."""
    return {
        (port.number, place, word)
        for port in answer.access_ports
        for place, word in enumerate(port.words)
        if word not in (0, 0xFFFF_FFFF)
    }


def _answered(chain: Chain) -> bool:
    return any(tap.plausible for tap in chain.taps)


def _words(chain: Chain) -> str:
    if chain.stuck is not None:
        return chain.stuck
    return "IDCODE from TDO to TDI: " + ", ".join(f"{tap.idcode:#010x}" if tap.idcode else "none" for tap in chain.taps)


def _witness(bench: JtagBench, chain: Chain, asked: Asked) -> Witness | None:
    if chain.stuck is Stuck.UNSTABLE:
        words = f"{SCANS} scans in a row never agreed within {MOST_SCANS}; {chain.complaint}".rstrip("; ")
        return condition(words, holds=False)
    if _answered(chain):
        return Witness(what=f"{_words(chain)}, over the same adapter", holds=True, asked=asked)
    if bench.attested_wiring is not None:
        return Witness(what=f"wiring attested: {bench.attested_wiring}", holds=True, asked=asked)
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


def _of_all(facts: list[Fact]) -> Fact:
    """Join what the debug ports of one chain answered: memory is open if one reads it, and refused if all refuse."""
    if seen := [fact for fact in facts if fact.answer is Answer.SEEN]:
        return seen[0]
    refused = all(fact.answer is Answer.REFUSED for fact in facts)
    details = "; ".join(dict.fromkeys(fact.detail for fact in facts))
    answer = Answer.REFUSED if refused else Answer.SILENT
    return Fact(about="memory", answer=answer, detail=details[:DETAIL_LIMIT])


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
