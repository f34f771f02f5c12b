"""The Linux system calls that Python 3.11 has no function for: unshare, mount, prctl and inotify, and `ifreq` ioctls.

Nothing here knows what a lab or a board is. Every failed call is an OSError with the kernel's errno.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
_PR_SET_PDEATHSIG = 1
_IN_OPEN = 0x20
_IN_CLOSE = 0x08 | 0x10
_INOTIFY_EVENT = struct.Struct("iIII")
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_IFF_UP = 1
_RTM_NEWADDR, _NLMSG_ERROR = 20, 2
_NLM_F_REQUEST_ACK_CREATE_REPLACE = 0x1 | 0x4 | 0x400 | 0x100
_IFA_ADDRESS, _IFA_F_NODAD = 1, 0x02

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)). With CLONE_NEWUSER it must have one thread only."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Attach a file system to this process's tree of folders (mount(2))."""
    words = [word.encode() or None for word in (source, target, kind)]
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send a signal to this process when its parent ends (prctl(2), PR_SET_PDEATHSIG).

    `parent` is the process that started this one: if it ended before the call, the signal comes at once. The kernel
    means the *thread* that forked, so processes are started from a thread that lives as long as they shall.
    """
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


class OpenWatch:
    """Counts how often a file is open in other places than before the watch began (inotify(7))."""

    def __init__(self, path: str) -> None:
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")
        self.count = 0
        try:
            _checked(_libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN | _IN_CLOSE), "inotify_add_watch")
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the count may have changed."""
        return self._fd

    def update(self) -> int:
        """Take what the kernel reported since the last call into `count`, and return it."""
        while True:
            try:
                events = os.read(self._fd, 4096)
            except BlockingIOError:
                return self.count
            offset = 0
            while offset < len(events):
                _, mask, _, length = _INOTIFY_EVENT.unpack_from(events, offset)
                offset += _INOTIFY_EVENT.size + length
                if mask & _IN_OPEN:
                    self.count += 1
                elif mask & _IN_CLOSE:
                    self.count = max(0, self.count - 1)

    def close(self) -> None:
        """End the watch."""
        os.close(self._fd)


def _flags(sock: socket.socket, name: str) -> int:
    answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
    flags: int = struct.unpack("16sH14x", answer)[1]
    return flags


def is_up(name: str) -> bool:
    """Whether an interface of this network namespace is up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return bool(_flags(sock, name) & _IFF_UP)


def set_link(name: str, *, up: bool) -> None:
    """Bring an interface of this network namespace up or down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        flags = _flags(sock, name) & ~_IFF_UP | (_IFF_UP if up else 0)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags))


def set_address6(name: str, address: str, prefix: int) -> None:
    """Give an interface of this network namespace an IPv6 address that is usable at once (rtnetlink(7), no DAD)."""
    packed = socket.inet_pton(socket.AF_INET6, address)
    attribute = struct.pack("=HH16s", 4 + len(packed), _IFA_ADDRESS, packed)
    message = struct.pack("=BBBBI", socket.AF_INET6, prefix, _IFA_F_NODAD, 0, socket.if_nametoindex(name)) + attribute
    header = struct.pack("=IHHII", 16 + len(message), _RTM_NEWADDR, _NLM_F_REQUEST_ACK_CREATE_REPLACE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.bind((0, 0))
        sock.send(header + message)
        answer = sock.recv(4096)
    kind, error = struct.unpack_from("=4xH10xi", answer)
    if kind != _NLMSG_ERROR or error:
        raise OSError(-error, f"address {address} of {name}: {os.strerror(-error)}")


def set_address(name: str, address: str, netmask: str) -> None:
    """Give an interface of this network namespace its IPv4 address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, netmask)):
            sockaddr = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(sock, request, struct.pack("16s16s", name.encode(), sockaddr))
