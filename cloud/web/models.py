"""What the API says, in pydantic models, so that its description is generated from them.

Times are integer milliseconds since the epoch, UTC. Sequence numbers are strings, since 63 bits do not fit the
numbers of JavaScript.
"""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cloud.store.reads import ChangeKind
from cloud.web.health import DeviceState

_NOON = 1_764_547_200_000

Ms = Annotated[int, Field(description="ms since the epoch, UTC", examples=[_NOON])]

T = TypeVar("T")


class Model(BaseModel):
    """Values that are made once and sent."""

    model_config = ConfigDict(frozen=True)


class Listed(Model, Generic[T]):
    """A page of a list. `next` is given as `cursor` to get what follows; null at the end."""

    items: list[T]
    next: str | None = Field(default=None, examples=["WzE3NjQ1NDcyMDAwMDAsInBhbmVsLTEiLDE3XQ"])
    now: Ms


class Words(Model):
    """The same in Chinese and in English; one of them may be empty."""

    zh: str = Field(examples=["一号楼大堂"])
    en: str = Field(examples=["Block 1 lobby"])


class EventRef(Model):
    """The identity of an event, with its site."""

    device: str = Field(examples=["panel-1"])
    seq: str = Field(examples=["15393162788881"])


class NamedView(Model):
    """Something of the site with its name."""

    id: str = Field(examples=["b1"])
    name: Words


class SiteView(Model):
    """A site, as lists show it."""

    id: str = Field(examples=["demo"])
    name: Words
    timezone: str = Field(examples=["Asia/Shanghai"])
    language: str = Field(examples=["zh"])


class SiteDetail(SiteView):
    """A site with the names of what is on it, for showing keys as words."""

    zones: list[NamedView]
    devices: list[NamedView]
    groups: list[NamedView]
    people: list[NamedView]
    agents: list[NamedView]


class RuleView(Model):
    """A version of a rule: which event types start it, which discharge it within `limit`, the contract's words."""

    id: str = Field(examples=["ER-2"])
    version: int = Field(examples=[1])
    kind: str = Field(examples=["response"])
    effective_from: str = Field(examples=["2026-01-01"])
    on: list[str] = Field(examples=[["fire.alarm"]])
    expect: list[str] = Field(examples=[["access.granted", "checkpoint.scan"]])
    limit: str = Field(examples=["2m"])
    name: Words
    source: Words


class EventView(Model):
    """Something that happened. `flags` says what admission found odd about it; `ended`: what the type says is over."""

    site: str = Field(examples=["demo"])
    device: str = Field(examples=["cp-b1"])
    seq: str = Field(examples=["15393162788881"])
    at: Ms
    observed_at: Ms | None
    received_at: Ms
    clock_error_ms: int = Field(examples=[20])
    type: str = Field(examples=["checkpoint.scan"])
    zone: str | None = Field(examples=["b1"])
    person: str | None = Field(examples=["card:8812331"])
    ended: bool = Field(examples=[False])
    data: dict[str, Any] = Field(examples=[{}])
    flags: list[str] = Field(examples=[[]])
    part: str | None = Field(examples=["3-12"], description="the part of the device; null: the device itself")
    part_name: Words | None


class BlindSpanView(Model):
    """A device could not be known for `[start, end)`."""

    device: str = Field(examples=["cp-b1"])
    start: Ms
    end: Ms


class VerdictView(Model):
    """One revision of an episode's verdict. `evidence` has the trigger first, then what decided it."""

    site: str = Field(examples=["demo"])
    rule: str = Field(examples=["ER-2"])
    version: int = Field(examples=[1])
    kind: str = Field(examples=["response"])
    key: str = Field(examples=["b1"])
    opened_at: Ms
    due_at: Ms
    outcome: str = Field(examples=["met"])
    final: bool
    overdue: bool
    reason: str = Field(examples=["in_time"])
    elapsed_ms: int | None = Field(examples=[61_000])
    revision: int = Field(examples=[2])
    decided_at: Ms
    late_ms: int | None
    cleared: bool
    evidence: list[EventRef]
    joined: list[EventRef]
    blind: list[BlindSpanView]
    items: list["ItemView"]
    explain: Words


class ItemView(Model):
    """One of the things that a verdict is made of: a checkpoint of a round, a run that counts or why it does not."""

    word: str = Field(examples=["too_short"])
    device: str = Field(examples=["genset-1"])
    at: Ms | None
    until: Ms | None
    name: Words


class KpiView(Model):
    """The figures of one group. `met` counts states that ended in time too; `rate` is met of met and breached."""

    group: str = Field(examples=["ER-2"])
    met: int = Field(examples=[41])
    breached: int = Field(examples=[1])
    unknown: int = Field(examples=[2])
    pending: int = Field(examples=[0])
    rate: float | None = Field(examples=[0.976])
    blind_ms: int = Field(
        examples=[180_000], description="how long devices were blind in what became unknown"
    )
    p50_ms: int | None = Field(examples=[61_000])
    p90_ms: int | None = Field(examples=[98_000])
    p99_ms: int | None = Field(examples=[118_000])
    worst_ms: int | None = Field(examples=[131_000])


