"""One run: three files, read and checked against each other before anything is sent."""

import getpass
from dataclasses import is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from lab_config.base import Absent
from lab_config.bench import NetworkBench, SecondSample
from lab_config.rules import GuessedPairs, Profile, Strength
from standards.catalogue import catalogues
from tests.trustprobe.judging import made_up_run
from tests.trustprobe.judging.judging import BENCH, MadeUp, write
from tests.trustprobe.judging.made_up_run import SECRET
from trustprobe.errors import ConfigurationError
from trustprobe.judging import run as engine
from trustprobe.judging.run import Run, load_profile, load_run

RULE = {"strength": "required", "clause": "ours"}


def rules(folder: Path, **fields: object) -> str:
    """Write a profile that borrows the rules of the shipped one, and return its path."""
    head = {"schema_version": 1, "id": "mine", "title": "x", "catalogue": "x", "outside": "x", "requirements": ["AI-1"]}
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(head | {"rules_of": "cyber_trust_mark"} | fields), "utf-8")
    return str(path)


def numbers(**changed: object) -> dict[str, Any]:
    shipped = load_profile("cyber_trust_mark").limits.model_dump(mode="json")
    return shipped | changed


@pytest.mark.parametrize(
    ("requirements", "says"),
    [
        (["AI-99"], "AI-99"),
        (["AI-1", "EN18031-1 ACM-1"], "ACM-1"),
        (["AI-1", "DP-1", "AI-1"], "twice|Remove one"),
    ],
)
def test_each_requirement_of_a_profile_resolves_once(tmp_path: Path, requirements: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_profile(rules(tmp_path, requirements=requirements))


def test_a_requirement_that_is_cited_and_has_no_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = catalogues()
    required: list[str] = []
    cited = SimpleNamespace(require=lambda clauses, _where: required.extend(clauses), text=known.text)
    monkeypatch.setattr(engine, "catalogues", lambda: cited)
    with pytest.raises(ConfigurationError, match="no text for 'X 1'"):
        load_profile(rules(tmp_path, requirements=["AI-1", "X 1"]))
    assert required == ["AI-1", "X 1"]


def test_a_clause_that_does_not_resolve_is_cited_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mine\.yaml: `requirements` cites 'AI-99'"):
        load_profile(rules(tmp_path, requirements=["AI-99"]))


def test_a_profile_borrows_numbers_and_cases(tmp_path: Path) -> None:
    base, mine = load_profile("cyber_trust_mark"), load_profile(rules(tmp_path))
    assert (mine.id, mine.requirements) == ("mine", ("AI-1",))
    assert (mine.numbers, mine.cases) == (base.numbers, base.cases)


def test_what_a_profile_gives_itself_goes_before_what_it_borrows(tmp_path: Path) -> None:
    base = load_profile("cyber_trust_mark")
    known = next(iter(base.cases))
    cases = {known: RULE | {"strength": "advisory"}, "made.one": RULE}
    mine = load_profile(rules(tmp_path, numbers=numbers(log_seconds=77), cases=cases))
    assert mine.limits.log_seconds == 77
    assert mine.cases[known].strength is Strength.ADVISORY
    assert set(mine.cases) == {*base.cases, "made.one"}


def test_a_profile_with_rules_of_its_own_borrows_nothing(tmp_path: Path) -> None:
    mine = load_profile(rules(tmp_path, rules_of=None, numbers=numbers(), cases={"made.one": RULE}))
    assert list(mine.cases) == ["made.one"]


def test_a_profile_borrows_only_from_one_that_borrows_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mine\.yaml: `rules_of` names a profile "):
        load_profile(rules(tmp_path, rules_of="device_interfaces"))


# The three files together


class Files:
    """Product, bench and profile in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write(folder, [MadeUp("one", "saw(Answer.REFUSED)")])

    def change(self, kind: str, **fields: object) -> None:
        path = self.folder / f"{kind}.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | fields), "utf-8")

    def load(self, product: str | None = "product.yaml", **options: Any) -> Run:
        names = [str(self.folder / f"{kind}.yaml") for kind in ("bench", "profile")]
        declared = str(self.folder / product) if product else None
        return load_run(names[0], declared, names[1], self.folder / "out", **options)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_run_is_what_its_files_say(files: Files) -> None:
    made = files.load()
    assert (made.product.id, made.bench.id, made.profile.id) == ("thing", "desk", "made_up")
    assert (made.operator, made.product_folder, made.lost) == (getpass.getuser(), files.folder, None)
    assert made.folder.path.parent == files.folder / "out"
    assert made.folder.path.name.endswith("Z-thing")
    assert is_dataclass(made)
    assert files.load(operator="A person").operator == "A person"


def test_the_product_is_the_one_of_the_bench_unless_it_is_given(files: Files) -> None:
    with pytest.raises(ConfigurationError, match="no 'thing'"):
        files.load(product=None)
    files.change("bench", product="reference_camera")
    assert files.load(product=None).product.id == "reference_camera"
    with pytest.raises(ConfigurationError, match=r"bench desk holds a reference_camera, .*product is thing\."):
        files.load()


def test_a_condition_that_the_standard_does_not_have_is_refused(files: Files) -> None:
    files.change("product", conditions={"F:zz": {"holds": False, "because": "there is none"}})
    with pytest.raises(ConfigurationError, match="F:zz"):
        files.load()


PORTS = {"tcp/80": 8080}
NETWORK = {"address": "127.0.0.1", "interface": "lo"}


def test_forwarded_ports_replace_those_of_the_bench_and_of_the_second_sample(files: Files) -> None:
    files.change("bench", network=NETWORK, second={"sample": "S2", "network": NETWORK})
    made = files.load(port_map=PORTS).bench
    assert isinstance(made.network, NetworkBench)
    assert (made.network.port_map, made.network.interface) == (PORTS, None)
    assert isinstance(made.second, SecondSample)
    assert (made.second.network.port_map, made.second.network.interface) == (PORTS, None)


def test_forwarded_ports_leave_the_rest_of_a_bench_alone(files: Files) -> None:
    absent = files.load(port_map=PORTS).bench.network
    assert isinstance(absent, Absent)
    assert vars(absent) == vars(files.load().bench.network)
    files.change("bench", network=NETWORK)
    made = files.load(port_map=PORTS).bench
    assert isinstance(made.second, Absent)
    nothing: dict[str, int] = {}
    for port_map in (None, nothing):
        plain = files.load(port_map=port_map).bench.network
        assert isinstance(plain, NetworkBench)
        assert (plain.port_map, plain.interface) == ({}, "lo")


def with_password(files: Files, password: str, **fields: object) -> Run:
    component = yaml.safe_load((files.folder / "product.yaml").read_text("utf-8"))["component"]
    account = {"id": "admin", "role": "administrator", "interfaces": ["console"]}
    files.change("product", component=component | {"accounts": [account]})
    (files.folder / "password").write_text(password, "utf-8")
    files.change("bench", credentials={"admin": {"user": "root", "password": "file:password"}}, **fields)
    return files.load()


def test_a_secret_of_the_bench_is_taken_out_of_what_is_written(files: Files) -> None:
    made = with_password(files, SECRET)
    assert made.secrets.value("admin") == SECRET
    assert made.redactor.text(f"it is {SECRET}") == "it is [secret admin]"
    assert made.redactor is made.redactor


@pytest.mark.parametrize(
    ("password", "fields"),
    [
        ("administrator", {}),
        ("sample-0815-x", {"sample": "sample-0815-x"}),
        ("00a0c9fffe01", {"mac": "00:a0:c9:ff:fe:01"}),
    ],
)
def test_what_anyone_can_look_up_or_derive_is_no_secret(
    files: Files, monkeypatch: pytest.MonkeyPatch, password: str, fields: dict[str, str]
) -> None:
    monkeypatch.setattr(engine, "public_passwords", lambda: frozenset({"administrator"}))
    made = with_password(files, password, **fields)
    assert made.redactor.text(password) == password


def test_the_bench_has_passwords_of_declared_accounts_and_components_only(files: Files) -> None:
    with_password(files, SECRET)
    files.change("bench", credentials={name: {"user": "x", "password": "file:password"} for name in ("root", "guest")})
    with pytest.raises(ConfigurationError, match=r"bench\.yaml, line [0-9]+: credentials\.guest .* admin\.$"):
        files.load()


def test_the_accounts_and_components_that_exist_are_named(files: Files) -> None:
    account = {"user": "x", "password": "file:password"}
    with_password(files, SECRET)
    for field, given, says in (
        ("peers", {"sensor": {"certificate": "x", "key": "y"}}, r"peers\.sensor is neither a service nor a component"),
        (
            "second",
            {"sample": "S2", "network": {"address": "127.0.0.2"}, "credentials": {"o": account}},
            "o is ",
        ),
        ("second", {"sample": "S2", "network": {"address": "127.0.0.1"}}, "both samples have the address 127.0.0.1"),
    ):
        files.change("bench", peers={}, network={"address": "127.0.0.1"}, second={"absent": "there is one"})
        files.change("bench", **{field: given})
        with pytest.raises(ConfigurationError, match=rf"bench\.yaml, line [0-9]+: .*{says}"):
            files.load()


def test_a_pin_that_no_case_compares_ends_the_run_before_it_starts(files: Files) -> None:
    product = yaml.safe_load((files.folder / "product.yaml").read_text("utf-8"))
    web = {"id": "web", "transport": "tcp", "port": 443, "protocol": "http", "tls": True, "purpose": "pages"}
    files.change("product", component=product["component"] | {"services": [web]})
    files.change("bench", pins={"web": {"certificate": "ab" * 32}})
    with pytest.raises(ConfigurationError, match=r"bench\.yaml, line [0-9]+: pins\.web is not used"):
        files.load()


def required(monkeypatch: pytest.MonkeyPatch, **bench: Any) -> None:
    """Compare the names of a bench with a declaration of one account, component and service."""
    monkeypatch.setattr(engine, "place_of", lambda _path, at: ".".join(at))
    component = SimpleNamespace(
        users=[SimpleNamespace(id="admin")],
        components=[SimpleNamespace(id="sensor", credential="pairing")],
        declared=[SimpleNamespace(id="broker")],
    )
    given = {
        "credentials": {},
        "peers": {},
        "pins": {},
        "second": Absent(absent="there is one"),
        "network": None,
    } | bench
    product = cast(Any, SimpleNamespace(id="thing", component=component))
    engine._require_known(product, cast(Any, SimpleNamespace(**given)), Path("bench.yaml"))


def second(address: str, *credentials: str) -> SecondSample:
    network = NetworkBench(address=address)
    names: Any = dict.fromkeys(credentials)
    return SecondSample.model_construct(sample="S2", network=network, credentials=names)


def test_each_name_of_a_bench_may_be_of_the_kinds_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("admin", "pairing")
    required(monkeypatch, credentials=dict.fromkeys(names), second=second("127.0.0.2", *names))
    required(monkeypatch, peers=dict.fromkeys(("broker", "sensor", "admin", "pairing")))
    for field, given, says in (
        ("credentials", dict.fromkeys(("broker", "admin")), "credentials.broker is neither an account nor a component"),
        ("credentials", {"sensor": None}, "credentials.sensor is neither"),
        ("second", second("127.0.0.2", "admin", "broker"), "second.credentials.broker is neither an account"),
        ("peers", dict.fromkeys(("broker", "z", "other")), "peers.other is neither a service nor a component"),
    ):
        with pytest.raises(ConfigurationError, match=f"^configuration: {says} .* admin, .*pairing"):
            required(monkeypatch, **{field: given})


@pytest.mark.parametrize("name", ["admin", "sensor", "pairing", "z"])
def test_only_a_service_has_a_pin(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    required(monkeypatch, pins={"broker": None})
    with pytest.raises(ConfigurationError, match=rf"^configuration: pins\.{name} is not a service .* broker\.$"):
        required(monkeypatch, pins={"broker": None, name: None})


def test_names_of_a_product_without_any_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "place_of", lambda _path, at: ".".join(at))
    with pytest.raises(ConfigurationError, match=r" Its names are: none\.$"):
        engine._require_names(Path("x"), ("peers",), ["one"], set(), "a service nor a component")


def test_two_samples_have_two_addresses_unless_ports_are_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    here, mapped = NetworkBench(address="127.0.0.1"), NetworkBench(address="127.0.0.1", port_map={"tcp/80": 8080})
    for network, address in ((here, "127.0.0.2"), (mapped, "127.0.0.1"), (Absent(absent="there is none"), "127.0.0.1")):
        required(monkeypatch, network=network, second=second(address))
    with pytest.raises(
        ConfigurationError, match=r"second\.network\.address: both samples have the address 127\.0\.0\.1"
    ):
        required(monkeypatch, network=here, second=second("127.0.0.1"))


def test_only_a_bench_with_a_board_needs_its_files_and_interfaces(files: Files) -> None:
    files.change("bench", network={"address": "127.0.0.1", "interface": "no_such_one"})
    with pytest.raises(ConfigurationError, match="no interface 'no_such_one'"):
        files.load()
    files.change("bench", virtual="reference")
    assert files.load().bench.virtual == "reference"


def test_the_profile_says_which_well_known_credentials_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    pair: Any = object()

    def pairs(*words: object) -> tuple[object, ...]:
        given.extend(words)
        return (pair,)

    monkeypatch.setattr(engine, "well_known", pairs)
    made = made_up_run.run(tmp_path)
    assert made.well_known("ssh") == (pair,)
    asked = GuessedPairs()
    assert given == ["ssh", asked.lists, "Maker", "Thing 1", asked.most]


def test_a_made_up_bench_and_profile_are_read_as_they_are(files: Files) -> None:
    made = files.load()
    assert [str(one) for one in made.bench.allow] == yaml.safe_load(BENCH)["allow"]
    assert isinstance(made.profile, Profile)


def test_all_probes_of_a_run_share_the_paces_of_its_doors_and_its_failed_logins(tmp_path: Path) -> None:
    made, other = made_up_run.run(tmp_path / "one"), made_up_run.run(tmp_path / "other")
    assert made.paces is made.paces
    assert made.paces.of(443).patience == made.bench.patience_seconds
    made.failed_logins.note("admin", 7.0)
    assert made.failed_logins.since(0.0) == [7.0]
    assert other.failed_logins.since(0.0) == []
