"""Streams that anybody may have: DESCRIBE, SETUP and PLAY without a login, on declared and on common paths.

The messages are in `rtsp.py`; whether an open stream is a failure is said by the cases.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from drivers.data import table
from drivers.network.dialogue import EndedError
from drivers.network.logins.rtsp import USUAL_ENDPOINTS, Endpoint, RtspAnswer, RtspConnection, credential
from drivers.network.sweep.canary import Canary, asked_at
from drivers.network.target import Target
from drivers.network.web.transport.authentication import challenges, strongest
from lab_config.component import Service
from trustprobe.errors import NotForwardedError
from trustprobe.probe import Answer, Asked, Fact, Observation, Recorder, Witness, all_of, printable

_ACCEPT = {"Accept": "application/sdp"}
_REQUEST = "an RTSP request"
_OVER_TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
_CONTROL = re.compile(rb"^a=control:([^\r\n]{1,500})", re.M)
_NEW_CONNECTIONS = 8
"""How often a port that closes the connection is asked again before its further paths are left out."""
_BAD_REQUEST = 400
_REFUSALS = {401, 403, 404, 405, 407, 451, 454, 455}
"""What refuses a stream, or says that the path has none: login required, forbidden, not found, method or session (RFC
2326, 11.3). A server that is busy (453, 503), broken (500) or moved (302) refuses nothing."""


def endpoints_of(services: Iterable[Service]) -> tuple[Endpoint, ...]:
    """Return the declared endpoints of RTSP, and the usual ports."""
    declared = {one.port: Endpoint(one.port, one.tls) for one in services if one.protocol == "rtsp"}
    return (*declared.values(), *(usual for usual in USUAL_ENDPOINTS if usual.port not in declared))


def common_paths() -> tuple[str, ...]:
    """Return the paths on which manufacturers serve streams."""
    return tuple(row["path"] for row in table("rtsp_paths")["paths"])


@dataclass(frozen=True)
class StreamControl:
    """The declared streams with a valid login: what is open to it must be closed without one."""

    endpoint: Endpoint
    paths: tuple[str, ...]
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class AskStreams:
    """Ask each endpoint for streams without a login; facts are about `tcp/N`.

    SEEN is an SDP, or a stream that plays; REFUSED an RST to the first connection, or 401 and its like to each path.
    Other answers, and paths that got none, leave the port open. Witness: the canary
    connected before and after, and with the valid login each declared path gave its SDP.
    """

    target: Target
    endpoints: tuple[Endpoint, ...]
    canary: int | None
    control: StreamControl | None = None
    paths: tuple[str, ...] = field(default_factory=common_paths)
    which: str = ""
    """Says which endpoints these are, where there is more than one such question to a target."""

    @property
    def name(self) -> str:
        """One observation for each set of endpoints of a target."""
        family = "rtsp6_anonymous" if ":" in self.target.address else "rtsp_anonymous"
        return f"{family}.{self.which}" if self.which else family

    def run(self, record: Recorder) -> Observation:
        """Ask each; BenchError when this machine cannot send."""
        canary = Canary(self.target, self.canary)
        tracks, witnesses = self._controlled(record)
        facts, left_open = [], dict[str, str]()
        for endpoint in self.endpoints:
            try:
                fact, doubt = self._ask(endpoint, tracks, record)
            except NotForwardedError as error:
                fact, doubt = Fact(about=endpoint.about, answer=Answer.SILENT, detail=error.words), error.words
            record.note(f"{fact.about} -> {fact.answer}: {fact.detail}")
            facts.append(fact)
            left_open |= {fact.about: doubt} if doubt else {}
        witnesses.append(canary.witness())
        return Observation(
            question=f"Does one of {len(facts)} RTSP ports give a stream to anonymous clients?",
            facts=tuple(facts),
            witness=all_of(witnesses),
            left_open=left_open,
        )

    def _controlled(self, record: Recorder) -> tuple[dict[str, str], list[Witness]]:
        """Ask for the declared streams with the valid login; return the URL of each one's track, and the witnesses."""
        tracks: dict[str, str] = {}
        witnesses: list[Witness] = []
        for path in self.control.paths if self.control else ():
            assert self.control is not None
            try:
                with RtspConnection(self.target, self.control.endpoint) as connection:
                    answer = _described(connection, path, self.control.user, self.control.password)
                    if answer.is_sdp:
                        tracks[path] = _track(connection, path, answer)
                    words = "gave an SDP" if answer.is_sdp else f"gave no SDP: {answer.words}"
            except EndedError as ended:
                words = f"gave no SDP: {ended.detail}"
            except NotForwardedError as error:
                words = f"gave no SDP: {error.words}"
            record.note(f"control: {path} with the login of {self.control.user} {words}")
            what = f"{path} with the valid login of {self.control.user} {words}"
            asked = Asked(door=self.control.endpoint.about, shape=_REQUEST)
            witnesses.append(Witness(what=what, holds=path in tracks, asked=asked))
        return tracks, witnesses

    def _ask(self, endpoint: Endpoint, tracks: dict[str, str], record: Recorder) -> tuple[Fact, str]:
        """Probe one endpoint. Also return the reason that leaves the fact open."""
        declared = self.control is not None and self.control.endpoint == endpoint
        own = self.control.paths if self.control and declared else ()
        asked = _Anonymous(self.target, endpoint, record)
        paths = tuple(dict.fromkeys((*own, *self.paths)))
        for path in paths:
            # A server that serves a declared stream and answers 400 to another path has none there (mediamtx).
            if not asked.describe(path, bad_is_none=bool(tracks) and path not in own):
                break
        for path in own:
            if path in tracks:
                asked.play(path, tracks[path])
        asked.close()
        if asked.open:
            detail = printable("; ".join(asked.open), 1_500)
            return Fact(about=endpoint.about, answer=Answer.SEEN, detail=detail), ""
        said = ", ".join(f"{count} x {words}" for words, count in asked.said.items()) or asked.problem
        if (asked.problem and not asked.refuses) or asked.unclear:
            doubt = asked.doubt(len(paths)) if declared or asked.said else ""
            shape = asked_at(endpoint.about, _REQUEST, connected=asked.connected)
            return Fact(about=endpoint.about, answer=Answer.SILENT, detail=printable(said, 1_500), asked=shape), doubt
        return Fact(about=endpoint.about, answer=Answer.REFUSED, detail=printable(said, 1_500)), ""