class DifferenceRow(Model):
    """A rule and a zone: how many episodes are the same, and how many went from which outcome to which."""

    rule: str = Field(examples=["PT-1"])
    zone: str = Field(examples=["b1"])
    same: int = Field(examples=[310])
    changed: dict[str, int] = Field(examples=[{"met → breached": 4}])


class JudgedOtherwise(Model):
    """An episode that the other rules judge otherwise; `-` where there is none. `evidence` names its events."""

    rule: str = Field(examples=["PT-1"])
    key: str = Field(examples=["cp-b1"])
    zone: str = Field(examples=["b1"])
    opened_at: Ms
    was: str = Field(examples=["met"])
    now: str = Field(examples=["breached"])
    evidence: list[str] = Field(examples=[["cp-b1/17"]])


class BacktestView(Model):
    """The difference of two sets of rules over a period, with a picture of it (SVG)."""

    since: Ms
    until: Ms
    rows: list[DifferenceRow]
    changes: list[JudgedOtherwise]
    picture: str = Field(examples=["<svg …/>"])


class LinkView(Model):
    """How far an evidence source was known when an alert was raised."""

    device: str = Field(examples=["cp-b1"])
    complete_to: Ms


class AlertView(Model):
    """Nobody was known to have come when the limit passed. `cleared_at` when it was withdrawn."""

    site: str = Field(examples=["demo"])
    rule: str = Field(examples=["ER-2"])
    key: str = Field(examples=["b1"])
    opened_at: Ms
    due_at: Ms
    raised_at: Ms
    cleared_at: Ms | None
    links: list[LinkView]


class EpisodeView(Model):
    """One obligation within an incident: count down to `due_at` while `outcome` is `pending`."""

    rule: str = Field(examples=["ER-2"])
    key: str = Field(examples=["b1"])
    opened_at: Ms
    due_at: Ms
    outcome: str = Field(examples=["pending"])
    final: bool
    overdue: bool
    reason: str = Field(examples=["waiting"])


class IncidentView(Model):
    """What people must look at, as it stands at `revision`. `subject` is the zone, device or agent."""

    site: str = Field(examples=["demo"])
    id: str = Field(examples=["9f1c2b7a90d4e6f3"])
    kind: str = Field(examples=["alarm"])
    state: str = Field(examples=["open"])
    subject: str = Field(examples=["b1"])
    opened_at: Ms
    changed_at: Ms
    closed_at: Ms | None
    revision: int = Field(examples=[1])
    cause: str = Field(examples=[""], description="what is wrong with a link, in words")
    trigger: EventRef | None
    episodes: list[EpisodeView]
    phase: str = Field(examples=["acknowledged"], description="how far people came with it")
    life: dict[str, Any] = Field(
        examples=[{"emergency": "fire", "steps": [{"phase": "detected", "at": _NOON, "how": "system"}]}],
        description="what people did about it: steps, plan, notes, files; times in ms",
    )


class RecordView(Model):
    """A matter that people work on, as it stands at `revision`: an alarm, an order, a drill. Times in ms.

    In `body` a field that is not there is empty: nobody, nothing, false.
    """

    site: str = Field(examples=["demo"])
    kind: str = Field(examples=["alarm"])
    id: str = Field(examples=["9f1c2b7a90d4e6f3"])
    state: str = Field(examples=["unacknowledged"])
    opened_at: Ms
    changed_at: Ms
    revision: int = Field(examples=[1])
    body: dict[str, Any] = Field(examples=[{"kind": "fire", "source": "panel-1", "active": True}])


class NoticeView(Model):
    """What somebody was told, or is to be told. `state`: waiting, sent, failed (given up) or stopped."""

    id: str = Field(examples=["9f1c2b7a90d4e6f3"])
    about: str = Field(examples=["incident:9f1c2b7a90d4e6f3"])
    person: str = Field(examples=["p-002"])
    channel: str = Field(examples=["mail"])
    kind: str = Field(examples=["alarm"])
    priority: int = Field(examples=[1])
    title: str = Field(examples=["火警 · 一号楼大堂"])
    text: str = Field(examples=["锦绣花园"])
    chain: str = Field(examples=["critical"])
    step: int = Field(examples=[0])
    made_at: Ms
    not_before: Ms
    state: str = Field(examples=["sent"])
    attempts: int = Field(examples=[1])
    settled_at: Ms | None
    answer: str = Field(examples=["200 OK"])


