"""The form of a profile file (`config/profiles/*.yaml`), as people write it.

`contract.profile.load` reads and checks one; `contract.profile.expand` makes of it the points of one device on site.
Keys that are codes are text here, since YAML's keys are; `code` makes numbers of them.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from contract.display import Shown
from contract.profile.messages import Topic
from contract.profile.words import (
    ByteOrder,
    Code,
    EventType,
    Fact,
    Period,
    PointName,
    Repeat,
    Span,
    Word,
    WordOrder,
)
from contract.site import Id, Text


class Kind(StrEnum):
    """How the bits of a point's registers make a number.

    `base10000`: high word * 10000 + low word. `uint24` and `int24`: the low 24 bits of two registers; `uint48` and
    `int48` take three. `bcd16` to `bcd64`: four decimal digits a register. `text`: `count` registers of two
    characters each, up to the first zero; its number is that of `codes`. `date`: `count` registers that hold the
    device's own clock by `form`; its number is in s since 1970, by that clock.
    """

    BOOL = "bool"
    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BASE10000 = "base10000"
    UINT24 = "uint24"
    INT24 = "int24"
    UINT48 = "uint48"
    INT48 = "int48"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BCD48 = "bcd48"
    BCD64 = "bcd64"
    TEXT = "text"
    DATE = "date"


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device can take.

    `max_registers` and `max_bits` per request (the protocol's own limits by default, Modbus Application
    Protocol V1.1b3, 6.1 and 6.3); `max_gap` how many registers that nobody asked for may be read along to
    save a request, 0 where holes are not known to be answered; `refuses_missing` that a read of something it
    does not have is refused as a whole, not answered with sentinels; `pause_ms` between an answer and the next
    request to the same device.
    """

    max_registers: Annotated[int, Meta(ge=1, le=125)] = 125
    max_bits: Annotated[int, Meta(ge=1, le=2000)] = 2000
    max_gap: Annotated[int, Meta(ge=0, le=124)] = 0
    refuses_missing: bool = True
    response_timeout_ms: Annotated[int, Meta(ge=10, le=60_000)] = 1000
    pause_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0


class State(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"when": "in", "label": "as"},
):
    """Something that is so or not, read off a point; becoming so emits `on`, ceasing emits `off`.

    Either of a code, `raw & mask` shifted down to its lowest bit: so when it is one of `in`. `words` names
    the codes; then a change of word is told too (not when `once`), the word stands in the data under `as`, and a
    code without a word makes the state unknown. `absent` are codes by which the device says that it has no such thing.
    Or of the number (scaled): `above` (until no longer above `clear`) or `below` (until no longer below it).
    Where `on` and `off` are one type, its end is told with `state: cleared`, but for a mode (`generator.mode`).
    """

    name: Word = "state"
    mask: Code | None = None
    when: tuple[int, ...] = ()
    words: dict[Code, Word] = {}
    label: Annotated[Word, Meta(description="the data field for the word")] = "word"
    once: bool = False
    absent: tuple[int, ...] = ()
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    on: EventType | None = None
    off: EventType | None = None
    data: dict[str, Fact] = {}
    off_data: dict[str, Fact] = {}


