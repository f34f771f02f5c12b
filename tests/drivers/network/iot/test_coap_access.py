import pytest

from drivers.network.iot import coap, dtls
from drivers.network.iot.coap import CoapClient
from drivers.network.iot.coap_access import AskCoap, CoapLogin, CoapPort, coap_ports
from drivers.network.iot.dtls import Dtls, NoDtlsError, PreSharedKey
from drivers.network.target import Target
from lab_config.base import Role
from lab_config.bench import NetworkBench
from lab_config.component import Service as Declared
from lab_config.component import Transport
from lab_config.interfaces import CoapResource
from tests.drivers.network.iot.coap_server import Service, dtls_server
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


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback what does not come at once does not come."""
    monkeypatch.setattr(coap, "ROUND_SECONDS", 0.04)
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
    return seen.model_copy(update={"facts": tuple(facts)})


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


@pytest.mark.parametrize(("code", "answer"), [(0x81, Answer.REFUSED), (0x83, Answer.REFUSED), (0x84, Answer.SILENT)])
def test_unauthorized_and_forbidden_are_refusals_and_not_found_is_none(code: int, answer: Answer) -> None:
    seen = plain(Service({"/settings": b"x"}, {"/settings"}, refusal=code), SETTINGS)
    assert seen.about("hub GET /settings").facts[0].answer is answer
    assert not seen.about("hub PUT /settings").conclusive


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


def test_a_service_that_says_nothing_proves_nothing() -> None:
    assert not plain(Service(mute=True), SETTINGS).conclusive


def test_inside_dtls_the_key_opens_and_nothing_else_does() -> None:
    service = Service({"/settings": b"name=Gate", "/status": b"ok"}, only_for={"/settings": "admin"})
    seen = secured(service, SETTINGS, STATUS)
    assert not seen.seen
    assert seen.conclusive, seen.witness
    assert "viewer hub GET /settings" in seen.refused
    assert not service.written


def test_a_viewer_who_may_do_more_than_declared_is_seen() -> None:
    service = Service({"/settings": b"name=Gate", "/status": b"ok"})
    seen = secured(service, SETTINGS, STATUS)
    assert seen.seen == {"viewer hub GET /settings", "viewer hub PUT /settings"}
    assert service.written == {"/settings": b"name=Gate"}


def test_without_a_valid_key_nothing_inside_dtls_is_proven() -> None:
    wrong = (CoapLogin("hub", Role.ADMINISTRATOR, PreSharedKey("admin", b"another key")),)
    seen = secured(Service({"/settings": b"x"}), SETTINGS, logins=wrong)
    assert not seen.seen and not seen.conclusive
    assert not secured(Service({"/settings": b"x"}), SETTINGS, logins=()).conclusive


def test_a_service_that_speaks_without_security_on_its_secure_port_is_seen() -> None:
    with udp_server(Service({"/settings": b"x"})) as port:
        asked = CoapPort(port, True, "hub", (SETTINGS,))
        seen = AskCoap(TARGET, asked, LOGINS[:1], True).run(MemoryRecorder())
    assert "hub GET /settings" in seen.seen
    assert "without security" in seen.detail("hub GET /settings")


def test_a_session_carries_requests_and_a_wrong_key_opens_none() -> None:
    with dtls_server(Service({"/status": b"ok"}), KEYS) as port:
        with Dtls(TARGET, port, PreSharedKey("admin", KEYS["admin"])) as channel:
            assert CoapClient(channel).request("GET", "/status").body == b"ok"
        with pytest.raises(NoDtlsError):
            Dtls(TARGET, port, PreSharedKey("admin", b"wrong")).__enter__()


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
