"""JTAG through a real OpenOCD (0.11 or newer), run once a question, with its servers switched off.

It exits 0 on dead chains, so its output is what is read. A configuration file of the bench names the adapter and the
transport only; the TAPs come from the scan and the declaration.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from drivers import command
from drivers.debug.adapter import ACCESS_PORTS, WORDS, AccessPort, Chain, MemoryAnswer, Stuck, Tap
from trustprobe.errors import BenchError
from trustprobe.probe import printable

SECONDS = 30.0
"""A mute adapter keeps OpenOCD waiting for ever."""
_SERVERS_OFF = "gdb_port disabled; tcl_port disabled; telnet_port disabled"
_FOUND = re.compile(r"JTAG tap: (\S+) tap/device found: (0x[0-9a-f]{8})|TAP (\S+) does not have valid IDCODE")
_LENGTH = re.compile(r"AUTO (\S+) - use \"jtag newtap .*?-irlen (\d+)")
_ANSWER = re.compile(r"^trustprobe (\w+) (value|error) *(.*(?:\n0x[0-9a-f]{8}: .*)*)", re.MULTILINE)
_WORD_LINE = re.compile(r"0x[0-9a-f]{8}: ((?:[0-9a-f]{8} ?)+)")
_COMPLAINT = re.compile(
    r"^(?:Warn|Error) *: (.*(?:unexpected idcode|double-check|configured scan chain anyway|IR capture error"
    r"|due to errors|invalid ack|too many auto"
    r"|expected \d+ of \d+|unexpected: 0x|overrun|bad response|CRC|transaction stalled).*)$",
    re.MULTILINE | re.IGNORECASE,
)
"""What OpenOCD prints when bits are wrong on the way. It still exits with 0."""

# `echo` is needed to see what a command returns, `catch` because a failed one would end OpenOCD.
_ASK = """proc ask {what args} {
    if {[catch {eval $args} result]} { set how error } else { set how value }
    echo "trustprobe $what $how [string trim $result]"
    return [expr {$how eq "value" ? [string trim $result] : ""}]
}"""
_ASK_ALL = """proc ask_all {tap address ports words} {
    ask control dpd.dap dpreg 4
    for {set n 0} {$n < $ports} {incr n} {
        set idr [ask idr$n dpd.dap apreg $n 0xfc]
        if {$idr eq "" || (($idr >> 13) & 0xf) != 8} { continue }
        ask csw$n dpd.dap apreg $n 0
        ask examine$n dpd.mem$n arp_examine
        ask word$n dpd.mem$n mdw $address 1
        ask words$n dpd.mem$n mdw $address $words
    }
    ask instruction irscan $tap 0xe
    ask idcode drscan $tap 32 0xffffffff
}"""


@dataclass(frozen=True)
class OpenOcd:
    """OpenOCD on a remote_bitbang server (`host`, `port`) or with a configuration file for the adapter."""

    host: str = ""
    port: int = 0
    config: str | None = None

    @property
    def tool(self) -> str:
        """The program."""
        return "OpenOCD"

    def scan(self) -> tuple[Chain, bytes]:
        """Let OpenOCD find the TAPs without telling it any."""
        output = self._run("init", "scan_chain")
        lengths = {match[1]: int(match[2]) for match in _LENGTH.finditer(output)}
        taps = tuple(
            Tap(int(match[2] or "0", 16), lengths.get(match[1] or match[3])) for match in _FOUND.finditer(output)
        )
        if taps:
            return Chain(taps, complaint=_complaint(output)), output.encode()
        for words, stuck in (("all ones", Stuck.ONES), ("all zeroes", Stuck.ZEROS)):
            if f"scan chain interrogation failed: {words}" in output:
                return Chain((), stuck), output.encode()
        raise _no_adapter(output)

    def read_memory(self, taps: Sequence[Tap], index: int, address: int) -> tuple[MemoryAnswer, bytes]:
        """Read through every MEM-AP of one TAP, with OpenOCD's `mem_ap` target and `mdw`."""
        chain = [f"jtag newtap dpd{n} tap -irlen {tap.ir_length}{_expected(tap)}" for n, tap in enumerate(taps)]
        targets = [
            f"target create dpd.mem{n} mem_ap -dap dpd.dap -ap-num {n} -defer-examine" for n in range(ACCESS_PORTS)
        ]
        dap = f"dap create dpd.dap -chain-position dpd{index}.tap"
        questions = f"ask_all dpd{index}.tap {address & ~3:#010x} {ACCESS_PORTS} {WORDS}"
        output = self._run(_ASK, _ASK_ALL, *chain, dap, *targets, "ask init init", "poll off", questions)
        answers = {match[1]: (match[2] == "value", match[3].strip()) for match in _ANSWER.finditer(output)}
        if "control" not in answers:
            raise _no_adapter(output)
        control = _number(answers, "control")
        addressed = answers.get("idcode") == (True, f"{taps[index].idcode:08x}")
        if control is None:
            return MemoryAnswer(None, addressed, complaint=_complaint(output)), output.encode()
        ports = (_access_port(answers, number) for number in range(ACCESS_PORTS) if f"csw{number}" in answers)
        return MemoryAnswer(control, addressed, tuple(ports), _complaint(output)), output.encode()

    def _run(self, *script: str) -> str:
        if shutil.which("openocd") is None:
            raise BenchError("OpenOCD is not installed.", "Install it: apt-get install openocd.")
        lines = [_SERVERS_OFF, *self._adapter(), *script, "shutdown"]
        options = ["-f", self.config] if self.config is not None else []
        finished = command.run(["openocd", *options, *(part for line in lines for part in ("-c", line))], SECONDS)
        if finished.code is None:
            raise BenchError(
                f"OpenOCD did not end within {SECONDS:.0f} s and was stopped.",
                "Check the debug adapter, which does not answer.",
            )
        return finished.output

    def _adapter(self) -> tuple[str, ...]:
        if self.config is not None:
            return ()
        return (
            "adapter driver remote_bitbang",
            f"remote_bitbang host {{{self.host}}}",
            f"remote_bitbang port {self.port}",
            "reset_config none",
        )


def _complaint(output: str) -> str:
    found = _COMPLAINT.search(output)
    return f"OpenOCD: {printable(found[1], 200)}" if found else ""


def _expected(tap: Tap) -> str:
    return f" -expected-id {tap.idcode:#010x}" if tap.idcode else ""


def _number(answers: dict[str, tuple[bool, str]], what: str) -> int | None:
    value, text = answers.get(what, (False, ""))
    return int(text, 16) if value and re.fullmatch(r"0x[0-9a-f]+", text) else None


def _access_port(answers: dict[str, tuple[bool, str]], number: int) -> AccessPort:
    """Read the answers about one MEM-AP; where the block of words was not read whole, the single one counts."""
    words: tuple[int, ...] = ()
    for what in (f"word{number}", f"words{number}"):
        value, text = answers.get(what, (False, ""))
        if value:
            words = tuple(int(word, 16) for line in _WORD_LINE.findall(text) for word in line.split()) or words
    fault = not answers.get(f"word{number}", (False, ""))[0]
    return AccessPort(number, _number(answers, f"idr{number}") or 0, _number(answers, f"csw{number}"), words, fault)


def _no_adapter(output: str) -> BenchError:
    """What OpenOCD said before it reached a chain."""
    errors = [line for line in output.splitlines() if line.startswith("Error")] or output.splitlines()[-1:]
    return BenchError(
        f"OpenOCD did not reach the chain: {printable('; '.join(errors), 300)}.",
        "Check the debug adapter, or correct `jtag` in the bench file.",
    )
