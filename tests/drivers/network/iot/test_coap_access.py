from collections.abc import Callable
from dataclasses import dataclass

import pytest

from drivers.network.iot import coap, coap_access, dtls
from drivers.network.iot.coap import CoapClient
from drivers.network.iot.coap_access import AskCoap, CoapLogin, CoapPort, coap_ports
from drivers.network.iot.coap_message import METHODS, OBSERVE, URI_PATH, CoapMessage, parse
from drivers.network.iot.dtls import Dtls, NoDtlsError, PreSharedKey
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.component import Service as Declared
from lab_config.component import Transport
from lab_config.interfaces import CoapResource
from tests.drivers.network.iot.coap_server import BRIEF, BriefDatagrams, Service, brief_where, dtls_server
from tests.drivers.network.loopback_servers import udp_server
from tests.drivers.recorder import MemoryRecorder
from trustprobe.probe import Answer, Observation

TARGET = Target(NetworkBench(address="127.0.0.1"))
ADMIN, VIEWER = (Role.ADMINISTRATOR,), (Role.VIEWER,)
KEYS = {"admin": b"a key of the hub", "viewer": b"a key of a phone"}
LOGINS = (
    CoapLogin("hub", Role.ADMINISTRATOR, PreSharedKey("admin", KEYS["admin"])),
    CoapLogin("hub", Role.VIEWER, PreSharedKey("viewer", KEYS["viewer"])),
)
SETTINGS = CoapResource(service="hub", path="/settings", read=ADMIN, write=ADMIN, rewrite="PUT")
STATUS = CoapResource(service="hub", path="/status", read=(*ADMIN, *VIEWER), observe=True)


@dataclass
class Uniform(Service):
    """Answers every request with one code."""

    code: int = 0xA3

    def answer(self, request: CoapMessage) -> tuple[int, tuple[tuple[int, bytes], ...], bytes]:
        """Return it, whatever the path."""
        return self.code, (), b""


@dataclass
class Dropping(Service):
    """Answers no request of one method, except for its listing."""

    method: str = "GET"

    def __call__(self, data: bytes, say: Callable[[bytes], object]) -> None:
        """Answer the other requests."""
        request = parse(data)
        assert request is not None
        if not self.drops(request):
            super().__call__(data, say)

    def drops(self, request: CoapMessage) -> bool:
        """Return whether this one gets no answer."""
        observes = request.option(OBSERVE) is not None
        method = "PUT" if request.code == METHODS["PUT"] else "OBSERVE" if observes else "GET"
        is_listing = (URI_PATH, b".well-known") in request.options
        return method == self.method and not is_listing


@pytest.fixture(autouse=True)
def long_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait ends with the answer; a service of the tests that gets no processor answers late."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", 5.0)


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch, long_rounds: None) -> None:
    """For services that are not to answer."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", BRIEF)


@pytest.fixture(autouse=True)
def long_handshakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake ends with the last message; a service of the tests that gets no processor answers late."""
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 30.0)


@pytest.fixture
def dtls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """For services that are not to answer in clear."""
    monkeypatch.setattr(coap_access, "Datagrams", BriefDatagrams)


