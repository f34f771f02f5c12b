"""Many frames with one system call, in and out of a packet socket: sendmmsg(2) and recvmmsg(2).

Python has no function for them, and single calls are what a sweep of 65,535 ports would spend its time on. Holds no
protocol: a frame is bytes here.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

BATCH = 64
"""Frames that one call takes or gives."""
SLOT = 128
"""Bytes of a frame that are received; the headers of TCP over IPv6 take 74."""
_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("header", _Header), ("received", ctypes.c_uint))


_BEFORE = _Message.received.offset
_LENGTHS = struct.Struct(f"={_BEFORE}xI{ctypes.sizeof(_Message) - _BEFORE - 4}x")


class _Batch:
    """`BATCH` messages, each with one slot of a buffer of which `length` bytes are used."""

    def __init__(self, length: int) -> None:
        self.buffer = ctypes.create_string_buffer(BATCH * SLOT)
        start = ctypes.addressof(self.buffer)
        self._vectors = (_Vector * BATCH)(*(_Vector(start + number * SLOT, length) for number in range(BATCH)))
        first = ctypes.addressof(self._vectors)
        size = ctypes.sizeof(_Vector)
        self.messages = (_Message * BATCH)(
            *(_Message(_Header(None, 0, first + number * size, 1), 0) for number in range(BATCH))
        )


class Outgoing:
    """Sends frames of one length."""

    def __init__(self, sock: socket.socket, length: int) -> None:
        self._descriptor, self._filling, self._batch = sock.fileno(), bytes(SLOT - length), _Batch(length)

    def send(self, frames: Sequence[bytes]) -> int:
        """Send at most `BATCH` frames; return how many the kernel took, or raise its OSError when it took none."""
        data = self._filling.join(frames)
        ctypes.memmove(self._batch.buffer, data, len(data))
        sent = int(_libc.sendmmsg(self._descriptor, self._batch.messages, len(frames), 0))
        if sent < 0:
            raise _error()
        return sent


class Incoming:
    """Receives frames from a non-blocking socket; of each, the first `SLOT` bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._descriptor, self._batch = sock.fileno(), _Batch(SLOT)
        self._frames, self._messages = memoryview(self._batch.buffer), memoryview(self._batch.messages).cast("B")

    def receive(self) -> int:
        """Take up to `BATCH` frames in; return how many there were, 0 if none waited. OSError when the link fails."""
        number = int(_libc.recvmmsg(self._descriptor, self._batch.messages, BATCH, socket.MSG_DONTWAIT, None))
        if number >= 0:
            return number
        error = _error()
        if isinstance(error, BlockingIOError | InterruptedError):
            return 0
        raise error

    def fields(self, layout: struct.Struct, number: int) -> Iterator[tuple[Any, ...]]:
        """Read the frames of the last call by a layout of `SLOT` bytes. After a frame's end are older bytes."""
        return layout.iter_unpack(self._frames[: number * SLOT])

    def lengths(self, number: int) -> Iterator[tuple[int]]:
        """Return how long each frame of the last call is."""
        return _LENGTHS.iter_unpack(self._messages[: number * _LENGTHS.size])

    def frame(self, number: int) -> bytes:
        """Return one frame of the last call."""
        start = number * SLOT
        return bytes(self._frames[start : start + min(SLOT, self._batch.messages[number].received)])


def _error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
