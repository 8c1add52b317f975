"""What people ask for, with their own time of it, and what they are answered."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from contract.site import Id

DESK: Final = "~desk"
"""In the place of an agent, what people do on screens travels under this name; no agent is called so."""


LATE_MS: Final = 5_000
"""What is told later than this after it was done is a late act."""


class _Do(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """One thing that a person can do. The tag is its name."""


class AcknowledgeAlarms(_Do, frozen=True, tag="acknowledge_alarms"):
    """Seen: alarms by id."""

    alarms: tuple[str, ...]


class ShelveAlarm(_Do, frozen=True, tag="shelve_alarm"):
    """Set an alarm aside until a moment, with a reason."""

    alarm: str
    until: int
    reason: str


class UnshelveAlarm(_Do, frozen=True, tag="unshelve_alarm"):
    """Bring a shelved alarm back before its time."""

    alarm: str


class RetireAlarm(_Do, frozen=True, tag="retire_alarm"):
    """Take an alarm out of service, with a reason."""

    alarm: str
    reason: str


class RestoreAlarm(_Do, frozen=True, tag="restore_alarm"):
    """Put an alarm back into service."""

    alarm: str


class ResetAlarm(_Do, frozen=True, tag="reset_alarm"):
    """Let go of an alarm that latched and whose condition has gone."""

    alarm: str


class Acknowledge(_Do, frozen=True, tag="acknowledge"):
    """Seen: an incident with all its alarms."""

    incident: str


class Dispatch(_Do, frozen=True, tag="dispatch"):
    """People are sent to an incident."""

    incident: str
    people: tuple[str, ...]


class Arrive(_Do, frozen=True, tag="arrive"):
    """Somebody says that they are there: `declared`, where evidence would prove it."""

    incident: str


class Verify(_Do, frozen=True, tag="verify"):
    """What it turned out to be on site."""

    incident: str
    result: Literal["true", "false", "test", "unknown"]
    note: str = ""


class DoStep(_Do, frozen=True, tag="do_step"):
    """A step of an incident's plan is done, or skipped with a reason."""

    incident: str
    step: str
    skipped: str = ""


class Handle(_Do, frozen=True, tag="handle"):
    """The danger is over."""

    incident: str
    note: str = ""


class Close(_Do, frozen=True, tag="close"):
    """All is done. `override`: why it is closed although an alarm of it stands."""

    incident: str
    note: str = ""
    override: str = ""


class Review(_Do, frozen=True, tag="review"):
    """A supervisor looked at how it went."""

    incident: str
    note: str


class ReviewVerdict(_Do, frozen=True, tag="review_verdict"):
    """A supervisor judges what was only said late of an episode; `accepts`: it counts."""

    rule: str
    key: str
    opened_at: int
    accepts: bool
    note: str


class AddNote(_Do, frozen=True, tag="note"):
    """Something to remember of an incident or an order."""

    matter: Literal["incident", "order"]
    id: str
    text: str


class Attach(_Do, frozen=True, tag="attach"):
    """A photo or another file that was uploaded before, by its SHA-256."""

    matter: Literal["incident", "order"]
    id: str
    sha256: str
    name: str
    type: str
    size: int


class PlanDrill(_Do, frozen=True, tag="plan_drill"):
    """A drill: what it is called, when, where and of which emergencies."""

    name: str
    start: int
    end: int
    zones: tuple[str, ...]
    emergencies: tuple[str, ...]


class EndDrill(_Do, frozen=True, tag="end_drill"):
    """End a drill before its time, or call it off."""

    drill: str
    note: str = ""


class GoOnDuty(_Do, frozen=True, tag="on_duty"):
    """Somebody begins their shift, as a scan at the post would say."""

    post: str = ""


class GoOffDuty(_Do, frozen=True, tag="off_duty"):
    """Somebody ends their shift."""

    post: str = ""


class HandOver(_Do, frozen=True, tag="hand_over"):
    """What the next shift at a post must know; `to` takes over."""

    post: str
    to: str
    text: str


class Alive(_Do, frozen=True, tag="alive"):
    """Somebody who works alone is well; `device`: the tablet or button that says so, as the site's files name it."""

    device: str


class SwapShift(_Do, frozen=True, tag="swap_shift"):
    """`to` stands in for `absent` in a shift that begins at a moment."""

    shift: str
    start: int
    absent: str
    to: str


class AskPresence(_Do, frozen=True, tag="ask_presence"):
    """Ask a post to answer (查岗)."""

    post: str


class AnswerPresence(_Do, frozen=True, tag="answer_presence"):
    """Answer it."""

    check: str


class SetScreen(_Do, frozen=True, tag="set_screen"):
    """What a screen is called, and what it shows (a JSON object of at most 4 KB); what is not given stays."""

    screen: Id
    name: Annotated[str, Meta(max_length=100)] | None = None
    layout: dict[str, Any] | None = None


class ExplainMiss(_Do, frozen=True, tag="explain_miss"):
    """Why an episode of a rule, such as a round, was missed; the verdict stands."""

    rule: str
    key: str
    opened_at: int
    reason: str


