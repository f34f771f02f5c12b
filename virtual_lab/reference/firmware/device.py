"""The device as its services see it: flash, defects, network interface, log, accounts, updates, and how it ends."""

import copy
import os
import signal
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from virtual_lab.reference.defects import Defects
from virtual_lab.reference.firmware.clock import Clock
from virtual_lab.reference.firmware.logins.accounts import Account, Accounts
from virtual_lab.reference.firmware.logs.store import FILE, LogStore
from virtual_lab.reference.firmware.logs.syslog import Event, Log
from virtual_lab.reference.firmware.ports import Ports
from virtual_lab.reference.firmware.sensors import Sensors
from virtual_lab.reference.firmware.storage.flash import SETTINGS, Flash
from virtual_lab.reference.firmware.updates.releases import Releases
from virtual_lab.reference.firmware.updates.updater import Updater


@dataclass(frozen=True)
class Boot:
    """This start: why it came, its random id, and when it was (seconds of the monotonic clock)."""

    reset: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=time.monotonic)

    @property
    def uptime(self) -> int:
        """Whole seconds since this start."""
        return int(time.monotonic() - self.started)


class Device:
    """One running device. Services get this, and nothing else."""

    def __init__(self, flash: Flash, defects: Defects, ports: Ports, boot: Boot) -> None:
        self.flash = flash
        self.defects = defects
        self.ports = ports
        self.boot = boot
        self.serial = str(flash.config["serial"])
        self.model = str(flash.config["model"])
        self.slot = flash.active
        """The slot that this start booted; an update that is being installed changes the next one."""
        self.running = flash.slot(self.slot)
        self.releases = Releases(self.running.version, defects)
        self.restarting = threading.Event()
        self.clock = Clock(defects)
        store = LogStore(None if defects("log_lost_on_reboot") else flash.path(FILE))
        self.log = Log(self.serial, defects, self.clock.now, store)
        self.expected: tuple[str, ...] = ()
        self.serving: set[str] = set()
        """The ports that a device of this kind serves, and those that it serves now."""
        stored = [Account.load(account) for account in flash.config["accounts"]]
        self.accounts = Accounts(
            stored, defects, self.log, flash.save_accounts, digests=flash.digests, keep_digests=flash.save_digests
        )
        self.sensors = Sensors(flash.sensor_secrets)
        self.updater = Updater(flash, defects, self.log, self.restart)
        self._settings_lock = threading.Lock()
        self._settings: dict[str, str] = {name: flash.config["settings"][name] for name in SETTINGS}

    @property
    def version(self) -> str:
        """The firmware version that runs."""
        return self.running.version

    def at(self, ports: Ports) -> "Device":
        """Return this same device with another address, for services that listen there as well."""
        beside = copy.copy(self)
        beside.ports = ports
        return beside

    def restart(self) -> None:
        """End this run; the board starts the firmware again."""
        self.restarting.set()

    def crash(self) -> NoReturn:
        """End as a processor does that runs into a fault: at once, and without a word."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a process that has ended")

    @property
    def settings(self) -> dict[str, str]:
        """The settings in force."""
        with self._settings_lock:
            return dict(self._settings)

    def change_settings(self, changes: dict[str, str], user: str, source: str) -> None:
        """Put settings in force, keep them over a restart, and log each change."""
        with self._settings_lock:
            if not self.defects("setting_not_applied"):
                self._settings.update(changes)
                if not self.defects("settings_lost_on_reboot"):
                    self.flash.save_settings(self._settings)
        if self.defects("config_change_not_logged"):
            return
        for name, value in changes.items():
            self.log.send(Event.CONFIG_CHANGE, "setting changed", field=name, value=value, user=user, src=source)

    def log_start(self) -> None:
        """Log that the device has started, and the update that it started with, if this is the first time."""
        if not self.defects("reboot_not_logged"):
            self.log.send(Event.START, "device started", reset=self.boot.reset, boot_id=self.boot.id)
        self.updater.announce()

    def log_time_step(self, old: datetime, new: datetime) -> None:
        """Log that the time source has moved the clock."""
        if not self.defects("time_change_not_logged"):
            self.log.send(Event.TIME_CHANGE, "clock stepped", old=old.isoformat(), new=new.isoformat())
