import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest

from drivers.network.target import Target
from lab_config.bench import Bench, NetworkBench
from lab_config.component import Component, Service
from lab_config.load import find, load
from lab_config.product import Product
from tests.drivers.network.loopback_servers import tcp_server
from tests.free_ports import free_port
from tests.trustprobe.judging import made_up_run
from trustprobe.errors import DeviceLostError
from trustprobe.judging import health as engine
from trustprobe.judging.health import Health
from trustprobe.probe import Answer

ALERT = bytes.fromhex("15030300020228")


def health(port: int, *, forwarded: bool, tls: bool, beside: int | None = None) -> Health:
    declared = load(find("products", "reference_camera"), Product).component
    admin = {"id": "admin", "transport": "tcp", "protocol": "http", "canary": True, "purpose": "x"}
    service = Service.model_validate(admin | {"port": 443 if forwarded else port, "tls": tls})
    services = [service]
    if beside is not None:
        ssh = {"id": "ssh", "transport": "tcp", "protocol": "ssh", "port": beside, "purpose": "x"}
        services.append(Service.model_validate(ssh))
    component = Component.model_construct(**{**dict(declared), "services": tuple(services)})
    absent = {"absent": "not here"}
    parts = dict.fromkeys(("console", "jtag", "power", "collector"), absent)
    network = NetworkBench(address="127.0.0.1", port_map={"tcp/443": port} if forwarded else {})
    names = {"schema_version": 1, "id": "desk", "product": "reference_camera", "sample": "S1"}
    bench = Bench.model_validate({**names, **parts, "network": network})
    return Health(bench, component)


class Ports:
    """Answers of ports, one after the other; the last one stays."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.answers = {int(name[1:]): given for name, given in answers.items()}
        self.asked: list[int] = []

    def __call__(self, _target: Target, port: int, _seconds: float) -> Answer:
        self.asked.append(port)
        given = self.answers[port]
        return given.pop(0) if len(given) > 1 else given[0]


class Clock:
    """Time that passes only while the engine waits, and ends."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        self.reads += 1
        assert self.reads < 1_000, "it never ends"
        return self.now

    def wait(self, seconds: float) -> None:
        assert seconds == 0.1
        self.now += seconds
        self.waits.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(engine, "time", made)
    monkeypatch.setattr(engine, "threading", SimpleNamespace(Event=lambda: made))
    return made


def test_a_port_that_opens_after_the_canary_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.REFUSED, Answer.REFUSED, Answer.SEEN])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    assert health(443, forwarded=False, tls=True, beside=22).gone(30) is None
    assert ports.asked == [443, 22, 22, 22]


def test_a_check_of_the_canary_alone_probes_no_other_port(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(p443=[Answer.REFUSED, Answer.SEEN], p22=[Answer.REFUSED])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    assert health(443, forwarded=False, tls=True, beside=22).silent(30) is None
    assert ports.asked == [443, 443]


def test_a_canary_that_stays_silent_is_reported_without_probing_another_port(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = Ports(p443=[Answer.SILENT], p22=[Answer.SEEN])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    assert str(health(443, forwarded=False, tls=True, beside=22).silent(0.1)).endswith("is silent")
    assert set(ports.asked) == {443}


def test_a_port_that_stays_closed_is_waited_for_once_and_says_nothing_of_the_device(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.REFUSED])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    asked = health(443, forwarded=False, tls=True, beside=22)
    assert asked.gone(0.3) is None
    ports.asked.clear()
    assert asked.gone(0.3) is None
    assert ports.asked == [443]


def test_no_other_port_is_waited_for_when_the_canary_is_gone(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(p443=[Answer.REFUSED], p22=[Answer.SEEN])
    monkeypatch.setattr(engine, "_connected", ports)
    gone = str(health(443, forwarded=False, tls=True, beside=22).gone(0.1))
    assert gone.endswith("tcp/443 at 127.0.0.1 refuses connections")
    assert ports.asked == [443]


def patient(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> list[float]:
    """Let the canary answer so, and return the seconds that each connection is given."""
    given: list[float] = []
    left = list(answers)

    def connected(_target: Target, _port: int, seconds: float) -> Answer:
        given.append(seconds)
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(engine, "_connected", connected)
    return given


@pytest.mark.parametrize(
    ("seconds", "first"), [(10, 1.0), (3.5, 1.0), (3.0, 3.0), (2.5, 2.5), (0.6, 0.6), (0.5, 0.5), (0.3, 0.5)]
)
def test_a_connection_is_brief_until_the_last_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, first: float
) -> None:
    given = patient(monkeypatch, Answer.SILENT, Answer.SEEN)
    asked = health(443, forwarded=False, tls=True)
    asked.gone(seconds)
    assert given[0] == first


def test_what_is_left_of_the_time_becomes_less(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.now = 1_000.0
    given = patient(monkeypatch, Answer.REFUSED, Answer.REFUSED, Answer.SEEN)
    assert health(443, forwarded=False, tls=True).gone(2.0) is None
    assert given == pytest.approx([2.0, 1.9, 1.8])


@pytest.mark.parametrize(("seconds", "times"), [(0.1, 1), (0.15, 2), (0.35, 4)])
def test_the_device_is_asked_as_long_as_another_question_has_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, times: int
) -> None:
    given = patient(monkeypatch, Answer.REFUSED)
    gone = str(health(443, forwarded=False, tls=True).gone(seconds))
    assert len(given) == times
    assert gone.endswith("tcp/443 at 127.0.0.1 refuses connections")


def test_the_canary_has_its_time_at_any_time_of_the_clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.now = 1_000.0
    given = patient(monkeypatch, Answer.REFUSED)
    assert health(443, forwarded=False, tls=True).silent(0.35) is not None
    assert len(given) == 4


def test_a_port_that_stays_silent_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, Answer.SILENT)
    assert str(health(443, forwarded=False, tls=True).gone(0.1)).endswith("is silent")


@pytest.mark.parametrize(("seconds", "times"), [(0.1, 1), (0.15, 2), (0.35, 4)])
def test_another_port_is_waited_for_as_long_as_another_question_has_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, times: int
) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.REFUSED])
    monkeypatch.setattr(engine, "_connected", ports)
    assert health(443, forwarded=False, tls=True, beside=22).gone(seconds) is None
    assert ports.asked == [443] + [22] * times


