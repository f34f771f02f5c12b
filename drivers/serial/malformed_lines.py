"""The probe that types malformed lines at the login of a serial console: long lines, controls, non-text octets.

No line contains the name of an account, so none is a guess. A login that waits for a password gets lines as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from drivers.network.malformed.messages.message import FORMATS, NOT_UTF8, Message, MessageSeries, bounded, mutations
from drivers.network.malformed.sending.carrier import Carrier
from drivers.network.malformed.sending.delivery import Reaction
from drivers.network.malformed.sending.evidence import keep_octets
from drivers.network.malformed.sending.liveness import Liveness
from drivers.network.malformed.sending.revival import Revival
from drivers.network.malformed.sending.round import MalformedInput, Round
from drivers.network.malformed.sending.watch import Watch
from drivers.network.target import Target
from drivers.serial.login import LoginDialogue
from drivers.serial.port import Console
from lab_config.bench import ConsoleBench
from lab_config.component import ConsoleDeclaration, Service
from trustprobe.probe import Recorder

LOOKS = 3
"""How often the prompt is requested before it counts as gone: a device under load starts its login slowly."""
BATCH = 6
"""Lines between two checks. After each line, Ctrl-C stops what the line started."""
_LINE = "POSIX.1-2017 XBD 11.1.6: a line may be longer than the buffer of its reader (CWE-120)"
_CONTROLS = "ECMA-48, control functions (CWE-150)"


def typed(seed: int, count: int) -> tuple[Message, ...]:
    """Return so many lines; the same seed gives the same ones."""
    random = Random(f"{seed}/console")
    changes = mutations((b"tp\r", b"tp\x08\x08\x08\x08\r", b"\x1b[A\x1b[3~tp\t\r"), random, 1_024)
    kept = (Message(one.name, bytes(o for o in one.data if o not in _LEFT_OUT) or b"\r", one.origin) for one in changes)
    return bounded(_named(random), kept, count)


def _named(random: Random) -> Iterator[Message]:
    for name, data, origin in (
        ("line_of_4096", b"A" * 4_096 + b"\r", _LINE),
        ("line_of_256", b"A" * 256 + b"\r", _LINE),
        ("line_of_1024", b"A" * 1_024 + b"\r", _LINE),
        ("line_without_end", b"A" * 2_048, _LINE),
        ("words_many", b"a " * 1_000 + b"\r", "more words than a program accepts as arguments (CWE-88)"),
        ("options", b"-f -h -p --help\r", "CVE-2007-0882, a name that login treats as an option"),
        ("variables", b"tp LD_PRELOAD=/x PATH=. ENV=x\r", "CVE-2001-0797, variables after the name"),
        ("zeros", b"\x00" * 256 + b"\r", "CWE-158"),
        ("ones", b"\xff" * 256 + b"\r", "octets with the eighth bit set, as from a wrong speed"),
        ("controls", bytes(one for one in range(32) if one not in _LEFT_OUT) * 8 + b"\r", _CONTROLS),
        ("backspaces", b"\x08\x7f" * 512 + b"tp\r", "a line that is erased beyond its start (CWE-124)"),
        ("line_erased", b"tp\x15\x15\x17\x17tp\r", "POSIX.1-2017 XBD 11.1.9, KILL and WERASE"),
        ("quoted", b"\x16\x03\x16\x04\x16\x00tp\r", "LNEXT: the next character is literal"),
        ("stop_and_start", b"\x13" + b"A" * 64 + b"\x11\r", "POSIX.1-2017 XBD 11.1.9, STOP and START"),
        ("escapes", b"\x1b[2J\x1b[6n\x1b]0;x\x07\x1bc" * 16 + b"\r", _CONTROLS),
        ("escape_cut_off", b"\x1b[" + b"9;" * 400 + b"\r", _CONTROLS),
        ("history", b"\x1b[A" * 64 + b"\x1b[D" * 64 + b"\x1b[3~" * 64 + b"\r", "keys of a line editor"),
        ("completion", b"\t" * 256 + b"\r", "keys of a line editor"),
        ("formats", FORMATS * 8 + b"\r", "CWE-134"),
        ("not_utf8", NOT_UTF8 * 16 + b"\r", "RFC 3629 clause 3"),
        ("traversal", b"../../../../etc/passwd\r", "CWE-22"),
        ("line_ends", b"\r\n" * 128, "a series of empty names"),
        ("ends_of_file", b"\x04" * 16 + b"\r", "POSIX.1-2017 XBD 11.1.9, EOF"),
        ("noise", bytes(random.choice(_NOISE) for _ in range(512)) + b"\r", "random octets from the seed"),
    ):
        yield Message(name, data, origin)


_LEFT_OUT = frozenset({0x03, 0x04, 0x0F, 0x13, 0x1A, 0x1C})
"""Keys that end or stop a program, and SysRq of a serial line: these are not malformed but have a meaning."""
_NOISE = tuple(one for one in range(256) if one not in _LEFT_OUT)


@dataclass(frozen=True)
class TypeMalformedLines:
    """Type malformed lines at the login prompt. Witness: the prompt appeared before, and after every few lines.

    A service on the network shows whether the device as a whole still works.
    """

    bench: ConsoleBench
    declaration: ConsoleDeclaration
    target: Target
    service: Service
    series: MessageSeries
    revival: Revival

    @property
    def name(self) -> str:
        """One console per bench."""
        return "malformed.console"

    def run(self, record: Recorder) -> MalformedInput:
        """Type them all, or until damage is proved. BenchError if the port is gone."""
        keep = keep_octets(record, self.series.messages)
        with Console(self.bench, self.declaration.baud) as console:
            dialogue = LoginDialogue(console, self.declaration)

            def type_line(message: Message) -> Reaction:
                console.send_octets(message.data + b"\x03\r")
                return Reaction(True, b"", "typed")

            def missing() -> str | None:
                for _ in range(LOOKS):
                    arrival = dialogue.reach_login()
                    if arrival and arrival.awaited is dialogue.login:
                        return None
                return "the console shows no login prompt"

            liveness = Liveness(self.target, self.service)
            carrier = Carrier(type_line, BATCH, healthy=b"tp\r")
            with Watch(liveness, self.revival, record.note, missing) as watch:
                try:
                    return Round("the login of the console", self.series, carrier, keep, watch, record).run()
                finally:
                    record.keep("console.raw", console.transcript())
