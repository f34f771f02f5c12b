"""A remote_bitbang server for tests, in front of simulated TAPs or of a broken adapter."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from lab_config.bench import JtagBench
from lab_config.doors import JtagDeclaration
from virtual_lab.jtag.debug_port import MEMORY_BASE, DebugPort, Memory, MemoryAccessPort
from virtual_lab.jtag.tap import ScanChain, Tap, remote_bitbang

DP = 0x4BA0_0477
OTHER = 0x0641_3041
PAYLOAD = bytes(range(1, 120))
DECLARATION = JtagDeclaration(idcodes=(DP,), ir_lengths=(4,), probe_address=MEMORY_BASE)

Wire = Callable[[bytes], bytes]
"""Takes commands, returns what the server answers; raises EOFError to hang up."""


def debug_port(*, locked: bool = False) -> DebugPort:
    memory = Memory()
    memory.load(PAYLOAD)
    return DebugPort(MemoryAccessPort(memory, locked=locked))


def other_tap() -> Tap:
    return Tap(OTHER, ir_length=5, idcode_instruction=1)


def taps(chain: Sequence[Tap], *, powered: bool = True) -> Wire:
    board = ScanChain(chain)
    board.powered = powered

    def wire(commands: bytes) -> bytes:
        answer, quit_asked = remote_bitbang(board, commands)
        if quit_asked:
            raise EOFError
        return answer

    return wire


@contextmanager
def serving(wire: Wire, **bench: str) -> Iterator[JtagBench]:
    """Serve one connection after the other until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, wire), daemon=True)
        thread.start()
        try:
            yield JtagBench(remote_bitbang=f"remote_bitbang://127.0.0.1:{server.getsockname()[1]}", **bench)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(server: socket.socket, wire: Wire) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                while commands := connection.recv(1 << 16):
                    connection.sendall(wire(commands))
            except (EOFError, OSError):
                continue


def noisy(wire: Wire, rate: float, seed: int) -> Wire:
    """An adapter that reads each bit of TDO wrongly with this probability."""
    random = Random(seed)

    def flipped(commands: bytes) -> bytes:
        return bytes(octet ^ (random.random() < rate) for octet in wire(commands))

    return flipped
