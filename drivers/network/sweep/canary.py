"""The canary as a witness: a declared TCP port that connected before some questions and after them.

It proves that the device accepts connections, so it is a witness for ports that accept none, and for nothing else.
"""

from drivers.network.target import Target, answer_of
from trustprobe.probe import Asked, Witness, condition

CONNECTION = Asked(door="the TCP ports", shape="a connection")
"""The question of a TCP sweep."""


def asked_at(door: str, shape: str, *, connected: bool) -> Asked:
    """Return what a silent port was asked: a connection if it accepted none, else the question of this shape."""
    return Asked(door=door, shape=shape) if connected else CONNECTION


class Canary:
    """Probed when it is created and again by `witness`. `port` is None if the product declares no TCP service."""

    def __init__(self, target: Target, port: int | None) -> None:
        self._target = target
        self._port = port
        self._before = self._connects()

    def witness(self) -> Witness:
        """Ask again, and say whether both connections came about. Raises BenchError when this machine cannot send."""
        if self._port is None:
            return condition("no TCP service is declared that can be the canary", holds=False)
        moments = {"before": self._before, "after": self._connects()}
        words = " and ".join(f"{'connected' if held else 'did not connect'} {when}" for when, held in moments.items())
        return Witness(what=f"canary tcp/{self._port} {words}", holds=all(moments.values()), asked=CONNECTION)

    def _connects(self) -> bool:
        if self._port is None:
            return False
        try:
            self._target.connect(self._port).close()
        except OSError as error:
            answer_of(error)
            return False
        return True
