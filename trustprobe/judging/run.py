"""One run: product, bench, profile and secrets, read and checked against each other before anything is sent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from drivers.guessing.attempt import Pair
from drivers.guessing.derivation import derived
from drivers.guessing.failures import FailedLogins
from drivers.guessing.lists import public_passwords, well_known
from drivers.network.pace import DoorPaces
from lab_config.bench import Bench, NetworkBench, SecondSample
from lab_config.certificate import require_used_pins
from lab_config.connected import require_connected
from lab_config.load import find, load, peek, place_of
from lab_config.product import Product
from lab_config.rules import GuessedAt, Profile
from lab_config.secrets import Secrets
from reports.redaction import Redactor
from reports.run_folder import RunFolder
from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError
from trustprobe.judging.applicability import require_known_conditions
from trustprobe.judging.lock import user_name


@dataclass
class Run:
    """The input and output of a run. `lost` is the reason why the device can no longer be probed."""

    product: Product
    bench: Bench
    profile: Profile
    secrets: Secrets
    folder: RunFolder
    operator: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    lost: str | None = None
    product_folder: Path = Path()
    """The folder of the declaration and of its documents."""

    @cached_property
    def redactor(self) -> Redactor:
        """Removes the secrets of the bench from everything that is written."""
        return Redactor(self.secrets.hidden)

    @cached_property
    def paces(self) -> DoorPaces:
        """How fast the doors of the sample let themselves be asked, for all probes of the run."""
        return DoorPaces(self.bench.patience_seconds)

    @cached_property
    def failed_logins(self) -> FailedLogins:
        """The failed logins of all probes of the run, which a declared lockout may count together."""
        return FailedLogins()

    def well_known(self, kind: GuessedAt) -> tuple[Pair, ...]:
        """Return the well-known credentials that the profile requires for a kind of interface, for this model."""
        asked = self.profile.limits.guessing.asked(kind)
        return well_known(kind, asked.lists, self.product.manufacturer, self.product.model, asked.most)


def load_profile(name: str) -> Profile:
    """Read a profile, and check that each requirement and clause resolves. ConfigurationError names what does not."""
    path = find("profiles", name)
    profile = load(path, Profile)
    where = f"{path}: `requirements`"
    catalogues().require(profile.requirements, where)
    for item in profile.requirements:
        catalogues().text(item)
    if len(set(profile.requirements)) != len(profile.requirements):
        raise ConfigurationError(f"{where} names an item twice.", "Remove one entry.")
    if profile.rules_of is None:
        return profile
    if peek(find("profiles", profile.rules_of), "rules_of") is not None:
        raise ConfigurationError(
            f"{path}: `rules_of` names a profile that itself uses `rules_of`.", "Name the profile with the rules."
        )
    base = load_profile(profile.rules_of)
    rules = {"numbers": profile.numbers or base.numbers, "cases": {**base.cases, **profile.cases}}
    return profile.model_copy(update=rules)


def load_run(
    bench_name: str,
    product_name: str | None,
    profile_name: str,
    out: Path,
    *,
    operator: str | None = None,
    port_map: dict[str, int] | None = None,
) -> Run:
    """Read the three files, resolve the secrets and open the run folder. ConfigurationError for the first problem."""
    profile = load_profile(profile_name)
    bench_path = find("benches", bench_name)
    bench = load(bench_path, Bench)
    if port_map and not hasattr(bench.network, "absent"):
        network = bench.network.model_copy(update={"port_map": port_map, "interface": None})
        bench = bench.model_copy(update={"network": network})
        if isinstance(bench.second, SecondSample):
            there = bench.second.network.model_copy(update={"port_map": port_map, "interface": None})
            bench = bench.model_copy(update={"second": bench.second.model_copy(update={"network": there})})
    product_path = find("products", product_name or bench.product)
    product = load(product_path, Product)
    require_known_conditions(product, product_path)
    if product.id != bench.product:
        raise ConfigurationError(
            f"the bench {bench.id} holds a {bench.product}, but the product is {product.id}.",
            "Give the bench of that product, or correct `product` in the bench file.",
        )
    _require_known(product, bench, bench_path)
    require_used_pins(bench.pins, bench_path, product.component.declared, product.component.certificate)
    public = set(public_passwords())
    public |= set(derived(bench.sample, bench.mac, product.model).values())
    secrets = Secrets.of(bench, bench_path, public)
    if bench.virtual is None:  # the files of a virtual bench are those of its lab
        require_connected(bench, bench_path)
    return Run(
        product,
        bench,
        profile,
        secrets,
        RunFolder(out, product.id, datetime.now(UTC)),
        operator or user_name(),
        product_folder=product_path.parent,
    )


def _require_known(product: Product, bench: Bench, path: Path) -> None:
    """Require that every name in the bench file that refers to the declaration is declared there."""
    accounts = {account.id for account in product.component.users}
    components = {one.id for one in product.component.components}
    logins = accounts | {one.credential for one in product.component.components}
    _require_names(path, ("credentials",), bench.credentials, logins, "neither an account nor a component")
    if isinstance(bench.second, SecondSample):
        _require_names(
            path, ("second", "credentials"), bench.second.credentials, logins, "neither an account nor a component"
        )
        first = bench.network
        if isinstance(first, NetworkBench) and first.address == bench.second.network.address and not first.forwarded:
            raise ConfigurationError(
                f"{place_of(path, ('second', 'network', 'address'))}: both samples have the address {first.address}.",
                "Give the address of the second sample.",
            )
    services = {service.id for service in product.component.declared}
    _require_names(path, ("peers",), bench.peers, services | components | logins, "neither a service nor a component")
    _require_names(path, ("pins",), bench.pins, services, "not a service")


def _require_names(path: Path, at: tuple[str, ...], names: Iterable[str], known: set[str], kinds: str) -> None:
    for name in sorted(names):
        if name not in known:
            raise ConfigurationError(
                f"{place_of(path, (*at, name))} is {kinds} of the product.",
                f"Its names are: {', '.join(sorted(known)) or 'none'}.",
            )
