"""The login and the shell on the serial console."""

import threading

from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.logins.accounts import CONSOLE
from virtual_lab.reference.firmware.terminals.line_editor import LineEditor
from virtual_lab.reference.firmware.terminals.serial_line import LineClosedError, SerialLine
from virtual_lab.reference.firmware.terminals.shell import Shell

LOGIN_PROMPT = "halcyon login: "
_PASSWORD_SECONDS = 60.0
_IDLE_SECONDS = 600.0
_SOURCE = "uart0"


class Console:
    """What runs on the serial console after the boot."""

    def __init__(self, device: Device, line: SerialLine) -> None:
        self._device = device
        self._line = line
        self._editor = LineEditor(line)

    def start(self) -> None:
        """Serve the console in the background."""
        threading.Thread(target=self._run, name="console", daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                if self._device.defects("uart_root_shell"):
                    self._shell("root", None)
                else:
                    self._login()
        except LineClosedError:
            return

    def _login(self) -> None:
        self._line.write(f"\n{LOGIN_PROMPT}")
        user = (self._editor.read() or "").strip()
        if self._editor.dropped and self._device.defects("console_crash_on_long_line"):
            self._device.crash()
        if not user:
            return
        self._line.write("Password: ")
        password = self._editor.read(echo=False, seconds=_PASSWORD_SECONDS)
        if password is None:
            return
        account = self._device.accounts.login(CONSOLE, user, password, _SOURCE)
        if account is None:
            self._line.write("\nLogin incorrect\n")
            return
        self._shell(account.user, _IDLE_SECONDS)

    def _shell(self, user: str, idle_seconds: float | None) -> None:
        """Run commands until the shell is left; Ctrl-C and Ctrl-D leave it, as does a long pause."""
        shell = Shell(self._device, user)
        self._line.write("\n")
        while True:
            self._line.write(shell.prompt)
            typed = self._editor.read(seconds=idle_seconds)
            if typed is None:
                return
            result = shell.run(typed)
            self._line.write(result.output)
            if result.ends:
                return
