"""The keys that a boot log names: "Hit 'gl' to stop autoboot", "enter ^C to abort", "4: Entr boot command line".

Every word is the device's. A key that would write or erase something is never pressed. A key that starts the system is
not pressed where the device names it as that.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

LONGEST_LINE = 400
"""Characters of a line that are searched; a countdown or a menu has shorter lines."""
MOST_KEYS = 12
"""Keys of one boot that are pressed because the device names them."""


class Effect(Enum):
    """The effect of a key, in the device's words."""

    STOPS = "stops"
    """It stops the start, or opens a menu, a prompt or a shell."""
    STARTS = "starts"
    """It starts the system, or selects something."""
    HARMS = "harms"
    """It writes, erases or replaces something."""


@dataclass(frozen=True)
class StopKey:
    """A key, or a word to type."""

    name: str
    typed: str


COMMON = (
    StopKey("space", " "),
    StopKey("ESC", "\x1b"),
    StopKey("the words tpl, gl and stop", "tplglstop"),
    StopKey("Ctrl-B", "\x02"),
    StopKey("Ctrl-C", "\x03"),
    StopKey("CR", "\r"),
)
"""Pressed in turns whatever the device names. CR comes last: in many bootloaders, Enter starts the system."""


@dataclass(frozen=True)
class Hint:
    """What one line says about keys."""

    stops: tuple[StopKey, ...] = ()
    avoids: frozenset[str] = frozenset()
    """Characters that start the system or harm the device."""
    any_key: bool = False
    seconds: float | None = None
    """The length of a countdown, where the line states one."""

    @property
    def says(self) -> bool:
        """Whether the line says anything about keys or a countdown."""
        return bool(self.stops or self.avoids or self.any_key or self.seconds is not None)


def hint_in(line: str) -> Hint:
    """Return what a line of a boot log says about keys."""
    line = _TIME.sub("", line[:LONGEST_LINE])
    seconds = _seconds(line)
    if not _ASKS.search(line):
        return Hint(seconds=seconds)
    found = list(_tokens(line))
    stops: list[StopKey] = []
    avoids: set[str] = set()
    any_key = False
    for index, token in enumerate(found):
        effect = _effect(line, found, index)
        if token.key is None:
            any_key = any_key or effect is Effect.STOPS
        elif effect is not Effect.STOPS:
            avoids.update(token.key.typed[:1])
        elif index and found[index - 1].then_enter(line, token):
            continue
        else:
            stops.append(_with_enter(line, found, index))
    return Hint(tuple(stops), frozenset(avoids) - {key.typed for key in stops}, any_key, seconds)


def menu_keys(line: str) -> list[StopKey]:
    """Return the keys of a menu's entries that open a prompt or a shell: `4: Entr boot command line interface.`

    One line may hold several entries.
    """
    starts = [*_ENTRY.finditer(line[:LONGEST_LINE])]
    ends = [*(later.start() for later in starts[1:]), LONGEST_LINE]
    entries = [(start[1], line[start.end() : end]) for start, end in zip(starts, ends, strict=False)]
    return [StopKey(key, key) for key, words in entries if _PROMPT_ENTRY.search(words) and not _HARMS.search(words)]


def has_entries(line: str) -> bool:
    """Whether a line has the shape of an entry of a menu."""
    return bool(_ENTRY.match(line[:LONGEST_LINE]))


def is_menu(line: str) -> bool:
    """Whether a line introduces a menu of the bootloader."""
    return bool(_MENU.search(line[:LONGEST_LINE]))


def pressable(named: Iterable[StopKey], avoided: Iterable[str]) -> list[StopKey]:
    """Return the keys to press in turns: the named ones between any two of the common ones, without the avoided."""
    own = list(dict.fromkeys(named))[:MOST_KEYS]
    avoid = set(avoided) - {key.typed for key in own}
    rounds: list[StopKey] = []
    for key in COMMON:
        if key.typed[:1] not in avoid:
            rounds += [*own, key] if key not in own else []
    return rounds or own


@dataclass(frozen=True)
class _Token:
    """A key in a line; `key` is None for "any key"."""

    key: StopKey | None
    start: int
    end: int

    def then_enter(self, line: str, other: "_Token") -> bool:
        """Whether the other one is the Enter that ends what is typed."""
        if other.key is None or other.key.typed != "\r" or self.key is None:
            return False
        return bool(_AND.fullmatch(line[self.end : other.start]))


