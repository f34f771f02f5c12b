"""The debug adapter of a virtual device: a scan chain behind OpenOCD's remote_bitbang protocol, on a TCP socket."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Self

from virtual_lab.jtag.tap import ScanChain, remote_bitbang

_READ_LIMIT = 65536


async def serve(chain: ScanChain, listener: socket.socket, connected: Callable[[], None]) -> asyncio.Server:
    """Be the adapter for whoever connects to `listener`; `connected` is called for each, before it is answered."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connected()
            while commands := await reader.read(_READ_LIMIT):
                answers, quit_asked = remote_bitbang(chain, commands)
                writer.write(answers)
                await writer.drain()
                if quit_asked:
                    break
        except ConnectionError:
            pass  # the host went away
        finally:
            writer.close()

    return await asyncio.start_server(answer, sock=listener)


class Adapter:
    """An adapter in a thread of its own, on a port of 127.0.0.1: `with Adapter(chain, connected) as adapter: ...`."""

    def __init__(self, chain: ScanChain, connected: Callable[[], None]) -> None:
        self._chain = chain
        self._connected = connected
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jtag", daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        """Listen."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = self._loop.run_until_complete(serve(self._chain, listener, self._connected))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and end the thread."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _hang_up(self) -> None:
        self._server.close()
        clients = asyncio.all_tasks() - {asyncio.current_task()}
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
