"""What a lab file must not say: refused in the words of the file, with line and field, before anything is sent."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab_config import connected
from lab_config.base import Model
from lab_config.bench import Bench, NetworkBench
from lab_config.connected import require_connected
from lab_config.load import load
from lab_config.papers import Documents
from lab_config.product import Product
from lab_config.rules import Profile
from tests.lab_config.test_load import BENCH, ENVIRONMENT, PRODUCT
from trustprobe.errors import ConfigurationError

FOREIGN = ("Input should", "validation error", "valid ", "pydantic", "Value error", "tuple[", "constrained", "Extra ")
"""Words of the library."""


def said(folder: Path, text: str, old: str, new: str, model: type[Any] = Product) -> str:
    assert old in text, old
    path = folder / "file.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(path, model, ENVIRONMENT)
    line = text[: text.index(old)].count("\n") + 1
    words = str(caught.value)
    assert len(words.splitlines()) == 1
    assert not [foreign for foreign in FOREIGN if foreign in words]
    place, _, rest = words.removeprefix(f"configuration: {path}, line ").partition(": ")
    assert line <= int(place) <= line + new.count("\n"), words
    return rest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema_version: 1", "schema_version: true", "schema_version: expected a number (found True)"),
        ("schema_version: 1", "schema_version: 2", "schema_version: expected 1 (found '2')"),
        ("schema_version: 1", "schema_version: 1.0", "schema_version: expected a whole number"),
        ("schema_version: 1", 'schema_version: "1"', "schema_version: expected 1"),
        ("schema_version: 1", "schema_version:", "schema_version: has no value"),
        ("name: Halcyon Vista 2", "name: 2", "name: is not text: put it in quotes (found '2')"),
        ("name: Halcyon Vista 2", "name:", "name: has no value"),
        ("name: Halcyon Vista 2", "name: [a]", "name: is not text: put it in quotes (found a list)"),
        ("name: Halcyon Vista 2", "name: true", "name: is not text"),
        ("firmware: 1.4.0", "firmware: 1.4", "firmware: is not text: put it in quotes (found '1.4')"),
        ("boot_seconds: 20", "boot_seconds: true", "component.boot_seconds: expected a number (found True)"),
        ("boot_seconds: 20", "boot_seconds: soon", "component.boot_seconds: expected a number (found 'soon')"),
        ("boot_seconds: 20", "boot_seconds: .nan", "component.boot_seconds: expected a finite number"),
        ("boot_seconds: 20", "boot_seconds: -1", "component.boot_seconds: expected a number greater than 0"),
        (
            "boot_seconds: 20",
            "boot_seconds: {absent: it never boots}",
            "component.boot_seconds: expected a number",
        ),
        ("port: 443", "port: true", "services.0.port: expected a number (found True)"),
        ("port: 443", "port: 443.0", "services.0.port: expected a whole number"),
        ("port: 443", "port: 443.5", "services.0.port: expected a whole number"),
        ("port: 443", "port: 0", "services.0.port: expected a number of at least 1"),
        ("tls: true", "tls: 1", "services.0.tls: expected true or false (found 1)"),
        ("tls: true", "tls: maybe", "services.0.tls: expected true or false (found 'maybe')"),
        ("tls: true", 'tls: "1"', "services.0.tls: expected true or false"),
        ("transport: tcp", "transport: sctp", "services.0.transport: expected 'tcp' or 'udp' (found 'sctp')"),
        ("protocol: http", "protocol: htttp", "services.0.protocol: expected 'http', "),
        ("{id: admin,", "{id: Admin,", "services.0.id: expected small letters, digits and _"),
        ("kind: device", "kind: toaster", "component.kind: expected 'device', 'app', 'hub' or 'backend'"),
        ("  boot_seconds: 20", "  boot_seconds: 20\n  jtaag: 1", "component.jtaag: is not a known field"),
        ("{id: ssh, transport: tcp, port: 22", "{id: ssh, transport: tcp, port: 443", "another service has this port"),
        ("protocol: ssh", "protocol: ssh, canary: true", "another service is the canary already: name one"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_in_the_words_of_the_file(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert says in said(tmp_path, PRODUCT, old, new)


EXPRESSIONS = (
    "boot_start",
    "login_prompt",
    "password_prompt",
    "refusal",
    "shell_prompt",
    "autoboot",
    "bootloader_prompt",
)


@pytest.mark.parametrize("field", EXPRESSIONS)
@pytest.mark.parametrize("broken", ["(", "[a-", "*a", "a{99999999999}", "(?P<a>x)(?P<a>y)", "\\"])
def test_a_broken_expression_of_the_console_is_refused_with_its_field(tmp_path: Path, field: str, broken: str) -> None:
    console = PRODUCT.index("  console:")
    old = next(line for line in PRODUCT[console:].splitlines() if line.strip().startswith(f"{field}:"))
    text = PRODUCT[:console].replace("refusal:", "refusal :") + PRODUCT[console:]
    words = said(tmp_path, text, old, f"    {field}: '{broken}'")
    assert words.startswith(f"component.console.{field}: ")
    assert "is not a regular expression" in words


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("rejected: ", "rejected: '(' #", "component.update.rejected"),
        ("login_failure: ", "login_failure: '(' #", "component.logging.events.login_failure"),
        ("request: ", "request: '(' #", "component.update_notice.request"),
        ("    refusal: ", "    refusal: '[' #", "component.http_login.refusal"),
    ],
)
def test_a_broken_expression_elsewhere_is_refused_with_its_field(
    tmp_path: Path, old: str, new: str, field: str
) -> None:
    words = said(tmp_path, PRODUCT, old, new)
    assert words.startswith(f"{field}: ")
    assert "is not a regular expression" in words


PATHS = (
    *("HttpResource.path", "Setting.path", "Identity.path", "UpdateDeclaration.path", "UpdateDeclaration.status_path"),
    *("UpdateNoticeDeclaration.path", "LogStoreDeclaration.path", "StateReportDeclaration.path", "PasswordChange.path"),
    *("UserDataDeclaration.path", "UserDataDeclaration.delete_path", "ResetDeclaration.path", "HttpLogin.form"),
    *("HttpLogin.proof_path", "LogoutDeclaration.path", "HttpApiDeclaration.path", "WebSocketDeclaration.path"),
    *("CoapResource.path", "UpnpDeclaration.description", "Step.get", "Step.post", "Step.put"),
)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("http://192.0.2.9/info", "expected only the path, without scheme and host"),
        ("//192.0.2.9/info", "expected only the path, without scheme and host"),
        ("file:///etc/passwd", "expected only the path"),
        ("javascript:alert(1)", "expected only the path"),
        ("/info\r\nX-Injected: 1", "contains no line end"),
        ("/info\n", "contains no line end"),
        ("/a\tb", "no other control character"),
        ("/a\x00b", "no other control character"),
        ("info", "expected a path that begins with /"),
        ("", "expected a path that begins with /"),
        ("../info", "expected a path that begins with /"),
        ("/a b", "as %XX"),
        ("/ä", "as %XX"),
    ],
)
def test_a_path_stays_on_the_declared_service(path: str, says: str) -> None:
    for field in PATHS:
        model, _, name = field.partition(".")
        made = next(one for one in models() if one.__name__ == model)
        with pytest.raises(ValidationError) as caught:
            made.model_validate({name: path})
        assert says in str(caught.value), field


def models() -> set[type[Model]]:
    """Every model of a lab."""

    def below(model: type[Model]) -> set[type[Model]]:
        return {model}.union(*(below(one) for one in model.__subclasses__()))

    return below(Model)


def test_no_path_of_the_declaration_is_any_text() -> None:
    for model in models():
        for name, field in model.model_fields.items():
            if name.split("_")[-1] == "path" and model.__module__.startswith("lab_config"):
                assert field.annotation is not str or field.metadata, f"{model.__name__}.{name}"


@pytest.mark.parametrize("path", ["/", "/a?b=http://c/", "/a/{name}", "/%20", "/a//b", "/cgi-bin/x.cgi?y=1&z=2#f"])
def test_a_path_of_one_host_is_accepted(path: str, tmp_path: Path) -> None:
    text = PRODUCT.replace("path: /cgi-bin/info", f'path: "{path}"', 1)
    (tmp_path / "file.yaml").write_text(text, "utf-8")
    assert load(tmp_path / "file.yaml", Product, {}).component.http_api


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("0.0.0.0", "is the address of no device"),
        ("0.1.2.3", "is the address of no device"),
        ("::", "is the address of no device"),
        ("::ffff:0.0.0.0", "is the address of no device"),
        ("224.0.0.1", "is a multicast address"),
        ("239.255.255.250", "is a multicast address"),
        ("ff02::1", "is a multicast address"),
        ("::ffff:224.0.0.251", "is a multicast address"),
        ("255.255.255.255", "is the broadcast address"),
        ("camera.local", "is not an IP address"),
        ("192.0.2.0/24", "is not an IP address"),
        ("192.0.2.300", "is not an IP address"),
        ("", "is not an IP address"),
    ],
)
def test_the_address_of_a_device_is_one_address(tmp_path: Path, address: str, says: str) -> None:
    words = said(tmp_path, BENCH, "address: ${REFERENCE_ADDRESS}", f'address: "{address}"', Bench)
    assert words.startswith("network.address: ")
    assert says in words


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.9.10", "192.0.2.1", "::1", "fe80::1", "2001:db8::1", "10.0.0.255"]
)
def test_an_alias_of_loopback_and_every_address_of_one_host_are_accepted(address: str) -> None:
    assert NetworkBench(address=address).address == address


@pytest.mark.parametrize(
    ("ports", "says"),
    [
        ("{tcp/443: 10443, tcp/80: 10443}", "tcp/443 and tcp/80 are both forwarded from port 10443"),
        ("{udp/53: 10053, udp/161: 10053}", "udp/53 and udp/161 are both forwarded from port 10053"),
        ("{tcp443: 10443}", "expected a port of the device, such as tcp/443, as the name"),
        ("{tcp/0: 10443}", "expected a port of the device"),
        ("{tcp/70000: 10443}", "expected a port of the device"),
        ("{tcp/443: true}", "expected a number (found True)"),
        ("{tcp/443: 0}", "expected a number of at least 1"),
    ],
)
def test_a_port_map_that_cannot_be_is_refused(tmp_path: Path, ports: str, says: str) -> None:
    assert says in said(tmp_path, BENCH, "  interface: lab0", f"  port_map: {ports}", Bench)


def test_tcp_and_udp_may_be_forwarded_from_one_number() -> None:
    assert NetworkBench(address="127.0.0.1", port_map={"tcp/53": 10053, "udp/53": 10053}).forwarded


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("allow: [configure", "allow: [confgure", "allow.0: expected 'reboot', "),
        ("allow: [configure", "allow: configure #", "allow: expected a list"),
        (
            "gdb: {absent: the stub is asked for on the device's own ports}",
            "gdb: {absent: no}",
            "gdb.absent: expected a",
        ),
        ("gdb: {absent: the stub is asked for on the device's own ports}", "gdb: none", "gdb: expected fields"),
        ("gdb: {absent: the stub", "gdb: {server: 'a:1', absent: the stub", "gdb.server: is not a known field"),
    ],
)
def test_a_bench_is_refused_in_its_own_words(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert says in said(tmp_path, BENCH, old, new, Bench)


def test_a_profile_is_refused_in_its_own_words(tmp_path: Path) -> None:
    text = "schema_version: 1\nid: mine\ntitle: x\ncatalogue: x\noutside: x\nrequirements: AI-1\ncases: {}\n"
    assert "requirements: expected a list (found 'AI-1')" in said(
        tmp_path, text, "requirements", "requirements", Profile
    )


def bench(folder: Path, **parts: str) -> tuple[Bench, Path]:
    """Write a bench with these parts, and read it."""
    absent = "{absent: not on this bench}"
    fields = dict.fromkeys(("network", "console", "jtag", "power", "collector"), absent) | parts
    head = "schema_version: 1\nid: desk\nproduct: thing\nsample: S1\n"
    path = folder / "bench.yaml"
    path.write_text(head + "".join(f"{name}: {value}\n" for name, value in fields.items()), "utf-8")
    return load(path, Bench, {}), path


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        (
            "network",
            "{address: 127.0.0.1, interface: nope0}",
            "network.interface: this machine has no interface 'nope0'",
        ),
        ("dhcp", "{address: 127.0.0.1, interface: nope0}", "dhcp.interface: this machine has no interface 'nope0'"),
        ("power", "{on: [no_such_program, x], off: 'true'}", "power.on: this machine has no program 'no_such_program'"),
        ("power", "{on: 'true', off: no_such_program -x}", "power.off: this machine has no program"),
        ("power", "{on: '', off: 'true'}", "power.on: expected a command or a URL"),
        ("power", "{on: \"'x\", off: 'true'}", "power.on: expected a command"),
        ("storage", "{dump: [no_such_program, '{file}']}", "storage.dump: this machine has no program"),
        ("trust_anchor", "/nowhere/ca.pem", "trust_anchor: the file /nowhere/ca.pem cannot be read: No such file"),
        ("trust_anchor", "/dev/zero", "trust_anchor: /dev/zero is not a regular file"),
        ("trust_anchor", "/etc/hostname", "trust_anchor: /etc/hostname contains no certificate or key in PEM form"),
        (
            "collector",
            "{address: 0.0.0.0, certificate: /n/c, key: /n/k}",
            "collector.certificate: the file /n/c cannot",
        ),
        ("cloud", "{address: 127.0.0.1, ca_certificate: /n/c, ca_key: /n/k}", "cloud.ca_certificate: the file"),
        ("peers", "{hub: {certificate: /n/c, key: /n/k}}", "peers.hub.certificate: the file /n/c cannot be read"),
        ("images", "{newer: /nowhere/newer.swu}", "images.newer: the file /nowhere/newer.swu cannot be read"),
        ("images", "{newer: /tmp}", "images.newer: /tmp is not a regular file"),
    ],
)
def test_a_part_that_this_machine_lacks_is_named(tmp_path: Path, part: str, value: str, says: str) -> None:
    made, path = bench(tmp_path, **{part: value})
    with pytest.raises(ConfigurationError) as caught:
        require_connected(made, path)
    line = path.read_text("utf-8").splitlines().index(f"{part}: {value}") + 1
    assert f"{path}, line {line}: {says}" in str(caught.value)


def test_a_bench_that_has_everything_is_accepted(tmp_path: Path) -> None:
    pem = tmp_path / "a.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\n", "utf-8")
    power = "{on: http://192.0.2.1/on, off: ['true', x]}"
    made, path = bench(tmp_path, network="{address: 127.0.0.1, interface: lo}", power=power, trust_anchor=str(pem))
    require_connected(made, path)


def test_the_broadcast_address_of_an_own_network_is_not_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connected, "_broadcasts", lambda: {"192.0.2.255"})
    for address, refused in (("192.0.2.255", True), ("192.0.2.254", False)):
        made, path = bench(tmp_path, network=f"{{address: {address}}}")
        with pytest.raises(ConfigurationError, match="is the broadcast address of") if refused else nullcontext():
            require_connected(made, path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("https://example.com/sbom.json", "neither a URL nor a line end"),
        ("sbom.json\n", "neither a URL nor a line end"),
        ("/etc/passwd", "give a path relative to the declaration's file"),
        ("../sbom.json", "give a path relative to the declaration's file"),
        ("", "give a path relative to the declaration's file"),
    ],
)
def test_a_document_is_a_file_next_to_the_declaration(path: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Documents.model_validate({"sbom": path})
