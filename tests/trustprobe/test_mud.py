import json
from pathlib import Path

import pytest

from drivers.network.traffic.egress import EgressSeen, Sent
from tests.reports.samples import a_mixed_run
from trustprobe.cli.mud import draft_of_run
from trustprobe.errors import ConfigurationError


def sent(port: int, role: str | None, host: str = "cloud.example", *, housekeeping: bool = False) -> Sent:
    return Sent(transport="tcp", address="203.0.113.9", port=port, host=host, role=role, housekeeping=housekeeping)


def run_folder(folder: Path, *observations: EgressSeen) -> Path:
    (folder / "results.json").write_text(a_mixed_run().model_dump_json())
    for number, observation in enumerate(observations):
        path = folder / "evidence" / f"{number:02d}-egress" / "observation.json"
        path.parent.mkdir(parents=True)
        path.write_text(observation.model_dump_json())
    return folder


def test_a_draft_holds_what_the_device_sent_and_names_what_nobody_declared(tmp_path: Path) -> None:
    heard = (sent(443, "cloud"), sent(8125, None), sent(67, "housekeeping", housekeeping=True))
    observation = EgressSeen(question="?", facts=(), undeclared=("tcp/203.0.113.9:8125",), sent=heard)
    text, strange = draft_of_run(run_folder(tmp_path, observation), "https://example.com/mud")
    lists = json.loads(text)["ietf-access-control-list:acls"]["acl"]
    ports = {ace["matches"]["tcp"]["destination-port"]["port"] for acl in lists for ace in acl["aces"]["ace"]}
    assert ports == {443, 8125}
    assert strange == ("tcp/203.0.113.9:8125",)


def test_a_run_that_did_not_hear_the_device_gives_no_draft(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did not capture the traffic"):
        draft_of_run(run_folder(tmp_path), "https://example.com/mud")


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not the folder of a run"):
        draft_of_run(tmp_path, "https://example.com/mud")