class AnswerView(Model):
    """What became of an action. `done` false: `problem` and `reason` say why not."""

    id: str = Field(examples=["2f6c1d0e-7a54-4f8e-9a47-1c1c1d2e3f40"])
    person: str = Field(examples=["p-002"])
    at: Ms
    received_at: Ms
    late: bool = Field(
        description="told later than it was done: nothing but the person's word says when that was"
    )
    verb: str = Field(examples=["acknowledge"])
    done: bool
    problem: str = Field(examples=[""], description="unknown, conflict, stale, not_allowed or unusable")
    reason: Words
    kind: str = Field(examples=["incident"])
    target: str = Field(examples=["9f1c2b7a90d4e6f3"])
    revision: int | None = Field(examples=[2])
    action: dict[str, Any] = Field(examples=[{"do": "acknowledge", "incident": "9f1c2b7a90d4e6f3"}])


class DeviceView(Model):
    """A device, what is known of it, and how it is doing. `blind_since` while it can't be read."""

    id: str = Field(examples=["cp-b1"])
    name: Words
    zone: str | None = Field(examples=["b1"])
    profile: str | None = Field(examples=["patrol-reader"])
    agent: str | None = Field(examples=["gw-1"])
    state: DeviceState
    last_at: Ms | None
    last_seen: Ms | None
    complete_to: Ms | None
    buffers: bool
    quiet_ms: int = Field(examples=[2_000], description="how long it may say nothing though all is well")
    blind_since: Ms | None
    blind_day_ms: int = Field(examples=[0], description="time in the last 24 h for which it was blind")


class AgentView(Model):
    """An edge agent. `silent` when it was not heard for 30 s."""

    id: str = Field(examples=["gw-1"])
    name: Words
    last_seen: Ms | None
    last_observed_at: Ms | None
    epoch: int | None = Field(examples=[7])
    clock_offset_ms: int | None = Field(examples=[3])
    silent: bool


class DeviceChange(Model):
    """On the stream: the newest known of a device."""

    site: str = Field(examples=["demo"])
    device: str = Field(examples=["cp-b1"])
    agent: str = Field(examples=["gw-1"])
    last_at: Ms | None
    last_seen: Ms | None
    complete_to: Ms | None
    known: bool


class BlindChange(BlindSpanView):
    """On the stream: a span for which a device could not be known; a later one with its `start` replaces it."""

    site: str = Field(examples=["demo"])


class AgentChange(Model):
    """On the stream: the newest known of an agent."""

    site: str = Field(examples=["demo"])
    agent: str = Field(examples=["gw-1"])
    last_seen: Ms
    last_observed_at: Ms | None
    epoch: int = Field(examples=[7])
    clock_offset_ms: int = Field(examples=[3])


class QuarantineView(Model):
    """What could not be taken. `excerpt` shows the start of it, with what is no text replaced."""

    id: str = Field(examples=["12"])
    site: str = Field(examples=["demo"])
    agent: str = Field(examples=["gw-1"])
    kind: str = Field(examples=["batch"])
    reason: str = Field(examples=["JSON is malformed: unexpected end of data"])
    digest: str = Field(examples=["2bb80d537b1da3e3"])
    received_at: Ms
    size: int = Field(examples=[4096], description="bytes")
    excerpt: str = Field(examples=['{"v":1,"agent":"gw-1","epo'])


ChangeView = (
    EventView | VerdictView | AlertView | IncidentView | RecordView | DeviceChange | BlindChange | AgentChange
)


class ChangeMessage(Model):
    """On the stream, under the name of its `kind`: one row that the commit `commit_no` of `partition` brought."""

    partition: int = Field(examples=[3])
    commit_no: int = Field(examples=[17])
    kind: ChangeKind
    row: ChangeView


Nonce = Annotated[
    str | None,
    Field(
        description="for the stream of a `screen`: what it must answer within 15 s",
        examples=["1764547200000.2f1c9a0d4e5b6c7d8e9f0a1b2c3d4e5f"],
    ),
]


class Hello(Model):
    """The stream's first message. `resumed` false: load the lists, then apply what follows."""

    now: Ms
    resumed: bool
    live: bool = Field(description="whether the database answers")
    nonce: Nonce = None


class Heartbeat(Model):
    """Every 5 s. `live` is false while the database does not answer: what was sent may be old."""

    now: Ms
    live: bool
    nonce: Nonce = None


class Goodbye(Model):
    """The stream's last message: why it ends. The client comes back with the last id it saw."""

    reason: str = Field(examples=["too_slow"])
    detail: str = Field(examples=["behind for more than 30 s; come back with the last id"])


class SessionRequest(Model):
    """Signing in with the access token."""

    token: str = Field(max_length=500, examples=["the access token"])


class Health(Model):
    """Whether the process lives (`/healthz`), and whether it can do its work (`/readyz`)."""

    status: str = Field(examples=["ok"])
    store: str | None = Field(default=None, examples=["up"])
