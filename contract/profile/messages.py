"""The form of messages in a profile file, as people write it: topics, fields, and how they say who is there."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contract.display import Shown
from contract.profile.words import ByteOrder, Code, EventType, PointName, Repeat, Span, Word
from contract.site import Text


class Availability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a topic says whether its device is there: the bare word `online` or `offline`, or that at `path` in JSON.

    Either form is taken of either, in whatever case: bridges change it between versions. Without `path` a JSON
    object has it at `state`. A topic without `{address}` speaks of all devices of the profile: they are behind it.
    """

    path: str | None = None
    online: str = "online"
    offline: str = "offline"


class Tlv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"kind": "type"}):
    """A value among others in bytes: `channel` and `type` (a byte each) stand before its `size` bytes.

    An item that holds several numbers has a field for each: `take` bytes (default: the rest) from byte `at` of it.
    """

    channel: Annotated[int, Meta(ge=0, le=255)]
    kind: Annotated[int, Meta(ge=0, le=255)]
    size: Annotated[int, Meta(ge=1, le=64)]
    at: Annotated[int, Meta(ge=0, le=63)] = 0
    take: Annotated[int, Meta(ge=1, le=8)] | None = None
    order: ByteOrder = ByteOrder.LITTLE
    signed: bool = False


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number at a fixed place in bytes: `size` of them from byte `at`, high byte first by default."""

    at: Annotated[int, Meta(ge=0, le=4_095)]
    size: Annotated[int, Meta(ge=1, le=8)]
    order: ByteOrder = ByteOrder.BIG
    signed: bool = False


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"cut": "bytes"}):
    """A value in the messages of a topic; where a message lacks it, it is as it was.

    It stands at `path` (dotted names and numbers of list elements, from 0; empty: the whole payload), or in bytes as
    `tlv` or `bytes`. `repeat` makes a field of each of many alike: its counter stands in `name` and `path` as
    `{phase}`, in `path` also as `{phase.index}`, which counts from 0. A text counts as
    the number that it writes: decimal, with a decimal comma, or hexadecimal; of a longer one `pattern` is a regular
    expression whose first group is the number. `codes` make numbers of texts; true and false are 1 and 0. Of a number
    that packs several, `mask` takes the bits, shifted down to its lowest, `signed` by two's complement. From there on
    it is as a point of a register: number = raw * scale + offset, `times` ratios, `states`, readings, `display`. `each` names the event that
    happens with every message in which the code is that one, such as a press of a button.
    """

    name: PointName
    path: str = ""
    repeat: tuple[Repeat, ...] = ()
    tlv: Tlv | None = None
    cut: Cut | None = None
    text: Literal["decimal", "comma", "hex"] = "decimal"
    pattern: str | None = None
    codes: dict[str, int] = {}
    mask: Code | None = None
    signed: bool = False
    scale: float = 1.0
    offset: float = 0.0
    times: tuple[Word, ...] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    states: Word | None = None
    each: dict[Code, EventType] = {}
    report: bool = True
    deadband: Annotated[float, Meta(ge=0)] = 0.0
    heartbeat: Span = "5m"
    verified: bool = True
    label: Text = Text()
    display: dict[Shown, Text] = {}
    note: str = ""


class Confirm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A read counts when it came `times` times of one person `within` that, and not while they stay.

    With `path`, only while the number there is below `below`. Somebody not read for `again_after` has gone.
    `known_at_once`: one that the site knows counts at the first read; a ghost is nobody's card.
    """

    times: Annotated[int, Meta(ge=2, le=100)] = 2
    within: Span = "5s"
    again_after: Span = "1m"
    known_at_once: bool = False
    path: str | None = None
    below: float = 0.0


class Topic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic of a device; `{address}` stands for the device's address on its line, `{any}` for any one level.

    Where all devices of a gateway or platform share a topic, the address stands in the message, at `address_at`.
    Either each message is an event of `type`: `person`, `at` (the device's own clock, in `at_unit`; `local`: date and time of day in the site's time zone) and
    `dedup` (the message's own number: the same one again is the same message) are dotted names in its JSON,
    and so is each value of `data`; with `confirm` it is one only when repeated. Or it tells values, `fields`; with
    `tlv_at` or `bytes_at` they stand in bytes at that path (empty: the payload), written as `bytes_as`. Items of a
    `tlv` that no field describes are left out where `skip` has their size, by channel and type such as `0xff01`;
    behind one that nobody knows nothing can be read. Or it tells the device's `availability`. `where`: only messages that have one of these values at
    each path count, or have anything there where the list is empty; of several entries for one topic the first
    that a message counts for reads it.
    Over HTTP a topic is a path, with words of the query where it has any (`cdata?SN={address}`); `method` is POST (or
    PUT) by default. `body` is JSON, `query` (the words of the query are the message), a `form`, or `lines` of text
    with `columns` apart by `separator`, each a message by itself. `answer` is what is answered once all of it is on
    disk: `{count}` how many messages it was, `{address}`, words of the query by their names, and, as `{kept.NAME}`,
    the last that a word of `keep` said in a call that was taken. `alive`: the call says that the device is there, and
    nothing else.
    `list_at`: the message is a list there (empty: the payload itself), and each element is a message by itself;
    `part` is where an element names the part of the device that it tells of, `{part}` in the names of its fields.
    A path that begins with `$.` is then one of the whole message.
    """

    topic: Annotated[
        str,
        Meta(pattern=r"^[^#+]+$", description="a topic without wildcards, such as home/{address}/state"),
    ]
    method: Literal["POST", "GET"] = "POST"
    body: Literal["json", "query", "form", "lines"] = "json"
    columns: tuple[str, ...] = ()
    separator: Literal["tab", "comma", "space"] = "tab"
    answer: str = ""
    keep: tuple[str, ...] = ()
    alive: bool = False
    where: dict[str, tuple[str, ...]] = {}
    address_at: str | None = None
    list_at: str | None = None
    part: str | None = None
    fields: tuple[Field, ...] = ()
    tlv_at: str | None = None
    skip: dict[Code, Annotated[int, Meta(ge=0, le=255)]] = {}
    bytes_at: str | None = None
    bytes_as: Literal["base64", "hex", "raw"] = "base64"
    type: EventType | None = None
    person: str | None = None
    at: str | None = None
    at_unit: Literal["ms", "s", "rfc3339", "local"] = "ms"
    dedup: str | None = None
    data: dict[str, str] = {}
    confirm: Confirm | None = None
    availability: Availability | None = None
    verified: bool = True
