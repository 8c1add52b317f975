"""Topics: where each message travels, in MQTT's spelling and in the broker's."""

from typing import Final

import msgspec

ROOT: Final = "sitewarden/v1"
STREAM: Final = "SITEWARDEN"
CAPTURE_PREFIX: Final = "sitewarden-up"
PARTITIONS: Final = 8


class Address(msgspec.Struct, frozen=True):
    """One agent of one site."""

    site: str
    agent: str

    def topic(self, channel: str) -> str:
        """The MQTT topic of a channel: `events`, `ack`, `state`, `time`, `time-reply` or `config`."""
        return f"{ROOT}/{self.site}/{self.agent}/{channel}"

    def subject(self, channel: str) -> str:
        """The same as a NATS subject."""
        return self.topic(channel).replace("/", ".")


def captured_address(subject: str) -> Address:
    """The agent named by a captured subject `sitewarden-up.{partition}.{site}.{agent}`.

    Raises:
        ValueError: The subject has another form.
    """
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] != CAPTURE_PREFIX:
        raise ValueError(f"not a captured subject: {subject}")
    return Address(parts[2], parts[3])


def capture_filter(partition: int) -> str:
    """The subjects of one partition in the stream."""
    return f"{CAPTURE_PREFIX}.{partition}.>"