class Absence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"when": "in"}):
    """How a point says by itself that nothing is there: `raw & mask` is one of `in`."""

    mask: Code
    when: tuple[int, ...]


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of the device: where it stands, what it means, and how its changes are told.

    `address` is the 0-based wire address; value = raw * scale + offset, in `unit`; outside `min`..`max` it is
    bad. Of a register that packs several numbers `mask` takes the bits, shifted down to its lowest, `signed` by two's
    complement. `decimals_from` names the point in which the number of decimals stands, `exponent_from` that in which
    a power of ten does, `scale_from` that in which a factor does; `scales` makes factors of codes there. `times` are ratios of the site's device (a current
    transformer's), by which value, `min`, `max` and `deadband` are multiplied. `byte_order: little` where the bytes
    in each register are swapped. `form` of a `date`: a word for each byte (for each register, if there are as many) of
    YYYY, YY, MM, DD, hh, mm, ss and -- for one that counts for nothing; `bcd` where they are decimal digits.
    `na` replaces the profile's sentinels for this point. `states` names a set of the profile's states.
    `nibbles` says that the register holds four 4-bit codes, bits 15..12 first; the states hold for each.
    A reading is told when it moved by `deadband` or `heartbeat` has passed; `report: false` tells none.
    `optional`: a device may well not have it, so that its absence is no fault. `bound_only`: it is read only
    where the site binds it, since nothing tells an unused one from a used one. `shortest`: the shortest that its
    states last. `verified: false`: one weak source only. `label`: what people call it, where `config/points.yaml`
    does not say so. `display`: words in which people are shown a value, by the value as it is told; rules see numbers.
    """

    name: PointName
    function: Literal[1, 2, 3, 4]
    address: Annotated[int, Meta(ge=0, le=65_535)]
    type: Kind = Kind.UINT16
    count: Annotated[int, Meta(ge=1, le=64)] | None = None
    form: str = ""
    bcd: bool = False
    codes: dict[str, int] = {}
    mask: Code | None = None
    signed: bool = False
    scale: float = 1.0
    offset: float = 0.0
    decimals_from: PointName | None = None
    exponent_from: PointName | None = None
    scale_from: PointName | None = None
    scales: dict[Code, float] = {}
    times: tuple[Word, ...] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    word_order: WordOrder | None = None
    byte_order: ByteOrder | None = None
    na: dict[Code, Word] | None = None
    absent: Absence | None = None
    repeat: tuple[Repeat, ...] = ()
    states: Word | None = None
    nibbles: tuple[Word, ...] = ()
    report: bool = True
    deadband: Annotated[float, Meta(ge=0)] = 0.0
    heartbeat: Span = "5m"
    poll: Word = "normal"
    optional: bool = False
    bound_only: bool = False
    shortest: Span | None = None
    verified: bool = True
    data: dict[str, Fact] = {}
    label: Text = Text()
    display: dict[Shown, Text] = {}
    note: str = ""


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"when": "in"}):
    """Whether `point` (scaled) is one of `in`, or above `above`."""

    point: Word
    when: tuple[float, ...] = ()
    above: float | None = None


class Derived(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"while_": "while"}
):
    """A number made of others, known when all of `of` that the device has are: for states of several phases.

    `while`: the others mean something only as long as that holds (a generator's voltage while it runs); else the
    number is `otherwise`.
    """

    name: Word
    of: Annotated[tuple[Word, ...], Meta(min_length=1)]
    take: Literal["lowest", "highest"]
    states: Word
    while_: Condition | None = None
    otherwise: float = 0.0


class Lapse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A reading in s: the time from one event of the device to another, both witnessed, `at_most` apart."""

    name: Word
    from_: EventType
    to: EventType
    at_most: Span = "10m"
    label: Text = Text()


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device says that it is: `count` registers hold one of the numbers `in`, or a text that begins with `text`.

    Looked at by `sitewarden edge probe`; in a text zero bytes count for nothing.
    """

    name: Word
    address: Annotated[int, Meta(ge=0, le=65_535)]
    function: Literal[3, 4] = 3
    count: Annotated[int, Meta(ge=1, le=32)] = 1
    numbers: Annotated[tuple[int, ...], Meta(description="the numbers that it may be")] = msgspec.field(
        name="in", default=()
    )
    text: str = ""


class Alive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point that never stands still, such as a clock: unchanged over `polls` reads, the device shows old values."""

    point: Word
    polls: Annotated[int, Meta(ge=1, le=1000)] = 3


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="protocol"):
    """What every profile says; `contract.site.ProfileHead` is the part that everybody reads.

    `ratios`: by name, numbers that a device of the site may have another of (`ratios` of the device), such as the
    ratio of a current transformer.
    """

    profile: Id
    name: Text = Text()
    emits: tuple[EventType, ...] = ()
    buffers: bool = False
    ratios: dict[Word, Annotated[float, Meta(gt=0)]] = {}
    vendor: str = ""
    model: str = ""
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ModbusProfile(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="modbus"):
    """A device read over Modbus.

    `sentinels`: by type, the raw values that are no values, and their cause. `absent`: the causes that say that
    the device has no such thing. `polls`: by name, how often; `normal` is the one that a device of the site may
    override.
    """

    unit: Annotated[int, Meta(ge=0, le=255)] = 1
    word_order: WordOrder = WordOrder.HIGH_FIRST
    byte_order: ByteOrder = ByteOrder.BIG
    limits: Limits = Limits()
    polls: dict[Word, Period] = {}
    sentinels: dict[Kind, dict[Code, Word]] = {}
    absent: tuple[Word, ...] = ()
    states: dict[Word, tuple[State, ...]] = {}
    points: Annotated[tuple[Point, ...], Meta(min_length=1)]
    derived: tuple[Derived, ...] = ()
    lapses: tuple[Lapse, ...] = ()
    alive: Alive | None = None
    identity: tuple[Identity, ...] = ()


