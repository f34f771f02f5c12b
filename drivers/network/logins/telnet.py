"""Telnet as a door to log in at (RFC 854): prompts as declared, or as login programs and command lines show them.

A login counts when a command prompt that was not there before it shows, and shows again after an empty line: a text
that merely looks like a prompt does not come twice. The dialogue is in `telnet_login.py`, the options in
`telnet_options.py`.
"""

from dataclasses import dataclass, field

from drivers.guessing.attempt import LoginAttempt
from drivers.network.dialogue import Dialogue, EndedError
from drivers.network.kept_door import KeptDoor
from drivers.network.logins.telnet_login import Learned, Prompts, TelnetLogin
from drivers.network.logins.undeclared import Knock
from drivers.network.target import Target
from trustprobe.errors import BenchError
from trustprobe.probe import Answer, printable

__all__ = ["SECONDS", "USUAL_PORTS", "Prompts", "TelnetDoor"]

USUAL_PORTS = (23, 2323)
"""IANA's telnet, and where many cameras and recorders have it."""
SECONDS = 12.0
_SHOWN = 160


@dataclass(frozen=True)
class TelnetDoor(KeptDoor):
    """Logins over Telnet; `interface` is the declared service.

    SEEN is a command prompt twice, REFUSED the login program's words or its prompt again. A connection that is closed
    silently and a time-out are SILENT.
    """

    target: Target
    port: int
    interface: str
    prompts: Prompts = field(default_factory=Prompts)
    tls: bool = False
    seconds: float = SECONDS
    learned: Learned = field(default_factory=Learned, init=False, repr=False, compare=False)

    def new_way(self) -> "_TelnetWay":
        """Return a way without a connection."""
        return _TelnetWay(self)

    def knock(self) -> Knock:
        """See whether Telnet speaks here: a login prompt, a command prompt, or an option negotiation."""
        try:
            with Dialogue(self.target, self.port, tls=self.tls, seconds=self.seconds) as dialogue:
                login = TelnetLogin(dialogue, self.prompts, self.learned)
                try:
                    _, shown = login.greeting()
                except EndedError as ended:
                    answer = Answer.SEEN if login.options.seen else Answer.SILENT
                    return Knock(answer, f"{ended.detail}; {login.words}", answered=False)
                return Knock(Answer.SEEN, f"the prompt is {printable(shown, _SHOWN)}")
        except EndedError as ended:
            return Knock(ended.answer, ended.detail, connected=ended.connected, answered=False)


class _TelnetWay:
    """Attempts one after the other; a connection that shows the login prompt again serves the next one."""

    def __init__(self, door: TelnetDoor) -> None:
        self._door = door
        self._open: tuple[Dialogue, TelnetLogin] | None = None

    def attempt(self, user: str, password: str) -> LoginAttempt:
        """Log in once, over the connection that is open or over another one."""
        if not (user + password).isprintable():
            raise BenchError("a login to type contains control characters.", "Correct the list of guesses.")
        used = self._open is not None
        try:
            login = self._connection()
            attempt = login.attempt(user, password)
        except EndedError as ended:
            self.close()
            if used:  # a login program serves a few attempts, and then ends the connection
                return self.attempt(user, password)
            return LoginAttempt(ended.answer, ended.detail, unanswered=True, connected=ended.connected)
        if not login.ready:
            self.close()
        if used and attempt.answer is Answer.SILENT:
            self.close()
            return self.attempt(user, password)
        return attempt

    def _connection(self) -> TelnetLogin:
        door = self._door
        if self._open is None:
            dialogue = Dialogue(door.target, door.port, tls=door.tls, seconds=door.seconds)
            self._open = dialogue, TelnetLogin(dialogue, door.prompts, door.learned)
        else:
            self._open[0].extend(door.seconds)
        return self._open[1]

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._open is not None:
            self._open[0].close()
        self._open = None