class _Anonymous:
    """Requests without a login to one endpoint, over as few connections as it allows."""

    def __init__(self, target: Target, endpoint: Endpoint, record: Recorder) -> None:
        self._target, self._endpoint, self._record = target, endpoint, record
        self._connection: RtspConnection | None = None
        self._left = _NEW_CONNECTIONS
        self.open: list[str] = []
        self.said: dict[str, int] = {}
        self.unclear: dict[str, int] = {}
        """What was said that refuses no stream."""
        self.problem = ""
        self.connected = True
        self.refuses = False
        """Whether the port refused the first connection, or gave its first answer in something other than RTSP."""
        self._described = 0

    def describe(self, path: str, *, bad_is_none: bool) -> bool:
        """Ask for a path; whether it is worth while to ask for another. 400 may say that there is no stream."""
        answer = self._request("DESCRIBE", path, _ACCEPT)
        if answer is None:
            return self._left > 0 and not self.refuses and not self.problem.startswith("time was up")
        self._described += 1
        if answer.is_sdp:
            self.open.append(f"{path} gives an SDP")
            self._record.keep(f"tcp-{self._endpoint.port}.sdp", answer.body)
        elif answer.status != _BAD_REQUEST or not bad_is_none:
            self._judge("DESCRIBE", answer)
        return True

    def play(self, path: str, track: str) -> None:
        """Set the track of a stream up and play it, as who knows its address may try; and take it down again."""
        answer = self._request("SETUP", track, _OVER_TCP)
        if answer is None:
            return
        if answer.status != 200:
            self._judge("SETUP", answer)
            return
        session = {"Session": answer.headers.get("session", "").split(";")[0]}
        played = self._request("PLAY", path, session)
        if played is not None and played.status == 200:
            self.open.append(f"{path} plays")
        elif played is not None:
            self._judge("PLAY", played)
        self._request("TEARDOWN", path, session)

    def doubt(self, paths: int) -> str:
        """Return why the answers prove nothing about some of so many paths."""
        reasons = []
        if self.unclear:
            answers = ", ".join(f"{count} x {words}" for words, count in self.unclear.items())
            reasons.append(f"answers that refuse no stream: {answers}")
        left = paths - self._described
        if self.problem:
            reasons.append(f"{left} of {paths} paths were not tested: {self.problem}" if left else self.problem)
        return printable("; ".join(reasons), 600)

    def _judge(self, method: str, answer: RtspAnswer) -> None:
        if answer.status not in _REFUSALS:
            words = f"{method}: {answer.words}"
            self.unclear[words] = self.unclear.get(words, 0) + 1

    def _request(self, method: str, where: str, headers: dict[str, str]) -> RtspAnswer | None:
        """Send one request, again if the connection was closed before it. None if there is no answer."""
        kept = self._connection is not None
        try:
            if self._connection is None:
                self._left -= 1
                self._connection = RtspConnection(self._target, self._endpoint)
            self._connection.dialogue.extend()
            uri = self._connection.url(where) if where.startswith("/") else where
            answer = self._connection.request(method, uri, headers)
        except EndedError as ended:
            self.close()
            if kept and self._left > 0:
                return self._request(method, where, headers)
            first = not self.said and not self.problem
            other = ended.detail.startswith("something other than RTSP")
            self.refuses = first and (ended.answer is Answer.REFUSED or other)
            self.problem = ended.detail
            # a port that accepted a connection before was probed with a request: no canary is a witness for it
            self.connected = ended.connected if first else self.connected or ended.connected
            return None
        words = f"{method}: {answer.words}"
        self.said[words] = self.said.get(words, 0) + 1
        return answer

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.dialogue.close()
            self._connection = None


def _described(connection: RtspConnection, path: str, user: str, password: str) -> RtspAnswer:
    """Ask for a stream with a login."""
    uri = connection.url(path)
    answer = connection.request("DESCRIBE", uri, _ACCEPT)
    challenge = strongest(challenges(answer.headers.get("www-authenticate", "")))
    if answer.status != 401 or challenge is None:
        return answer
    return connection.request("DESCRIBE", uri, _ACCEPT | credential(challenge, user, password, "DESCRIBE", uri))


def _track(connection: RtspConnection, path: str, answer: RtspAnswer) -> str:
    """Return the URL of the last track that an SDP names (RFC 2326, C.1.1), on this device and nowhere else."""
    base = connection.url(path)
    named = [one.decode("utf-8", "replace") for one in _CONTROL.findall(answer.body)]
    control = next((one for one in reversed(named) if one != "*"), "")
    if "://" in control:
        _, _, rest = control.partition("://")
        return connection.url("/" + rest.partition("/")[2])
    return f"{base.rstrip('/')}/{control.lstrip('/')}" if control else base
