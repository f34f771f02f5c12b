"""How malformed messages are kept, and read again to be sent again: raw octets, and a JSON file that says where to."""

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from drivers.network.malformed.messages.message import MESSAGE_LIMIT, DeliveryWay, Message
from lab_config.component import Service
from lab_config.reading.yaml_file import read_octets
from trustprobe.errors import ConfigurationError
from trustprobe.probe import Frozen, Recorder, printable

FILE_LIMIT = 4 * MESSAGE_LIMIT


class KeptMessage(Frozen):
    """A message as it is kept: `trustprobe send` reads this. `port` is the device's own, before any port map."""

    name: str
    origin: str
    way: DeliveryWay
    port: int
    protocol: str
    service: str
    octets: str
    """The message in base64 (RFC 4648 clause 4)."""

    @property
    def data(self) -> bytes:
        """The octets."""
        return base64.b64decode(self.octets)


def _kept(service: Service, way: DeliveryWay, message: Message) -> KeptMessage:
    return KeptMessage(
        name=message.name,
        origin=message.origin,
        way=way,
        port=service.port,
        protocol=service.protocol,
        service=service.id,
        octets=base64.b64encode(message.data).decode("ascii"),
    )


def keep_all(record: Recorder, service: Service, way: DeliveryWay, messages: tuple[Message, ...]) -> None:
    """Keep every message that will be sent, one a line."""
    lines = (json.dumps(_kept(service, way, one).model_dump(mode="json")) for one in messages)
    record.keep("messages.jsonl", "\n".join(lines).encode("ascii"))


def keep_culprit(record: Recorder, service: Service, way: DeliveryWay, message: Message) -> str:
    """Keep one message as raw octets and as a file to send again; the name of the latter."""
    record.keep(f"{message.name}.bin", message.data)
    name = f"{message.name}.json"
    record.keep(name, json.dumps(_kept(service, way, message).model_dump(mode="json"), indent=1).encode("ascii"))
    return name


def keep_octets(record: Recorder, messages: Iterable[Message]) -> Callable[[Message], str]:
    """Keep messages that no `DeliveryWay` carries, one per line; return what keeps one as octets and names its file."""
    lines = (
        {"name": one.name, "origin": one.origin, "octets": base64.b64encode(one.data).decode("ascii")}
        for one in messages
    )
    record.keep("messages.jsonl", "\n".join(json.dumps(line) for line in lines).encode("ascii"))

    def keep(message: Message) -> str:
        record.keep(f"{message.name}.bin", message.data)
        return f"{message.name}.bin"

    return keep


def read_kept(path: Path) -> KeptMessage:
    """Read a message from the evidence. ConfigurationError if the file contains no message."""
    try:
        kept = KeptMessage.model_validate_json(read_octets(path, FILE_LIMIT))
        if not 1 <= len(kept.data) <= MESSAGE_LIMIT:
            raise ValueError(f"{len(kept.data)} octets")
    except (ConfigurationError, ValueError) as error:
        why = error.what if isinstance(error, ConfigurationError) else f"{str(error).splitlines()[0]}."
        raise ConfigurationError(
            f"{path} contains no message of a run: {printable(why, 200)}",
            "Give the .json file of a message from the evidence/ folder of a run.",
        ) from None
    return kept
