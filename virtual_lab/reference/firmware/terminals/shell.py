"""The maintenance shell behind SSH and the serial console: a handful of commands, and no way to any other."""

from dataclasses import dataclass

from virtual_lab.reference.firmware.device import Device

_LINE_CHARACTERS = 256


@dataclass(frozen=True)
class Result:
    """What a command printed (lines end with `\\n`), its exit status, and whether it ends the shell."""

    output: str = ""
    status: int = 0
    ends: bool = False


class Shell:
    """The shell of one login."""

    def __init__(self, device: Device, user: str) -> None:
        self._device = device
        self._user = user

    @property
    def prompt(self) -> str:
        """The prompt, with a mark for root."""
        return f"{self._user}@halcyon:{'/#' if self._user == 'root' else '~$'} "

    def run(self, line: str) -> Result:
        """Run one command line."""
        words = line[:_LINE_CHARACTERS].split()
        match words:
            case []:
                return Result()
            case ["id"]:
                number = 0 if self._user == "root" else 1000
                return Result(f"uid={number}({self._user}) gid={number}({self._user})\n")
            case ["uname"]:
                return Result("Linux\n")
            case ["uname", "-a"]:
                return Result("Linux halcyon 5.15.0-halcyon #1 SMP aarch64 GNU/Linux\n")
            case ["cat", "/etc/version"]:
                return Result(f"{self._device.version}\n")
            case ["uptime"]:
                return Result(f"up {self._device.boot.uptime} seconds\n")
            case ["help"]:
                return Result("cat /etc/version, exit, help, id, reboot, uname, uptime\n")
            case ["reboot"]:
                self._device.restart()
                return Result("The system is going down for reboot\n", ends=True)
            case ["exit" | "logout"]:
                return Result(ends=True)
            case ["cat", path]:
                return Result(f"cat: {path}: Permission denied\n", 1)
        return Result(f"sh: {words[0]}: not found\n", 127)