class _Publishing(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True):
    states: dict[Word, tuple[State, ...]] = {}
    topics: Annotated[tuple[Topic, ...], Meta(min_length=1)]


HEARD_DAILY: Final = "25h"
"""The rarest of those that report by themselves do it once a day."""


class MqttProfile(_Publishing, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mqtt"):
    """A device that speaks MQTT by itself.

    `silent_after`: without a message for so long it is not known any more, whatever it says of its availability. One
    that says nothing of it is known while it is heard, by default once in `HEARD_DAILY`.
    """

    silent_after: Period | None = None


class HttpProfile(_Publishing, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="http"):
    """A device that posts by HTTP.

    A topic is the path that it posts to, a message the JSON body, or the first part of a form that is a JSON object.
    `silent_after`: without a post for so long it is not known any more; its heartbeat must come more often.
    """

    silent_after: Period = "5m"


class TransmitterProfile(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gb26875"):
    """A fire transmitter by GB/T 26875.3, which calls us; a device's `address` is its own, 12 hexadecimal digits.

    `time`: how its labels are written. `silent_after`: without a frame for so long it is not known any more.
    """

    time: Literal["auto", "binary", "bcd"] = "auto"
    silent_after: Period = "5m"


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value in a block of a meter: `size` bytes from byte `at` behind the identifier, the low one first.

    Decimal digits, or with `form: bits` bits. `signed`: the highest bit is the sign. Bytes that are all FF say that
    the meter has no such value; `optional`: then nothing is amiss. The rest is as with a `Point`.
    """

    name: Word
    at: Annotated[int, Meta(ge=0, le=199)] = 0
    size: Annotated[int, Meta(ge=1, le=8)]
    form: Literal["digits", "bits"] = "digits"
    signed: bool = False
    scale: float = 1.0
    times: tuple[Word, ...] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    states: Word | None = None
    report: bool = True
    deadband: Annotated[float, Meta(ge=0)] = 0.0
    heartbeat: Span = "5m"
    optional: bool = False
    verified: bool = True
    label: Text = Text()
    display: dict[Shown, Text] = {}
    note: str = ""


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a meter answers to one identifier (`id`, DI3 to DI0, eight hexadecimal digits). `optional`: it may not know it."""

    id: Annotated[str, Meta(pattern="^[0-9A-Fa-f]{8}$", description="an identifier such as 0201FF00")]
    poll: Word = "normal"
    optional: bool = False
    points: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=30)]


class MeterProfile(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dlt645"):
    """A meter by DL/T 645-2007; a device's `address` is its own, 12 digits."""

    response_timeout_ms: Annotated[int, Meta(ge=100, le=10_000)] = 1_500
    pause_ms: Annotated[int, Meta(ge=0, le=60_000)] = 100
    polls: dict[Word, Period] = {}
    states: dict[Word, tuple[State, ...]] = {}
    blocks: Annotated[tuple[Block, ...], Meta(min_length=1, max_length=100)]


class WandProfile(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="jwm"):
    """A patrol wand read in its dock. A device's `points` are badges, by the six hexadecimal digits of each."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a line of a log tells: an event of `type`, `readings` (by name, their column), or both.

    `at`: the columns that make its time, joined by a space; a line where they are empty tells nothing. `where`:
    only lines that have one of these words in each column. `person`: the column that names who, `badge` the one
    that names a point of the device, and so the checkpoint. `data`: by name, further columns.
    """

    at: Annotated[tuple[str, ...], Meta(min_length=1)]
    type: EventType | None = None
    where: dict[str, tuple[str, ...]] = {}
    person: str | None = None
    badge: str | None = None
    data: dict[str, str] = {}
    readings: dict[Word, str] = {}


class CsvProfile(_Head, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="csv"):
    """A log kept by hand, or what a device's own program exports.

    `times`: forms of its times as `strptime` takes them, in the site's time zone; `error`: how far they may be off.
    """

    rows: Annotated[tuple[Entry, ...], Meta(min_length=1)]
    times: Annotated[tuple[str, ...], Meta(min_length=1)] = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
    error: Span = "1m"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","


PublishingProfile = MqttProfile | HttpProfile
Profile = ModbusProfile | PublishingProfile | TransmitterProfile | MeterProfile | WandProfile | CsvProfile
