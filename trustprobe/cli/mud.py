"""`trustprobe mud`: drafts a MUD file from the traffic that a run received from the device."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from drivers.network.traffic.egress import EgressSeen
from drivers.network.traffic.mud_draft import draft
from drivers.network.traffic.peer import TrafficPeer
from lab_config.reading.yaml_file import read_octets
from reports.results import Results
from trustprobe.errors import ConfigurationError

MOST_OCTETS: Final = 64 << 20
"""Octets of one file of a run that are read."""


def draft_of_run(folder: Path, url: str) -> tuple[str, tuple[str, ...]]:
    """Return the MUD file as JSON, and its undeclared peers. ConfigurationError if the run captured no traffic."""
    try:
        results = Results.model_validate_json(read_octets(folder / "results.json", MOST_OCTETS))
        found = sorted((folder / "evidence").glob("*-egress/observation.json"))
        seen = [EgressSeen.model_validate_json(read_octets(path, MOST_OCTETS)) for path in found]
    except (ConfigurationError, ValidationError) as error:
        why = error.what if isinstance(error, ConfigurationError) else "its files are not of this version."
        raise ConfigurationError(
            f"{folder} is not the folder of a run: {why}", "Give one, for example out/latest."
        ) from None
    if not seen:
        raise ConfigurationError(
            f"the run {folder} did not capture the traffic of the device.",
            "Run the case egress.declared on a bench with `network.interface`.",
        )
    peers = [
        TrafficPeer(one.host, one.transport, ((one.port, one.port),), one.role or "")
        for one in seen[-1].sent
        if not one.housekeeping and one.transport in {"tcp", "udp"}
    ]
    return draft(results.product.name, url, peers), seen[-1].undeclared
