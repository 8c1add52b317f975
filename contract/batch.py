"""The batch: the one message an agent sends up, and the ones that come back down.

A batch names itself: `agent`, `epoch` (random, new with each new spool), `lane`, and the gapless range
`first..last` of sequence numbers. A batch with `last == first - 1` is a heartbeat: it carries coverage only.
"""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from contract.events import Event, Readings

MAX_BATCH_BYTES: Final = 256 * 1024
HEARTBEAT_MS: Final = 5_000
EPOCH_BITS: Final = 22
SEQ_BITS: Final = 40
MAX_EPOCH: Final = (1 << EPOCH_BITS) - 1
MAX_SEQ: Final = (1 << SEQ_BITS) - 1
MOST_LOST: Final = 64
"""So many ranges of lost numbers fit a batch."""


class Lane(StrEnum):
    """A queue of the spool: life safety goes before any backlog of the main lane."""

    LIFE = "life"
    MAIN = "main"


class Opening(msgspec.Struct, frozen=True):
    """One opening of a spool by a process: rows numbered above `after`, by lane, were written since then.

    `id` is random, so that a copy of the spool that is opened elsewhere, or later, never passes for the original.
    """

    id: str
    after: dict[Lane, int]


class Coverage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent says of one device: events with `at < complete_to` are all known, but for `blind` spans."""

    complete_to: int
    blind: list[tuple[int, int]] = []


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message on the events topic.

    `through` makes `sources` true: the coverage holds once the cloud has, per lane of this epoch, every
    sequence number up to the one named. Without it the batch's own `last` is meant. So a heartbeat that
    overtakes a lost batch can never turn a backlog into a false `breached`.

    `lost` are ranges of its numbers whose rows the agent has no more, since its spool was damaged.

    `opening` names the opening of the spool that sends. `lineage` tells where that one comes from, newest first
    (the first of it is `opening` itself); it goes with every batch until an ack names `opening`. Numbers above its
    `after` are taken from one opening only: see `cloud.ingest.openings`.
    """

    agent: str
    epoch: int
    first: int
    last: int
    sent_at: int
    v: int = 1
    lane: Lane = Lane.MAIN
    clock_offset_ms: int = 0
    through: dict[Lane, int] = {}
    sources: dict[str, Coverage] = {}
    events: list[Event] = []
    readings: Readings = Readings()
    opening: str = ""
    lineage: list[Opening] = []
    lost: list[tuple[int, int]] = []


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """On the ack topic: per epoch and lane, the highest number up to which all is durable in the database.

    `refused` names batches that can't be read at all, by `batch_digest`: the agent keeps their rows aside as
    refused and goes on, so that one bad batch never blocks a site.

    `opening` is the opening of the spool that `durable` was taken from: to any other it says nothing.
    `forked` names openings whose numbers were taken from another one already (an older copy of the spool was put
    back, or two agents have one identity), each with the numbers up to which both have the same rows, by lane.
    """

    epoch: int
    durable: dict[Lane, int] = {}
    refused: list[str] = []
    opening: str = ""
    forked: dict[str, dict[Lane, int]] = {}


class TimeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """On the time topic: `sent` is the agent's boot clock in ms, `boot` names the boot it counts from."""

    boot: str
    sent: int


class TimeReply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a `TimeRequest`: the same `boot` and `sent`, and the cloud's time in ms."""

    boot: str
    sent: int
    cloud: int


class AgentState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """On the state topic, retained, for people: it is never used as truth by a rule."""

    online: bool
    version: str = ""
    uptime_s: int = 0
    spooled: int = 0
    clock_offset_ms: int = 0
    devices: dict[str, str] = {}


_encoder = msgspec.json.Encoder()
batch_decoder: Final = msgspec.json.Decoder(Batch)
ack_decoder: Final = msgspec.json.Decoder(Ack)
time_request_decoder: Final = msgspec.json.Decoder(TimeRequest)
time_reply_decoder: Final = msgspec.json.Decoder(TimeReply)

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""The first bytes of a zstd frame (RFC 8878 section 3.1.1): a payload that starts so is compressed."""


def encode(message: Batch | Ack | TimeRequest | TimeReply | AgentState) -> bytes:
    """The message as JSON."""
    return _encoder.encode(message)


def identity_base(epoch: int, lane: Lane) -> int:
    """What is added to a lane's sequence number so that `(site, device, seq)` never repeats; fits 63 bits."""
    return (epoch << (SEQ_BITS + 1)) | ((lane is Lane.LIFE) << SEQ_BITS)


def batch_digest(payload: bytes) -> str:
    """The name under which an unreadable batch is refused: 16 hex digits of SHA-256 over the payload as sent."""
    return hashlib.sha256(payload).hexdigest()[:16]
