"""What UPnP actions do for anonymous clients: actions that read, and the port mapping of an Internet gateway.

Actions whose name begins with Get are called, and those that set what was read (`upnp_writing.py`). A mapping is asked
for with a lease, to this machine, on a port that is free, and taken back; only where the bench allows that. Whether an
answer is a failure is said by the cases.
"""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from drivers.network.iot.safe_xml import Element
from drivers.network.iot.upnp import (
    Action,
    UpnpLocation,
    UpnpReply,
    call,
    fetch,
    is_name,
    is_type,
    locations,
    offer,
    read_description,
    search,
)
from drivers.network.iot.upnp_writing import WRITING, pairs, set_again
from drivers.network.target import Target
from lab_config.component import Transport
from lab_config.interfaces import UpnpDeclaration
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition, printable

_DESCRIPTION = Asked(door="the UPnP ports", shape="the actions of a description")
"""The question which actions are offered. The silence of an action that was called is left open."""

PROTECTION = "DeviceProtection#"
"""The service that gives authority out; everybody may ask it what there is to log in with."""
READING, MAPPING = "reading", "port_mapping"
"""Two of the three questions; the third one, WRITING, is in `upnp_writing.py`."""
CALLS = 60
"""Actions that are called."""
LEASE_SECONDS = 60
_AT_ONCE = 8
_NO_SUCH_ENTRY = "714"
_ARGUMENTS = 6
"""An action that reads and wants more than this is left alone."""


class UpnpSeen(Observation):
    """What actions do for anonymous clients."""

    descriptions: tuple[str, ...] = ()
    """Where a description was found, as `tcp/49152 /rootDesc.xml`."""


