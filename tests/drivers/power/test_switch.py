import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from drivers.power import switch
from drivers.power.switch import PowerSwitch
from lab_config.bench import PowerBench
from tests.free_ports import free_port
from trustprobe.errors import BenchError, ConfigurationError


@contextmanager
def relay(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """An HTTP relay, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join(5)


def switched_by(*command: str) -> PowerSwitch:
    return PowerSwitch(PowerBench(on=command, off=command))


def test_an_url_is_fetched() -> None:
    with relay() as (url, asked):
        here = PowerSwitch(PowerBench(on=f"{url}/relay/0?turn=on", off=f"{url}/relay/0?turn=off"))
        here.on()
        here.off()
    assert asked == ["/relay/0?turn=on", "/relay/0?turn=off"]


def test_a_cycle_is_off_and_then_on() -> None:
    with relay() as (url, asked):
        PowerSwitch(PowerBench(on=f"{url}/on", off=f"{url}/off", settle_seconds=0.01)).cycle()
    assert asked == ["/off", "/on"]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_relay_that_refuses_is_the_benchs_fault(status: int) -> None:
    with relay(status) as (url, _), pytest.raises(BenchError, match=str(status)):
        PowerSwitch(PowerBench(on=url, off=url)).off()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with relay() as (url, asked):
        PowerSwitch(PowerBench(on=f"{url}/on", off=url)).on()
    assert asked == ["/on"]


def test_a_relay_that_is_not_there_is_the_benchs_fault() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BenchError, match="did not answer"):
        PowerSwitch(PowerBench(on=url, off=url)).on()


@pytest.mark.parametrize("as_string", [True, False])
def test_a_command_is_run_without_a_shell(tmp_path: Path, as_string: bool) -> None:
    script = tmp_path / "relay.py"
    script.write_text("import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])")
    out = tmp_path / "state"
    command = (sys.executable, str(script), str(out), "on; $HOME *")
    how = f"{sys.executable} {script} {out} 'on; $HOME *'" if as_string else command
    PowerSwitch(PowerBench(on=how, off=how)).on()
    assert out.read_text() == "on; $HOME *"


def test_a_command_that_fails_is_quoted_by_its_last_words() -> None:
    with pytest.raises(BenchError, match=r"ended with exit code 3: .*no relay on hub 1-1"):
        switched_by(sys.executable, "-c", "import sys; print('no relay on hub 1-1', file=sys.stderr); sys.exit(3)").on()


def test_a_command_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "COMMAND_SECONDS", 0.5)
    monkeypatch.setattr("drivers.command._TERM_SECONDS", 0.2)
    stubborn = "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait()"
    with pytest.raises(BenchError, match="did not end"):
        switched_by(sys.executable, "-c", stubborn).off()


def test_a_command_that_is_not_installed_is_the_benchs_fault() -> None:
    with pytest.raises(BenchError, match="could not be started"):
        switched_by("there-is-no-such-relay-tool").on()


@pytest.mark.parametrize("how", ["", "relay 'on"])
def test_what_is_no_command_line_is_a_configuration_error(how: str) -> None:
    with pytest.raises(ConfigurationError, match=r"power\.on"):
        PowerSwitch(PowerBench(on=how, off="true")).on()