_NAMED = {"esc": "\x1b", "escape": "\x1b", "space": " ", "spacebar": " ", "space bar": " ", "blank": " "} | {
    "enter": "\r",
    "return": "\r",
    "cr": "\r",
    "tab": "\t",
    "del": "\x7f",
    "delete": "\x7f",
    "backspace": "\x08",
    "slash": "/",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f8": "\x1b[19~",
    "f10": "\x1b[21~",
    "f12": "\x1b[24~",
}
_KEY_WORD = "|".join(sorted((re.escape(word) for word in _NAMED), key=len, reverse=True))
_OPEN, _CLOSE = r"[<\[('\"`\u2018\u201c]", r"[>\])'\"`\u00b4\u2019\u201d]"
_TIME = re.compile(r"^\[ *\d+\.\d+\] ?")
"""The time that a kernel prints before its lines."""
_ASKS = re.compile(
    r"(?i)\b(?:press|hit|type|enter|push|strike|send|input|use|pressing|abort|interrupt|stop)\b|\bctrl|\^[A-Z]"
)
_TOKEN = re.compile(
    rf"""(?ix)
    (?P<any>\b(?:any|a)\s+(?:other\s+)?(?:keys?|character|button)\b)
    |(?:{_OPEN}\s*)?
      (?:(?<![\w])\^(?P<caret>[a-z\[])|\b(?:ctrl|control|ctl)\s*[-+ ]?\s*{_OPEN}?(?P<ctrl>[a-z])\b)
      (?:\s*{_CLOSE})?
    |{_OPEN}\s*(?P<quoted>(?:[!-&*-;=?-Z\\^-~]{{1,16}}|{_KEY_WORD}))\s*(?:key\s*)?{_CLOSE}
    |(?<=[\s/,(])(?P<word>{_KEY_WORD})(?=[\s/,.;:)!]|$)
    |(?:(?<=\bpress\s)|(?<=\bhit\s)|(?<=\btype\s)|(?<=\bkey\s)|(?<=\bor\s)|(?<=\bpush\s)|(?<=\binput\s)|(?<=\benter\s)
      |(?<=\bletters\s)|(?<=\bword\s))(?P<bare>[A-Za-z0-9!-/]{{1,12}}|[:-@\[-`{{-~])(?=\s+(?:key|to|for|in|within|and|or|now|then|followed)\b|\s*[,<\[(+]|\s*$)
    """
)
_NO_KEYS = {
    "any",
    "a",
    "the",
    "this",
    "key",
    "keys",
    "reset",
    "button",
    "to",
    "for",
    "it",
    "in",
    "password",
    "and",
    "or",
    "twice",
}
_AND = re.compile(
    r"(?i)(?:\s*(?:keys?)?\s*,?\s*(?:\+|and|then|followed by|&)\s*(?:then\s+)?(?:press|hit|push)?\s*(?:the\s+)?)?"
)
_BEFORE_ENTER = re.compile(r"(?i)(?:press|hit|push|or|and|the|with|by|[/,+>])\s*\Z")
_AFTER_ENTER = re.compile(r"(?i)\s*(?:keys?\b|to\b|or\b|and\b|for\b|now\b|twice\b|within\b|in\b|\Z|[,.;:)/>\]!])")
_TO_ENTER = re.compile(r"(?i)\bto\s+enter\s+\Z")
_STOPS = re.compile(
    r"(?i)\b(?:stop|abort|interrupt|cancel|break|halt|escape|quit|exit|pause|access|get|enter|edit|open|disable|prevent"
    r"|boot[ -]?(?:menu|options?|prompt|shell|console|[l]oader|monitor|cli|rom)|menu|set-?up|command|prompt|shell"
    r"|console|cli|monitor|fail-?safe|rescue|recovery shell|debug|uboot|u-boot|config\w*|diag\w*|maintenance)"
)
_ENDS = re.compile(r"(?i)\b(?:stop|abort|interrupt|cancel|break|halt|escape|quit|exit|pause|disable|prevent)")
_STARTS = re.compile(
    r"(?i)\b(?:boot|continue|execut\w*|proceed|skip|start|select|resume|move|scroll|accept|launch|run)\b"
)
_HARMS = re.compile(
    r"(?i)\b(?:upgrad\w*|updat\w*|eras\w*|writ\w*|formats?|re-?flash\w*|flash(?:ing)?|restor\w*|re-?set|factory|burn\w*"
    r"|download\w*|tftp|y-?modem|x-?modem|kermit|recover(?:y mode)?|wipe\w*|clear\w*|load(?:s|ing)?|program\w*"
    r"|delete)\b"
)
_SECONDS = re.compile(
    r"(?i)(?:(?:in|within|after|for|:)\s*(\d{1,3})(?:\.\d+)?\s*(?:s\b|sec|$)|\b(\d{1,3})(?:\.\d+)?\s*(?:s\b|sec)"
    r"|(?:autoboot|auto run|boot\w*)\D{0,40}?(\d{1,3})\b)"
)
_MILLISECONDS = re.compile(r"(?i)\b(\d{1,5})\s*ms\b")
_COUNTS = re.compile(
    r"(?i)auto[- ]?(?:mati\w*)?[- ]?(?:boot|run|start|load|continu)|automatically in|count ?down"
    r"|\b(?:boot\w*|start\w*|continu\w*|abort\w*|stop\w*|interrupt\w*|menu|mode)\b.{0,60}\b(?:in|within|after)\b.{0,12}\d"
    r"|\b(?:hit|press)\b.{0,60}\b(?:key|stop|abort|interrupt)\b"
)
_MENU = re.compile(
    r"(?i)please (?:choose|select)|select (?:an? )?(?:option|operation|entry|boot)|boot ?menu|choose (?:an? |the )?"
    r"(?:operation|option|boot)|menu:|gnu grub"
)
_ENTRY = re.compile(r"(?:^|(?<=[\s,;|:]))\s*[<\[('\"]?([0-9A-Za-z])[>\])'\"]?(?:[.:)\]]+|\s+[-=]+\s)\s*(?=\S)")
_PROMPT_ENTRY = re.compile(
    r"(?i)command|shell|prompt|\bcli\b|console|monitor|interactive|debug|u-?boot|exit|rescue|fail-?safe|single"
)


def _tokens(line: str) -> Iterable[_Token]:
    for match in _TOKEN.finditer(line):
        if match["any"]:
            yield _Token(None, match.start(), match.end())
            continue
        key = _key(match, line)
        if key is not None:
            yield _Token(key, match.start(), match.end())


def _key(match: re.Match[str], line: str) -> StopKey | None:
    if letter := match["caret"] or match["ctrl"]:
        return StopKey(f"Ctrl-{letter.upper()}", chr(ord(letter.upper()) & 0x1F))
    word = match["quoted"] or match["word"] or match["bare"]
    low = word.lower()
    if low in _NO_KEYS:
        return None
    before, after = line[: match.start()], line[match.end() :]
    if match["bare"] is not None and _TO_ENTER.search(before):
        return None
    is_verb = not _BEFORE_ENTER.search(before) or not _AFTER_ENTER.match(after)
    if low in ("enter", "return") and match["quoted"] is None and is_verb:
        return None
    if low in _NAMED:
        return StopKey(low, _NAMED[low])
    return StopKey(word, word)


def _effect(line: str, tokens: list[_Token], index: int) -> Effect:
    """Return what the words after a key say that it does; the words before it where none follow."""
    for token in tokens:
        line = line[: token.start] + " " * (token.end - token.start) + line[token.end :]
    end = len(line)
    for later in tokens[index + 1 :]:
        between = line[tokens[index].end : later.start]
        if _verb(between) is not None:
            end = later.start
            break
    clause = line[tokens[index].end : end]
    start = tokens[index - 1].end if index else 0
    return _verb(clause) or _verb(line[start : tokens[index].start]) or Effect.STOPS


def _verb(words: str) -> Effect | None:
    found = [
        (match.start(), order, effect)
        for order, (pattern, effect) in enumerate(
            ((_HARMS, Effect.HARMS), (_STOPS, Effect.STOPS), (_STARTS, Effect.STARTS))
        )
        if (match := pattern.search(words))
    ]
    if not found:
        return None
    effect = min(found)[2]
    return Effect.HARMS if effect is Effect.STOPS and _HARMS.search(words) and not _ENDS.search(words) else effect


def _with_enter(line: str, tokens: list[_Token], index: int) -> StopKey:
    """Return the key, with the Enter that the line asks for after it."""
    key = tokens[index].key
    assert key is not None, "only named keys are pressed"
    if index + 1 < len(tokens) and tokens[index].then_enter(line, tokens[index + 1]):
        return StopKey(f"{key.name} and Enter", f"{key.typed}\r")
    return key


def _seconds(line: str) -> float | None:
    if not _COUNTS.search(line):
        return None
    if found := _MILLISECONDS.search(line):
        return float(found[1]) / 1_000
    found = _SECONDS.search(line)
    return float(next(group for group in found.groups() if group)) if found else None