class Scan(_Do, frozen=True, tag="scan"):
    """A checkpoint's tag was scanned with a tablet; `error_ms`: how far the tablet's clock may be off.

    `device`: the checkpoint that the guard meant, where the tablet asked; a tag that stands elsewhere is refused then.
    """

    tag: str = ""
    device: str = ""
    error_ms: int = 0


class OpenOrder(_Do, frozen=True, tag="open_order"):
    """A repair, a complaint, a request, a service: something to be done, for somebody."""

    kind: str
    title: str
    zone: str | None = None
    device: str | None = None
    urgency: str = "normal"
    text: str = ""
    contact: str = ""
    checklist: str | None = None
    assigned: str | None = None
    incident: str | None = None


class AcceptOrder(_Do, frozen=True, tag="accept_order"):
    """Somebody takes an order."""

    order: str


class ReassignOrder(_Do, frozen=True, tag="reassign_order"):
    """An order goes to somebody else, with a reason."""

    order: str
    to: str
    reason: str


class ArriveAtOrder(_Do, frozen=True, tag="arrive_at_order"):
    """Somebody says that they are at the door; `tag`: the code or tag that they scanned there, which proves it."""

    order: str
    tag: str = ""


class PauseOrder(_Do, frozen=True, tag="pause_order"):
    """The clock of an order stands still, with a reason."""

    order: str
    reason: str


class ResumeOrder(_Do, frozen=True, tag="resume_order"):
    """It runs again."""

    order: str


class FillItem(_Do, frozen=True, tag="fill_item"):
    """An item of an order's checklist: a reading, a choice, a text, a photo's or a signature's SHA-256."""

    order: str
    item: str
    value: float | bool | str
    note: str = ""


class UsePart(_Do, frozen=True, tag="use_part"):
    """A part or material that an order took; said again of the same part it replaces what was said, 0 takes it out."""

    order: str
    part: str
    quantity: float
    unit: str = ""


class FinishOrder(_Do, frozen=True, tag="finish_order"):
    """The work is done."""

    order: str
    note: str = ""


class VerifyOrder(_Do, frozen=True, tag="verify_order"):
    """Somebody else looked at the work: good, or (with a reason) to be done again."""

    order: str
    good: bool
    note: str = ""


class CloseOrder(_Do, frozen=True, tag="close_order"):
    """It is over. `override`: why it is closed although its sensor still alarms or its checklist has holes."""

    order: str
    override: str = ""


class CallBack(_Do, frozen=True, tag="call_back"):
    """The person who asked was asked whether they are satisfied, on a scale of 1 to 5."""

    order: str
    satisfied: int
    note: str = ""


class AnswerOrder(_Do, frozen=True, tag="answer_order"):
    """A complaint or request is answered in words."""

    order: str
    text: str


class CancelOrder(_Do, frozen=True, tag="cancel_order"):
    """It need not be done, with a reason."""

    order: str
    reason: str


Action = (
    AcknowledgeAlarms
    | ShelveAlarm
    | UnshelveAlarm
    | RetireAlarm
    | RestoreAlarm
    | ResetAlarm
    | Acknowledge
    | Dispatch
    | Arrive
    | Verify
    | DoStep
    | Handle
    | Close
    | Review
    | ReviewVerdict
    | AddNote
    | Attach
    | PlanDrill
    | EndDrill
    | GoOnDuty
    | GoOffDuty
    | HandOver
    | SwapShift
    | Alive
    | AskPresence
    | AnswerPresence
    | SetScreen
    | ExplainMiss
    | Scan
    | OpenOrder
    | AcceptOrder
    | ReassignOrder
    | ArriveAtOrder
    | PauseOrder
    | ResumeOrder
    | FillItem
    | UsePart
    | FinishOrder
    | VerifyOrder
    | CloseOrder
    | CallBack
    | AnswerOrder
    | CancelOrder
)


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action of one person. `id` makes it happen once, however often it is sent.

    `at`: when it was done, ms, which a tablet without a network knows itself. `expects`: the revision of the matter
    that the person had before their eyes; None where it does not matter. `heard_at`: when the cloud heard of it first,
    ms; None: when it was received. `since`: the earliest that its sender can't have told at once, since it was out of
    reach from then on; None where nobody knows.
    """

    id: str
    person: str
    at: int
    action: Action
    expects: int | None = None
    heard_at: int | None = None
    since: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command; it is kept for ever, refused ones too.

    `problem` is empty when it was done, else `unknown`, `conflict`, `stale`, `not_allowed` or `unusable`, with the
    reason in words. `kind`, `target` and `revision` name the matter as it stands afterwards.
    """

    site: str
    id: str
    person: str
    at: int
    received_at: int
    verb: str
    body: bytes
    problem: str = ""
    zh: str = ""
    en: str = ""
    kind: str = ""
    target: str = ""
    revision: int | None = None


def heard_at(command: Command, received_at: int) -> int:
    """When an act was heard of first: what the cloud itself needs after that makes nobody late."""
    return received_at if command.heard_at is None else min(command.heard_at, received_at)


def is_late(at: int, heard: int) -> bool:
    """Whether an act was told later than it was done: nothing but its person's word says when that was."""
    return heard - at > LATE_MS


def verb_of(action: Action) -> str:
    """The name of an action."""
    return str(action.__struct_config__.tag)


command_decoder: Final = msgspec.json.Decoder(Command)
