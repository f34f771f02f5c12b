"""Whether UPnP actions change something for anonymous clients, shown without a change: what was read is set again.

For an action SetX whose arguments are all among what GetX of the same service returns, the values that GetX returned
are set. Nothing else that changes the device is called.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.network.iot.upnp import Action, UpnpReply, call, is_name
from drivers.network.target import Target
from trustprobe.probe import Answer, Fact, Recorder, printable

WRITING = "writing"
MOST = 12
"""Actions that are called."""
_ARGUMENTS = 6


@dataclass(frozen=True)
class ReadAndSet:
    """An action that sets what another one of its service reads."""

    read: Action
    write: Action

    def arguments(self, values: dict[str, str]) -> dict[str, str] | None:
        """Return the arguments that set these values again; None where a value is missing."""
        came = {one.variable: values.get(one.name) for one in self.read.results}
        given = {one.variable: one.harmless for one in self.read.arguments}
        known = {one.name: given.get(one.variable, came.get(one.variable)) for one in self.write.arguments}
        return None if None in known.values() else {name: value or "" for name, value in known.items()}


def pairs(offered: Sequence[Action], public: Sequence[str]) -> list[ReadAndSet]:
    """Return the actions that can be called without a change, and are not declared public."""
    found = []
    for write in offered:
        if not write.name.startswith("Set") or write.about in public or not 0 < len(write.arguments) <= _ARGUMENTS:
            continue
        for read in offered:
            same = (read.service, read.control, read.name) == (write.service, write.control, f"Get{write.name[3:]}")
            covered = {one.variable for one in (*read.results, *read.arguments) if one.variable}
            if same and all(one.variable in covered and is_name(one.name) for one in write.arguments):
                found.append(ReadAndSet(read, write))
    return found


def set_again(target: Target, wanted: Sequence[ReadAndSet], may_write: bool, record: Recorder) -> tuple[Fact, bool]:
    """Set what was read; the fact, and whether it leaves the question open."""
    if not wanted:
        return Fact(
            about=WRITING, answer=Answer.SILENT, detail="the device offers no action that sets what it reads"
        ), False
    if not may_write:
        words = "not tested: the bench does not allow configure. Add `configure` to `allow`"
        return Fact(about=WRITING, answer=Answer.SILENT, detail=words), True
    done: list[str] = []
    replies: list[UpnpReply] = []
    for pair in wanted[:MOST]:
        before = call(target, pair.read, {one.name: one.harmless for one in pair.read.arguments})
        arguments = pair.arguments(dict(before.values or {})) if before.ok else None
        reply = before if arguments is None else call(target, pair.write, arguments)
        record.note(f"{pair.write.about} with the value that was read -> {reply.words}")
        replies.append(reply)
        if reply.ok and arguments is not None:
            done.append(f"{pair.write.about} ({printable(', '.join(arguments.values()), 60)})")
    if done:
        words = f"{len(done)} actions set a value that was read: {'; '.join(done[:4])}"
        return Fact(about=WRITING, answer=Answer.SEEN, detail=printable(words, 600)), False
    refused = all(reply.is_refusal for reply in replies)
    words = "; ".join(dict.fromkeys(reply.words for reply in replies))
    if refused and len(wanted) > MOST:
        words = f"only {MOST} of {len(wanted)} actions that set what was read were tested: {words}"
        refused = False
    return Fact(
        about=WRITING, answer=Answer.REFUSED if refused else Answer.SILENT, detail=printable(words, 600)
    ), not refused
