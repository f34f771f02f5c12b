"""What UPnP actions do for anonymous clients: actions that read, and the port mapping of an Internet gateway.

Only actions whose name begins with Get are called. A mapping is asked for with a lease, to this machine, on a port that
is free, and taken back; only where the bench allows that. Whether an answer is a failure is said by the cases.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from drivers.network.iot.safe_xml import Element
from drivers.network.iot.upnp import (
    Action,
    UpnpLocation,
    UpnpReply,
    actions,
    call,
    fetch,
    is_name,
    is_type,
    locations,
    search,
)
from drivers.network.target import Target
from lab_config.component import Transport
from lab_config.interfaces import UpnpDeclaration
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Fact, Observation, Recorder, Witness, all_of, printable

PROTECTION = "DeviceProtection#"
"""The service that gives authority out; everybody may ask it what there is to log in with."""
READING, MAPPING = "reading", "port_mapping"
"""The two questions."""
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
    """Find the device's descriptions and call what they offer: `reading` and `port_mapping`.

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
        documents = self._documents(places)
        if not documents:
            documents = self._documents([place for place in self.usual if place not in places])
            places = [*(place for place in (*places, *self.usual) if not self._reaches(place)), *documents]
        offered = [action for place, document in documents.items() for action in self._offered(place, document)]
        for action in offered:
            record.note(f"offered: {action.about}")
        reading, unclear = self._read(offered, record)
        mapping = self._map(offered, record)
        left_open = {READING: reading.detail} if unclear else {}
        if mapping.answer is Answer.SILENT and _mappers(offered):
            left_open[MAPPING] = mapping.detail
        return UpnpSeen(
            descriptions=tuple(f"tcp/{place.port} {place.path}" for place in documents),
            question=f"What do {len(offered)} UPnP actions do for anonymous clients?",
            facts=(reading, mapping),
            witness=self._witness(places, documents),
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

    def _documents(self, places: Sequence[UpnpLocation]) -> dict[UpnpLocation, Element]:
        """Fetch descriptions, all at once. A document without a device is not a description."""
        reached = [place for place in places if self._reaches(place)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(partial(fetch, self.target), reached)
        return {place: one for place, one in zip(reached, found, strict=True) if one is not None and one.each("device")}

    def _reaches(self, place: UpnpLocation) -> bool:
        return self.target.reaches(Transport.TCP, place.port)

    def _offered(self, place: UpnpLocation, document: Element) -> list[Action]:
        return [one for one in actions(self.target, place, document) if is_name(one.name) and is_type(one.service)]

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
        granted = [f"{about} ({reply.words})" for about, reply in replies.items() if reply.ok]
        if granted:
            shown = printable("; ".join(granted[:4]), 600)
            return Fact(about=READING, answer=Answer.SEEN, detail=f"{len(granted)} actions answer: {shown}"), False
        if replies and all(reply.is_refusal for reply in replies.values()):
            return Fact(
                about=READING, answer=Answer.REFUSED, detail=f"{len(replies)} actions require authorisation"
            ), False
        errors = [f"{about}: {reply.words}" for about, reply in replies.items() if not reply.is_refusal]
        shown = printable("; ".join(errors[:4]), 600)
        detail = (
            f"{len(errors)} actions neither answer nor require authorisation: {shown}"
            if errors
            else "no action to call"
        )
        return Fact(about=READING, answer=Answer.SILENT, detail=detail), bool(errors)

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

    def _witness(self, places: Sequence[UpnpLocation], documents: dict[UpnpLocation, Element]) -> Witness:
        if not places:
            return Witness(what="UPnP answered, but named no description on the device", holds=False)
        came = [
            Witness(what=f"the description of tcp/{place.port} was read before the calls", holds=place in documents)
            if self._reaches(place)
            else Witness(what=NotForwardedError("tcp", place.port).words, holds=False)
            for place in places
        ]
        after = [
            Witness(
                what=f"the description of tcp/{place.port} was read after the calls",
                holds=fetch(self.target, place) is not None,
            )
            for place in documents
        ]
        return all_of([*came, *after])


def _mappers(offered: Sequence[Action]) -> list[Action]:
    return [action for action in offered if action.name == "AddPortMapping"]


def _beside(action: Action, name: str, offered: Sequence[Action]) -> Action | None:
    """Return another action of the same service."""
    same = (one for one in offered if (one.service, one.control) == (action.service, action.control))
    return next((one for one in same if one.name == name), None)