@pytest.fixture
def short_handshakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For services that are to open no session."""
    monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 0.2)


def plain(service: Service, *resources: CoapResource, declared: bool = True, may_write: bool = True) -> Observation:
    with udp_server(service) as port:
        asked = CoapPort(port, False, "hub" if declared else None, resources)
        seen = AskCoap(TARGET, asked, may_write=may_write).run(MemoryRecorder())
        return _without(port, seen)


def secured(service: Service, *resources: CoapResource, logins: tuple[CoapLogin, ...] = LOGINS) -> Observation:
    with dtls_server(service, KEYS) as port:
        return _without(
            port, AskCoap(TARGET, CoapPort(port, True, "hub", resources), logins, True).run(MemoryRecorder())
        )


def _without(port: int, seen: Observation) -> Observation:
    facts = [fact.model_copy(update={"about": fact.about.replace(str(port), "N")}) for fact in seen.facts]
    left_open = {about.replace(str(port), "N"): why for about, why in seen.left_open.items()}
    return seen.model_copy(update={"facts": tuple(facts), "left_open": left_open})


def test_a_listed_resource_that_nobody_declared_is_found() -> None:
    seen = plain(Service({"/debug": b"\x1b[31mroot"}), declared=False)
    assert seen.seen == {"udp/N"}
    assert "/debug: 2.05 Content \\x1b[31mroot" in seen.detail("udp/N")


def test_listed_resources_that_are_refused_or_not_there_are_no_access() -> None:
    assert plain(Service({"/debug": b"x"}, {"/debug"}), declared=False).refused == {"udp/N"}
    gone = plain(Service(core=b"</gone>"), declared=False)
    assert gone.silent == {"udp/N"} and gone.conclusive


def test_a_declared_resource_is_read_observed_and_written_back_by_whoever_comes() -> None:
    service = Service({"/settings": b"name=Gate", "/status": b"ok"})
    seen = plain(service, SETTINGS, STATUS)
    assert seen.seen == {"hub GET /settings", "hub PUT /settings", "hub GET /status", "hub OBSERVE /status"}
    assert service.written == {"/settings": b"name=Gate"}
    assert service.observers == 0


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (0x81, Answer.REFUSED),
        (0x83, Answer.REFUSED),
        (0x84, Answer.SILENT),
        (0x82, Answer.SILENT),
        (0x9D, Answer.SILENT),
        (0xA3, Answer.SILENT),
    ],
)
def test_only_unauthorized_and_forbidden_are_refusals_of_a_declared_path(code: int, answer: Answer) -> None:
    seen = plain(Service({"/settings": b"x"}, {"/settings"}, refusal=code), SETTINGS)
    reading = seen.about("hub GET /settings")
    assert reading.facts[0].answer is answer
    assert reading.conclusive is (answer is Answer.REFUSED)
    assert not seen.about("hub PUT /settings").conclusive


@pytest.mark.parametrize("code", [0x82, 0x9D, 0xA3, 0x84])
def test_a_service_that_answers_every_request_with_the_same_error_proves_nothing(code: int) -> None:
    seen = plain(Uniform(code=code), SETTINGS, STATUS)
    assert not seen.seen and not seen.refused
    for about in ("hub GET /settings", "hub PUT /settings", "hub GET /status", "hub OBSERVE /status"):
        assert not seen.about(about).conclusive
    assert seen.about("udp/N").conclusive is (code == 0x84)


@pytest.mark.parametrize("code", [0x82, 0x9D, 0xA3])
def test_a_listed_resource_that_is_answered_with_such_an_error_is_open(code: int) -> None:
    seen = plain(Service({"/debug": b"x"}, {"/debug"}, refusal=code), declared=False)
    assert seen.silent == {"udp/N"} and not seen.about("udp/N").conclusive


@pytest.mark.parametrize(
    ("mute", "proven"), [("GET", {"hub GET /settings", "hub GET /status"}), ("OBSERVE", {"hub OBSERVE /status"})]
)
def test_a_silent_request_is_proven_by_a_request_of_the_same_method(
    mute: str, proven: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Dropping({"/settings": b"x", "/status": b"ok"}, method=mute)
    monkeypatch.setattr(coap_access, "Datagrams", brief_where(service.drops))
    seen = plain(service, SETTINGS, STATUS)
    assert proven <= seen.silent
    assert all(seen.about(about).conclusive for about in proven)


def test_a_put_that_gets_no_answer_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Dropping({"/settings": b"x"}, method="PUT")
    monkeypatch.setattr(coap_access, "Datagrams", brief_where(service.drops))
    seen = plain(service, SETTINGS)
    assert seen.seen == {"hub GET /settings"}
    assert "hub PUT /settings" in seen.silent and not seen.about("hub PUT /settings").conclusive


@pytest.mark.usefixtures("dtls_alone")
@pytest.mark.parametrize("code", [0x84, 0xA3])
def test_an_error_for_a_viewer_counts_where_the_administrator_gets_the_value(code: int) -> None:
    service = Service({"/settings": b"x"}, only_for={"/settings": "admin"}, refusal=code)
    hidden = secured(service, SETTINGS)
    assert "viewer hub GET /settings" in hidden.silent and hidden.about("viewer hub GET /settings").conclusive
    written = hidden.about("viewer hub PUT /settings")
    assert written.silent and not written.conclusive


@pytest.mark.usefixtures("dtls_alone")
def test_an_error_for_the_administrator_too_is_no_witness() -> None:
    seen = secured(Service({"/settings": b"x"}, {"/settings"}, refusal=0xA3), SETTINGS)
    assert not seen.about("viewer hub GET /settings").conclusive
    assert not seen.about("hub GET /settings").conclusive


@pytest.mark.usefixtures("dtls_alone")
def test_an_observation_of_the_administrator_is_the_witness_for_one_of_a_viewer() -> None:
    watched = SETTINGS.model_copy(update={"observe": True})
    service = Service({"/settings": b"x"}, only_for={"/settings": "admin"}, refusal=0x84)
    seen = secured(service, watched)
    assert "viewer hub OBSERVE /settings" in seen.silent
    assert seen.about("viewer hub OBSERVE /settings").conclusive
    assert service.observers == 0


def test_nothing_is_written_where_the_bench_does_not_allow_it() -> None:
    service = Service({"/settings": b"x"})
    seen = plain(service, SETTINGS, may_write=False)
    assert not service.written
    assert not seen.about("hub PUT /settings").conclusive
    assert seen.about("hub GET /settings").conclusive


def test_what_is_public_is_not_asked_and_what_is_declared_is_not_found_again() -> None:
    seen = plain(Service({"/name": b"x"}), CoapResource(service="hub", path="/name", public=True))
    assert [fact.about for fact in seen.facts] == ["udp/N"]
    assert not seen.seen


@pytest.mark.usefixtures("short_rounds")
def test_a_service_that_says_nothing_proves_nothing() -> None:
    assert not plain(Service(mute=True), SETTINGS).conclusive


@pytest.mark.usefixtures("dtls_alone")
def test_inside_dtls_the_key_opens_and_nothing_else_does() -> None:
    service = Service({"/settings": b"name=Gate", "/status": b"ok"}, only_for={"/settings": "admin"})
    seen = secured(service, SETTINGS, STATUS)
    assert not seen.seen
    assert seen.conclusive, seen.witness
    assert "viewer hub GET /settings" in seen.refused
    assert not service.written


@pytest.mark.usefixtures("dtls_alone")
def test_a_viewer_who_may_do_more_than_declared_is_seen() -> None:
    service = Service({"/settings": b"name=Gate", "/status": b"ok"})
    seen = secured(service, SETTINGS, STATUS)
    assert seen.seen == {"viewer hub GET /settings", "viewer hub PUT /settings"}
    assert service.written == {"/settings": b"name=Gate"}


@pytest.mark.usefixtures("short_rounds", "short_handshakes")
def test_without_a_valid_key_nothing_inside_dtls_is_proven() -> None:
    wrong = (CoapLogin("hub", Role.ADMINISTRATOR, PreSharedKey("admin", b"another key")),)
    seen = secured(Service({"/settings": b"x"}), SETTINGS, logins=wrong)
    assert not seen.seen and not seen.conclusive
    assert not secured(Service({"/settings": b"x"}), SETTINGS, logins=()).conclusive


@pytest.mark.usefixtures("short_handshakes")
def test_a_service_that_speaks_without_security_on_its_secure_port_is_seen() -> None:
    with udp_server(Service({"/settings": b"x"})) as port:
        asked = CoapPort(port, True, "hub", (SETTINGS,))
        seen = AskCoap(TARGET, asked, LOGINS[:1], True).run(MemoryRecorder())
    assert "hub GET /settings" in seen.seen
    assert "without security" in seen.detail("hub GET /settings")


def test_a_session_carries_requests_and_a_wrong_key_opens_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with dtls_server(Service({"/status": b"ok"}), KEYS) as port:
        with Dtls(TARGET, port, PreSharedKey("admin", KEYS["admin"])) as channel:
            assert CoapClient(channel).request("GET", "/status").body == b"ok"
        monkeypatch.setattr(dtls, "HANDSHAKE_SECONDS", 0.2)
        with pytest.raises(NoDtlsError):
            Dtls(TARGET, port, PreSharedKey("admin", b"wrong")).__enter__()


@pytest.mark.usefixtures("short_handshakes")
def test_a_port_that_answers_nothing_to_a_handshake_is_silent() -> None:
    with udp_server(lambda data, say: None) as port, pytest.raises(NoDtlsError) as raised:
        Dtls(TARGET, port, None).__enter__()
    assert raised.value.answer is Answer.SILENT and not raised.value.spoke


def test_an_alert_is_a_refusal_in_the_devices_own_bytes() -> None:
    alert = bytes.fromhex("15fefd000000000000000000020228")  # fatal, handshake_failure
    with udp_server(lambda data, say: say(alert)) as port, pytest.raises(NoDtlsError) as raised:
        Dtls(TARGET, port, None).__enter__()
    assert raised.value.answer is Answer.REFUSED


@pytest.mark.parametrize(("secret", "key"), [("hex:00ff", b"\0\xff"), ("words", b"words")])
def test_a_key_is_text_or_digits(secret: str, key: bytes) -> None:
    assert PreSharedKey.of("admin", secret).key == key
    assert "words" not in repr(PreSharedKey.of("admin", secret))


def test_declared_ports_stand_before_the_usual_ones() -> None:
    hub = Declared(id="hub", transport=Transport.UDP, port=5684, protocol="coap", tls=True, purpose="sensors")
    ports = coap_ports((hub,), (SETTINGS,))
    assert [(port.port, port.tls, len(port.resources)) for port in ports] == [(5684, True, 1), (5683, False, 0)]
