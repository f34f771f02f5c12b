"""Which requirements of a profile apply: conditions of EN 303 645 Table B.1, as the declaration states them."""

from pathlib import Path

from lab_config.product import Product
from lab_config.rules import Profile
from standards.catalogue import catalogues
from trustprobe.errors import ConfigurationError


def require_known_conditions(product: Product, path: Path) -> None:
    """Raise ConfigurationError for a condition that Table B.1 does not have; `path` is the declaration's file."""
    if unknown := sorted(set(product.conditions) - set(catalogues().conditions)):
        raise ConfigurationError(
            f"{path}: conditions.{unknown[0]} is not a condition or feature of EN 303 645 Table B.1.",
            f"Use one of {', '.join(catalogues().conditions)}.",
        )


def recommended(profile: Profile) -> frozenset[str]:
    """Return the requirements that their catalogue recommends and does not ask for."""
    known = catalogues().provisions
    return frozenset(clause for clause in profile.requirements if clause in known and not known[clause].mandatory)


def excused(profile: Profile, product: Product) -> dict[str, str]:
    """Return the requirements that do not apply to a product, with the declared reason.

    A condition that the declaration does not state holds: not to apply has to be declared.
    """
    known = catalogues()
    found = {}
    for clause in profile.requirements:
        names = known.provisions[clause].conditions if clause in known.provisions else ()
        absent = [name for name in names if name in product.conditions and not product.conditions[name].holds]
        if absent:
            found[clause] = "; ".join(
                f"{name} ({known.conditions[name]}): {product.conditions[name].because}" for name in absent
            )
    return found