@dataclass(frozen=True)
class AskUpnp:
    """Find the device's descriptions and call what they offer: `reading`, `port_mapping` and `writing`.

    SEEN is an answer of an action that is not declared public, REFUSED error 606 or HTTP 401 and 403 of all. Witness:
    a description came before and after the calls.
    """

    target: Target
    declared: UpnpDeclaration
    may_map: bool
    heard: bool = True
    """Whether something answers on the port of SSDP, so that a search is worth its time."""
    usual: tuple[UpnpLocation, ...] = ()
    """Where descriptions are by custom."""

    @property
    def name(self) -> str:
        """One observation a target."""
        return "upnp_actions"

    def run(self, record: Recorder) -> UpnpSeen:
        """Search, read and call; BenchError when this machine cannot send."""
        places = self._places(record)
        documents, missing = self._documents(places, record)
        if not documents:
            documents, _ = self._documents([place for place in self.usual if place not in places], record)
            places = [*(place for place in (*places, *self.usual) if not self._reaches(place)), *documents]
        offered, unread = self._offered(documents, record)
        reading, unclear = self._read(offered, record)
        mapping = self._map(offered, record)
        left_open = {READING: reading.detail} if unclear else {}
        if mapping.answer is Answer.SILENT and _mappers(offered):
            left_open[MAPPING] = mapping.detail
        writing, unclear = set_again(self.target, pairs(offered, self.declared.public), self.may_map, record)
        left_open |= {WRITING: writing.detail} if unclear else {}
        return UpnpSeen(
            descriptions=tuple(f"tcp/{place.port} {place.path}" for place in documents),
            question=f"What do {len(offered)} UPnP actions do for anonymous clients?",
            facts=(reading, mapping, writing),
            witness=all_of([self._witness(places, documents, missing), *unread]),
            asked=_DESCRIPTION,
            left_open=left_open,
        )

    def _places(self, record: Recorder) -> list[UpnpLocation]:
        answers = search(self.target) if self.heard else []
        if answers:
            record.keep("ssdp.bin", b"\n".join(answers))
        found = locations(self.target, answers)
        if self.declared.description is not None and self.declared.port is not None:
            found.append(UpnpLocation(self.declared.port, self.declared.description))
        places = list(dict.fromkeys(found))
        record.note(f"{len(answers)} answers of SSDP, descriptions at {', '.join(map(str, places)) or 'none'}")
        return places

    def _documents(
        self, places: Sequence[UpnpLocation], record: Recorder
    ) -> tuple[dict[UpnpLocation, Element], list[str]]:
        """Fetch descriptions, all at once; also why others gave none. Without a device it is not a description."""
        reached = [place for place in places if self._reaches(place)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(partial(read_description, self.target), reached))
        documents: dict[UpnpLocation, Element] = {}
        missing: list[str] = []
        for place, (one, why) in zip(reached, found, strict=True):
            if one is not None and one.each("device"):
                documents[place] = one
                continue
            missing.append(f"tcp/{place.port} {place.path}: {why or 'it describes no device'}")
            record.note(missing[-1])
        return documents, missing

    def _reaches(self, place: UpnpLocation) -> bool:
        return self.target.reaches(Transport.TCP, place.port)

    def _offered(self, documents: dict[UpnpLocation, Element], record: Recorder) -> tuple[list[Action], list[Witness]]:
        """Return the actions that can be called, and a failed witness for each service whose actions are unknown."""
        offered: list[Action] = []
        unread: list[Witness] = []
        for place, document in documents.items():
            found = offer(self.target, place, document)
            offered += [one for one in found.actions if is_name(one.name) and is_type(one.service)]
            unread += [condition(why, holds=False) for why in found.unread]
        for action in offered:
            record.note(f"offered: {action.about}")
        for one in unread:
            record.note(one.what)
        return offered, unread

    def _read(self, offered: Sequence[Action], record: Recorder) -> tuple[Fact, bool]:
        """Call the actions that read and are not public. Also return whether errors leave the question open."""
        wanted = [
            action
            for action in offered
            if action.name.startswith("Get")
            and not self._is_public(action)
            and len(action.arguments) <= _ARGUMENTS
            and all(is_name(argument.name) for argument in action.arguments)
        ]
        replies: dict[str, UpnpReply] = {}
        for number, action in enumerate(wanted[:CALLS], start=1):
            record.progress(number, min(len(wanted), CALLS), f"UPnP: {action.about}")
            reply = call(self.target, action, {one.name: one.harmless for one in action.arguments})
            record.note(f"{action.about} -> {'granted' if reply.ok else 'not granted'}: {reply.words}")
            replies[action.about] = reply
        return _reading(replies, len(wanted))

    def _is_public(self, action: Action) -> bool:
        """Whether an action needs no authority: the declared ones, and those that authority is asked for with."""
        return action.about in self.declared.public or action.about.startswith(PROTECTION)

    def _map(self, offered: Sequence[Action], record: Recorder) -> Fact:
        """Ask for a mapping of a free port to this machine, and take it back."""
        mappers = _mappers(offered)
        if not mappers:
            return Fact(about=MAPPING, answer=Answer.SILENT, detail="the device offers no action that maps ports")
        if not self.may_map:
            return Fact(
                about=MAPPING,
                answer=Answer.SILENT,
                detail="not tested: the bench does not allow configure. Add `configure` to `allow`",
            )
        refused = []
        for action in mappers:
            reply = self._try_mapping(action, offered, record)
            if reply.ok:
                return Fact(about=MAPPING, answer=Answer.SEEN, detail=f"{action.about}: {reply.words}")
            refused.append(reply)
        answer = Answer.REFUSED if all(reply.is_refusal for reply in refused) else Answer.SILENT
        return Fact(about=MAPPING, answer=answer, detail="; ".join(reply.words for reply in refused))

    def _try_mapping(self, action: Action, offered: Sequence[Action], record: Recorder) -> UpnpReply:
        port = self._free_port(action, offered)
        if port is None:
            return UpnpReply(False, "no free port was found for a test mapping")
        place = {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": "TCP"}
        wanted = {
            **place,
            "NewInternalPort": str(port),
            "NewInternalClient": self.target.own_address(),
            "NewEnabled": "1",
            "NewPortMappingDescription": "trustprobe",
            "NewLeaseDuration": str(LEASE_SECONDS),
        }
        reply = call(self.target, action, wanted)
        record.note(f"{action.about} of {port} for {LEASE_SECONDS} s -> {reply.words}")
        if not reply.ok:
            return reply
        place["NewExternalPort"] = dict(reply.values or {}).get("NewReservedPort") or str(port)
        undo = _beside(action, "DeletePortMapping", offered)
        undone = call(self.target, undo, place) if undo is not None else UpnpReply(False, "no such action")
        record.note(f"removed again: {undone.words}")
        word = "removed again" if undone.ok else f"not removed ({undone.words}). Its lease ends after {LEASE_SECONDS} s"
        return UpnpReply(True, f"external port {port} was mapped to this machine without a login, and {word}")

    def _free_port(self, action: Action, offered: Sequence[Action]) -> int | None:
        """Return a port that the gateway says has no mapping; without that action, any high one."""
        asking = _beside(action, "GetSpecificPortMappingEntry", offered)
        for _ in range(3):
            port = 49_152 + secrets.randbelow(16_000)
            if asking is None:
                return port
            place = {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": "TCP"}
            reply = call(self.target, asking, place)
            if reply.code == _NO_SUCH_ENTRY or reply.is_refusal:
                return port
        return None

    def _witness(
        self, places: Sequence[UpnpLocation], documents: dict[UpnpLocation, Element], missing: Sequence[str]
    ) -> Witness:
        if not documents and missing:
            return condition(printable(f"no description was read: {'; '.join(missing)}", 600), holds=False)
        if not places:
            return condition("UPnP answered, but named no description on the device", holds=False)
        came = [
            _described(place, "before", holds=place in documents)
            if self._reaches(place)
            else condition(NotForwardedError("tcp", place.port).words, holds=False)
            for place in places
        ]
        after = [_described(place, "after", holds=fetch(self.target, place) is not None) for place in documents]
        return all_of([*came, *after])


def _reading(replies: Mapping[str, UpnpReply], wanted: int) -> tuple[Fact, bool]:
    """Return what became of the actions that read, and whether the question is left open."""
    granted = [f"{about} ({reply.words})" for about, reply in replies.items() if reply.ok]
    if granted:
        shown = printable("; ".join(granted[:4]), 600)
        return Fact(about=READING, answer=Answer.SEEN, detail=f"{len(granted)} actions answer: {shown}"), False
    errors = [f"{about}: {reply.words}" for about, reply in replies.items() if not reply.is_refusal]
    if errors:
        shown = printable("; ".join(errors[:4]), 600)
        detail = f"{len(errors)} actions neither answer nor require authorisation: {shown}"
        return Fact(about=READING, answer=Answer.SILENT, detail=detail), True
    if wanted > CALLS:
        detail = f"only {CALLS} of {wanted} actions that read were tested. These require authorisation"
        return Fact(about=READING, answer=Answer.SILENT, detail=detail), True
    if replies:
        detail = f"{len(replies)} actions require authorisation"
        return Fact(about=READING, answer=Answer.REFUSED, detail=detail), False
    return Fact(about=READING, answer=Answer.SILENT, detail="no action to call"), False


def _described(place: UpnpLocation, when: str, *, holds: bool) -> Witness:
    what = f"the description of tcp/{place.port} was read {when} the calls"
    return Witness(what=what, holds=holds, asked=_DESCRIPTION)


def _mappers(offered: Sequence[Action]) -> list[Action]:
    return [action for action in offered if action.name in ("AddPortMapping", "AddAnyPortMapping")]


def _beside(action: Action, name: str, offered: Sequence[Action]) -> Action | None:
    """Return another action of the same service."""
    same = (one for one in offered if (one.service, one.control) == (action.service, action.control))
    return next((one for one in same if one.name == name), None)
