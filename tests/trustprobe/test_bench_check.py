"""`trustprobe bench check` on a board that is not plugged in as its files say: what is said, and whose fault it is."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.serial import login
from tests.drivers.network.loopback_servers import closed_port, tcp_server
from tests.drivers.network.tls.own_certificates import CA, FAULTS_OF_A_CA, FAULTS_OF_A_SERVER, SERVER, Plan, write
from tests.drivers.serial.pty_device import Line, Script, playing
from tests.trustprobe.board_on_desk import HTTP, PASSWORD, Board, board
from trustprobe.cli import main
from trustprobe.cli.bench import boot, check, console, trust
from trustprobe.errors import ConfigurationError, Fault, TrustprobeError

ROOT = Path(__file__).parents[2]
PRODUCT = (ROOT / "lab_config" / "products" / "firmware_gateway.yaml").read_text("utf-8").split("\ndocuments:")[0]
PARTS = ("network", "console", "jtag", "power", "collector")
Check = Callable[..., str]
"""Does a step with parts of a bench and edits of the declaration, and returns what it raises; the output is kept."""


def write_bench(folder: Path, bench: str) -> None:
    """Write a bench file with these parts; the others are absent."""
    parts = {part: f"{part}: {{absent: not part of this test}}" for part in PARTS}
    parts |= {line.split(":")[0]: line for line in bench.splitlines()}
    head = f"schema_version: 1\nid: desk_{secrets.token_hex(4)}\nproduct: firmware_gateway\nsample: S1\n"
    (folder / "bench.yaml").write_text(head + "\n".join(parts.values()), "utf-8")


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setenv("HUB_PASSWORD", PASSWORD)
    monkeypatch.setattr(console, "RATES", (9600, 115200))
    monkeypatch.chdir(tmp_path)

    def do(step: str | None, bench: str, old: str = "", new: str = "", fault: Fault = Fault.BENCH) -> str:
        write_bench(tmp_path, bench)
        assert old in PRODUCT
        (tmp_path / "product.yaml").write_text(PRODUCT.replace(old, new) if old else PRODUCT, "utf-8")
        with pytest.raises(TrustprobeError) as raised:
            check.check_bench(step, "bench.yaml", "product.yaml")
        assert raised.value.fault is fault, raised.value
        assert raised.value.next_step
        return str(raised.value)

    return do


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Board]:
    with board(tmp_path) as plugged:
        yield plugged


def tty(plugged: Board) -> str:
    return f"console: {{url: {plugged.tty.bench.url}}}"


def wire(plugged: Board, **other: int) -> str:
    ports = plugged.ports | {name.replace("_", "/"): port for name, port in other.items()}
    mapped = ", ".join(f"{about}: {port}" for about, port in ports.items())
    return f"network: {{address: 127.0.0.1, interface: lo, port_map: {{{mapped}}}}}"


def test_a_step_that_there_is_not_is_named_with_those_that_there_are(checked: Check) -> None:
    assert "no step 'solder'. Give one of files, port," in checked("solder", "", fault=Fault.CONFIGURATION)


@pytest.mark.parametrize(("step", "field"), [("echo", "console"), ("address", "network"), ("debug", "jtag")])
def test_a_part_that_the_bench_has_not_is_named_with_a_line_for_it(step: str, field: str, checked: Check) -> None:
    said = checked(step, "", fault=Fault.CONFIGURATION)
    assert f"names no {field} (not part of this test). Connect it, and add `{field}: " in said


def test_a_virtual_bench_has_nothing_to_check() -> None:
    with pytest.raises(ConfigurationError, match="starts a virtual device"):
        check.check_bench(None, "firmware", None)


def test_a_port_that_is_not_there_is_named_with_those_that_are(checked: Check) -> None:
    said = checked("port", "console: {url: /dev/ttyNOTTHERE0}")
    assert re.search(r"/dev/ttyNOTTHERE0 does not exist. This machine has (/dev/\S+|no serial port)", said)


def test_text_at_another_rate_than_declared_is_found(
    checked: Check, hub: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    said = checked("console", tty(hub), "baud: 115200", "baud: 9600", Fault.CONFIGURATION)
    assert "text arrives at 115200 baud, 'hub login:', but not at 9600 baud. Write `console.baud: 115200`" in said
    printed = capsys.readouterr().out
    assert re.search(
        r"^no  baud      9600 baud: \d+ octets arrive that are no text: ([0-9a-f]{2} )+\.\.\.$", printed, re.MULTILINE
    )
    assert printed.isascii()


def deaf(line: Line) -> None:
    line.rest()


def joined(line: Line) -> None:
    while True:
        line.write(line.key())


def noisy(line: Line) -> None:
    while True:
        line.key()
        line.write(bytes((0x80, 0xFE, 0x1B, 0x5B, 0x32, 0x4A, 0xFF, 0xC0)))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (deaf, "no data arrives at"),
        (joined, "returns only the line ends that were typed. TX and RX are connected to each other"),
        (noisy, "the data is no text at any usual rate. Check the voltage"),
    ],
)
def test_a_wire_that_is_wrong_is_told_by_what_comes(
    script: Script,
    expected: str,
    checked: Check,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if script is deaf:
        monkeypatch.setattr(console, "_ANSWER_SECONDS", 0.2)  # the others show no prompt, but something that must come
    with playing(script) as device:
        assert expected in checked("baud", f"console: {{url: {device.bench.url}}}")
    assert "\x1b" not in capsys.readouterr().out


def test_a_board_that_hears_nothing_is_told_from_one_that_answers(checked: Check, tmp_path: Path) -> None:
    with board(tmp_path, mute=True) as quiet:
        assert "does not echo what is typed. Its RX receives nothing" in checked("echo", tty(quiet))


def test_another_prompt_than_the_declared_one_is_shown(
    checked: Check, hub: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.3)  # waited out after each of four keys
    said = checked("echo", tty(hub), "'^hub login: '", "'^camera login: '", Fault.DEVICE)
    assert "The last line was 'hub login:'" in said
    assert "console.login_prompt" in said


def test_another_first_line_than_the_declared_one_is_shown(checked: Check, hub: Board) -> None:
    bench = f"{tty(hub)}\n{relay(hub)}\nallow: [power]"
    said = checked("boot", bench, "'^U-Boot 20'", "'^Barebox'", Fault.DEVICE)
    assert "The first line is 'U-Boot 2023.01" in said
    assert "console.boot_start" in said


def test_a_board_that_nobody_switches_is_waited_for_no_longer_than_said(
    checked: Check, hub: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(boot, "HAND_SECONDS", 0.1)
    said = checked("boot", f"{tty(hub)}\n{relay(hub)}", "boot_seconds: 40", "boot_seconds: 0.5")
    assert "no data arrived on the console" in said  # the bench has a relay, and does not allow `power`
    assert "do  boot      switch the board off and on now" in capsys.readouterr().out


def test_a_wrong_password_is_refused_and_not_printed(
    checked: Check, hub: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_PASSWORD", "a wrong battery")
    bench = f'{tty(hub)}\ncredentials: {{service: {{user: service, password: "${{HUB_PASSWORD}}"}}}}'
    said = checked("login", bench, fault=Fault.DEVICE)
    assert "the console refused service: Login incorrect. Correct the password that `credentials.service`" in said
    assert "wrong battery" not in said + capsys.readouterr().out


def test_a_login_without_a_password_on_the_bench_says_where_it_is_written(checked: Check, hub: Board) -> None:
    assert "Add it under `credentials.service`" in checked("login", tty(hub), fault=Fault.CONFIGURATION)


def test_a_board_that_refuses_its_declared_port_is_there_all_the_same(checked: Check, hub: Board) -> None:
    said = checked("address", wire(hub, tcp_443=closed_port()), fault=Fault.DEVICE)
    assert "127.0.0.1 answers, but refuses tcp/443 (admin)" in said


def test_an_interface_that_the_route_does_not_take_is_named(checked: Check) -> None:
    said = checked("address", "network: {address: 127.0.0.1, interface: enx001122334455}")
    assert "packets to 127.0.0.1 leave by lo, not by enx001122334455" in said


def test_a_service_that_speaks_something_else_is_shown_with_what_it_said(
    checked: Check, hub: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    with tcp_server(lambda one: one.sendall(b"220 \x1b[2Jftp ready\r\n")) as port:
        said = checked("services", wire(hub, tcp_22=port), fault=Fault.DEVICE)
    assert "tcp/22 (ssh) does not speak ssh. Correct `protocol` and `tls` of ssh" in said
    printed = capsys.readouterr().out
    assert "ok  services  tcp/443 (admin): answers in http inside TLS" in printed
    assert r"no  services  tcp/22 (ssh): something other than ssh answered: ftp: 220 \x1b[2Jftp ready" in printed


def test_a_service_without_tls_and_one_of_another_ca_are_told_apart(checked: Check, hub: Board, tmp_path: Path) -> None:
    assert "leads to no CA that this machine trusts" in checked("tls", wire(hub), fault=Fault.DEVICE)
    with tcp_server(lambda one: one.sendall(HTTP)) as port:
        said = checked("tls", wire(hub, tcp_443=port), fault=Fault.DEVICE)
    assert "tcp/443 (admin) shows no certificate" in said


BROKER = "port: 8883, protocol: mqtt, tls: true"
AT_PAIRING = f"{BROKER}, certificate: {{pinned: at_pairing}}"
OTHER_PIN = f"{{certificate: '{'ab' * 32}'}}"


def tls_bench(plugged: Board, *lines: str) -> str:
    return "\n".join((wire(plugged), f"trust_anchor: {plugged.authority}", *lines))


@pytest.mark.parametrize("where", ["product", "bench"])
def test_a_service_is_checked_by_the_pin_of_its_certificate(where: str, checked: Check, hub: Board) -> None:
    pinned = AT_PAIRING if where == "bench" else AT_PAIRING.replace("at_pairing", OTHER_PIN)
    pins = [f"pins: {{broker: {OTHER_PIN}}}"] if where == "bench" else []
    said = checked("tls", tls_bench(hub, *pins), BROKER, pinned, fault=Fault.DEVICE)
    assert "the certificate of tcp/8883 is not the pinned one" in said
    assert re.search(f"the SHA-256 of the certificate is {'ab' * 32}, not [0-9a-f]{{64}}", said)


def test_a_pin_that_no_check_compares_is_refused(checked: Check, hub: Board) -> None:
    lines = tls_bench(hub, f"pins: {{broker: {OTHER_PIN}}}")
    assert "pins.broker is not used" in checked("tls", lines, fault=Fault.CONFIGURATION)


def test_a_pin_that_the_bench_does_not_hold_is_shown_for_comparison_and_then_accepted(
    tmp_path: Path, hub: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bench(tmp_path, tls_bench(hub))
    (tmp_path / "product.yaml").write_text(PRODUCT.replace(BROKER, AT_PAIRING), "utf-8")
    check.check_bench("tls", "bench.yaml", "product.yaml")
    printed = capsys.readouterr().out
    line = re.search(r"do  tls .* if a paired peer shows this pin, add `(pins: .*)`", printed)
    assert line is not None
    write_bench(tmp_path, tls_bench(hub, line[1]))
    check.check_bench("tls", "bench.yaml", "product.yaml")
    assert "if a paired peer" not in capsys.readouterr().out


def collector(folder: Path, plan: Plan, key: Path | None = None) -> str:
    certificate, own = write(folder, "collector", [plan.signed_by(CA)], plan.key)
    return f"collector: {{address: 127.0.0.1, certificate: {certificate}, key: {key or own}}}"


def cloud(folder: Path, plan: Plan, key: Path | None = None) -> str:
    certificate, own = write(folder, "cloud_ca", [plan.signed_by()], plan.key)
    return f"cloud: {{address: 127.0.0.1, ca_certificate: {certificate}, ca_key: {key or own}}}"


@pytest.mark.parametrize("fault", FAULTS_OF_A_CA)
def test_a_ca_that_strict_devices_refuse_is_the_benchs_fault(
    fault: str, checked: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = checked("trust", cloud(tmp_path, FAULTS_OF_A_CA[fault]))
    assert f"the cloud's CA cloud_ca.pem {fault}" in said
    assert "strict devices refuse it" in said
    assert "Then let the sample trust the new one" in said
    assert f"no  trust     the cloud's CA cloud_ca.pem {fault}" in capsys.readouterr().out


@pytest.mark.parametrize("fault", FAULTS_OF_A_SERVER)
def test_a_collectors_certificate_that_strict_devices_refuse_is_the_benchs_fault(
    fault: str, checked: Check, tmp_path: Path
) -> None:
    said = checked("trust", collector(tmp_path, FAULTS_OF_A_SERVER[fault]))
    assert f"the collector's certificate collector.pem {fault}" in said


def test_what_openssl_alone_finds_is_said_in_its_words(
    checked: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "objections_to_ca", lambda _: ())
    assert "is refused by a strict client: " in checked("trust", cloud(tmp_path, replace(CA, usage=None)))


def test_every_certificate_is_verified_before_the_first_fault_is_raised(
    checked: Check, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = (
        collector(tmp_path, replace(SERVER, names=())) + "\n" + cloud(tmp_path, replace(CA, usage=None, has_ski=False))
    )
    assert "the collector's certificate" in checked("trust", bench)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("pem ")[1].split(" (")[0] for line in printed] == [
        "names no host in subjectAltName",
        "has no keyUsage",
        "has no subjectKeyIdentifier",
    ]


@pytest.mark.parametrize(("part", "field"), [(collector, "collector.key"), (cloud, "cloud.ca_key")])
def test_a_key_that_does_not_fit_is_the_benchs_fault(
    part: Callable[[Path, Plan, Path], str], field: str, checked: Check, tmp_path: Path
) -> None:
    _, other = write(tmp_path, "other", [], replace(CA, key=Plan().key).key)
    said = checked("trust", part(tmp_path, SERVER if part is collector else CA, other))
    assert "cannot be used" in said
    assert field in said


def test_a_bench_that_shows_the_device_no_certificate_has_nothing_to_verify(checked: Check) -> None:
    assert "names no collector and no cloud" in checked("trust", "", fault=Fault.CONFIGURATION)


def test_certificates_that_follow_the_rules_are_accepted_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bench(tmp_path, f"{collector(tmp_path, SERVER)}\n{cloud(tmp_path, CA)}")
    (tmp_path / "product.yaml").write_text(PRODUCT, "utf-8")
    assert check.check_bench(None, "bench.yaml", "product.yaml") == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "trust" in line]
    assert [line.rsplit(", until ")[0] for line in said] == [
        "ok  trust     the collector's certificate collector.pem: a strict client accepts it",
        "ok  trust     the cloud's CA cloud_ca.pem: a strict client accepts it",
    ]


def relay(plugged: Board) -> str:
    url = f"http://127.0.0.1:{plugged.relay}/relay/0?turn="
    return f'power: {{on: "{url}on", off: "{url}off", settle_seconds: 0.1}}'


def test_power_is_not_switched_where_the_bench_does_not_allow_it(checked: Check, hub: Board) -> None:
    said = checked("power", f"{wire(hub)}\n{relay(hub)}", fault=Fault.CONFIGURATION)
    assert "does not allow switching the power of the sample. Add `power` to `allow`" in said


def test_a_switch_of_another_board_is_found_and_left_on(
    checked: Check, hub: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boot, "DARK_SECONDS", 0.3)
    log = tmp_path / "switched"
    switch = "power: {" + ", ".join(f"{to}: [sh, -c, 'echo {to} >>{log}']" for to in ("on", "off")) + "}"
    said = checked("power", f"{wire(hub)}\n{switch}\nallow: [power]")
    assert "switched off, but tcp/443 still answers" in said
    assert log.read_text("utf-8").split() == ["off", "on"]


def test_a_port_that_only_a_router_opens_is_not_taken_for_a_board_that_is_on(
    checked: Check, hub: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = f"{relay(hub)}\nallow: [power]\n"
    with tcp_server(lambda _: None) as port:
        network = wire(hub, tcp_443=port)
        said = checked("power", bench + network, "boot_seconds: 40", "boot_seconds: 0.5", Fault.DEVICE)
    assert "switched on, but tcp/443 does not answer within 0.5 s" in said
    assert "ok  power     off: tcp/443 no longer answers" in capsys.readouterr().out


def test_a_mistake_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["trustprobe", "bench", "check", "--bench", "nowhere.yaml"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("configuration: the file nowhere.yaml does not exist")


def test_every_step_says_what_it_sends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["trustprobe", "bench", "steps"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[: len(check.STEPS)]] == list(check.STEPS)
    assert all(len(line.split()) > 5 for line in printed[: len(check.STEPS)])