def test_a_port_that_gives_up_ends_no_other_wait(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.SILENT])
    monkeypatch.setattr(engine, "_connected", ports)
    assert health(443, forwarded=False, tls=True, beside=22).gone(5) is None
    assert (ports.asked, clock.waits) == ([443, 22], [])


def test_a_device_that_is_back_is_enough_and_one_that_is_not_is_lost(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = health(443, forwarded=False, tls=True)
    patient(monkeypatch, Answer.SEEN)
    asked.require_back(0.1)
    patient(monkeypatch, Answer.REFUSED)
    with pytest.raises(DeviceLostError, match=r"tcp/443 at 127\.0\.0\.1 refuses connections within 0\.1 s"):
        asked.require_back(0.1)


def services(*ports: str) -> dict[str, object]:
    """Declare services: `tcp/22`, and `tcp/443!` for the canary."""
    declared = []
    for number, port in enumerate(ports):
        transport, _, rest = port.partition("/")
        protocol = {"tcp/22": "ssh", "udp/161": "snmp"}.get(port.strip("!"), "http")
        one = {"id": f"s{number}", "transport": transport, "port": int(rest.strip("!")), "protocol": protocol}
        declared.append(one | {"purpose": "x", "canary": rest.endswith("!")})
    return {"services": declared}


def canary(bench: Bench, *ports: str) -> str | None:
    component = made_up_run.component().model_copy(
        update={"services": tuple(Service.model_validate(one) for one in services(*ports)["services"])}  # type: ignore[attr-defined]
    )
    found = Health(bench, component).canary
    return found.about if found else None


def test_the_canary_is_a_declared_tcp_port_that_the_bench_leads_to() -> None:
    nowhere = made_up_run.bench()
    here = made_up_run.bench(network={"address": "127.0.0.1"})
    mapped = made_up_run.bench(network={"address": "127.0.0.1", "port_map": {"tcp/23": 2323, "tcp/80": 8080}})
    for bench in (nowhere, here):
        assert canary(bench, "udp/161", "tcp/22", "tcp/443!", "tcp/80") == "tcp/443"
        assert canary(bench, "udp/161", "tcp/22", "tcp/80") == "tcp/80"
        assert canary(bench, "udp/161", "tcp/22") == "tcp/22"
        assert canary(bench, "udp/161") is None
    assert canary(mapped, "tcp/22", "tcp/443!", "tcp/23", "tcp/80") == "tcp/23"
    assert canary(mapped, "tcp/23", "tcp/80!", "tcp/22!") == "tcp/80"
    assert canary(mapped, "tcp/22", "tcp/443!") is None


def test_without_a_network_or_a_tcp_port_nothing_is_asked(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    given = patient(monkeypatch, Answer.REFUSED)
    asked = health(443, forwarded=False, tls=True)
    assert Health(made_up_run.bench(), asked.component).gone(5) is None
    assert Health(asked.bench, made_up_run.component()).gone(5) is None
    assert not given


def test_only_ports_that_the_bench_leads_to_are_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    given = patient(monkeypatch, Answer.REFUSED)
    monkeypatch.setattr(engine, "_spoken", lambda _target, _service: Answer.SEEN)
    assert health(8443, forwarded=True, tls=True, beside=22).gone(5) is None
    assert not given


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize(
    ("heard", "raw", "connected", "answer"),
    [
        (True, b"", Answer.SEEN, Answer.SEEN),
        (False, b"x", Answer.SEEN, Answer.SEEN),
        (False, b"", Answer.SEEN, Answer.SILENT),
        (False, b"", Answer.REFUSED, Answer.REFUSED),
        (False, b"", Answer.SILENT, Answer.SILENT),
    ],
)
def test_a_service_has_to_say_something(
    monkeypatch: pytest.MonkeyPatch, tls: bool, heard: bool, raw: bytes, connected: Answer, answer: Answer
) -> None:
    def talked(_target: Target, port: int, _sent: bytes, enough: object) -> SimpleNamespace:
        assert callable(enough)
        assert (port, enough(b"x")) == (443, True)
        return SimpleNamespace(heard=heard, raw=raw, connected=connected)

    def other(*_given: object) -> None:
        pytest.fail("the service is asked in the other way")

    monkeypatch.setattr(engine, "converse_tls", talked if tls else other)
    monkeypatch.setattr(engine, "converse", other if tls else talked)
    asked = health(443, forwarded=True, tls=tls)
    assert asked.canary is not None
    assert engine._spoken(Target(NetworkBench(address="127.0.0.1")), asked.canary) is answer


# With real ports. They come last: a fault that never ends is found above, where time is made up


@contextmanager
def answering(says: bytes) -> Iterator[int]:
    """A port that takes connections, says this to each once something came, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, suppress(ConnectionError):
                    if says and client.recv(4096):
                        client.sendall(says)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize(("tls", "says"), [(True, ALERT), (False, b"HTTP/1.1 400 Bad Request\r\n\r\n")])
def test_a_device_behind_forwarded_ports_is_there_when_it_says_something(tls: bool, says: bytes) -> None:
    with answering(says) as port:
        assert health(port, forwarded=True, tls=tls).gone(2) is None


@pytest.mark.parametrize("tls", [True, False])
def test_what_forwards_ports_takes_connections_for_a_device_that_is_gone(tls: bool) -> None:
    with answering(b"") as port:
        assert "is silent" in str(health(port, forwarded=True, tls=tls).gone(0.2))


def test_without_forwarding_a_connection_is_enough() -> None:
    with answering(b"") as port:
        assert health(port, forwarded=False, tls=True).gone(2) is None


def test_a_port_that_refuses_says_so() -> None:
    assert "refuses connections" in str(health(free_port(), forwarded=True, tls=True).gone(0.2))


def test_a_port_that_refuses_without_forwarding_says_so() -> None:
    assert "refuses connections" in str(health(free_port(), forwarded=False, tls=True).gone(0.1))


@contextmanager
def web_server(*statuses: int) -> Iterator[tuple[int, list[int]]]:
    """A server that answers with these statuses, and then with the last one for ever. Also yield what it answered."""
    left, given = list(statuses), list[int]()

    def handle(connection: socket.socket) -> None:
        if connection.recv(4_096):
            given.append(left.pop(0) if len(left) > 1 else left[0])
            connection.sendall(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % given[-1])

    with tcp_server(handle) as port:
        yield port, given


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_stands_behind_a_web_server_is_waited_for(status: int) -> None:
    with web_server(status, status, 200) as (port, given):
        assert health(port, forwarded=False, tls=False).gone(30) is None
        assert given == [status, status, 200]


@pytest.mark.parametrize("status", [200, 302, 401, 404, 429, 500])
def test_any_other_answer_of_a_web_server_is_enough(status: int) -> None:
    with web_server(status) as (port, given):
        assert health(port, forwarded=False, tls=False).gone(30) is None
        assert given == [status]


def test_a_back_end_that_stays_away_is_waited_for_once() -> None:
    with web_server(502) as (port, given):
        asked = health(port, forwarded=False, tls=False)
        assert asked.gone(0.2) is None
        waited = len(given)
        assert waited
        assert asked.gone(30) is None
        assert len(given) == waited
