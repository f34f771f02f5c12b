import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from drivers.network.target import Target
from lab_config.bench import Bench, NetworkBench
from lab_config.component import Component, Service
from lab_config.load import find, load
from lab_config.product import Product
from trustprobe.judging.health import Health
from trustprobe.probe import Answer

ALERT = bytes.fromhex("15030300020228")


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
    with answering(b"") as port:
        pass
    assert "refuses connections" in str(health(port, forwarded=True, tls=True).gone(0.2))


class Ports:
    """Answers of ports, one after the other; the last one stays."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.answers = {int(name[1:]): given for name, given in answers.items()}
        self.asked: list[int] = []

    def __call__(self, _target: Target, port: int, _seconds: float) -> Answer:
        self.asked.append(port)
        given = self.answers[port]
        return given.pop(0) if len(given) > 1 else given[0]


def test_a_port_that_opens_after_the_canary_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.REFUSED, Answer.REFUSED, Answer.SEEN])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    assert health(443, forwarded=False, tls=True, beside=22).gone(30) is None
    assert ports.asked == [443, 22, 22, 22]


def test_a_port_that_stays_closed_is_waited_for_once_and_says_nothing_of_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports = Ports(p443=[Answer.SEEN], p22=[Answer.REFUSED])
    monkeypatch.setattr("trustprobe.judging.health._connected", ports)
    asked = health(443, forwarded=False, tls=True, beside=22)
    assert asked.gone(0.3) is None
    ports.asked.clear()
    assert asked.gone(0.3) is None
    assert ports.asked == [443]
