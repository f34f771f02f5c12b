"""The canary as a witness: a declared TCP port that connected before some questions and after them."""

from drivers.network.target import Target, answer_of
from trustprobe.probe import Witness


class Canary:
    """Probed when it is created and again by `witness`. `port` is None if the product declares no TCP service."""

    def __init__(self, target: Target, port: int | None) -> None:
        self._target = target
        self._port = port
        self._before = self._connects()

    def witness(self) -> Witness:
        """Ask again, and say whether both connections came about. Raises BenchError when this machine cannot send."""
        if self._port is None:
            return Witness(what="no TCP service is declared that can be the canary", holds=False)
        moments = {"before": self._before, "after": self._connects()}
        words = " and ".join(f"{'connected' if held else 'did not connect'} {when}" for when, held in moments.items())
        return Witness(what=f"canary tcp/{self._port} {words}", holds=all(moments.values()))

    def _connects(self) -> bool:
        if self._port is None:
            return False
        try:
            self._target.connect(self._port).close()
        except OSError as error:
            answer_of(error)
            return False
        return True
