"""When an act can have been done: refusals of moments that can't be true. Pure."""

import datetime as dt
from typing import Final

from cloud.errors import RefusedError
from cloud.incidents.floor import Floor
from cloud.operations.alarm import Alarm
from cloud.operations.check_book import Check
from cloud.operations.command import Command, ExplainMiss, Scan, heard_at
from cloud.operations.order import Order
from cloud.operations.scans import MOST_ERROR_MS
from cloud.store.base import Incident

FUTURE_MS: Final = 5_000
"""So far two clocks may differ."""
EARLIEST: Final = 946_684_800_000
"""2000-01-01: before it there was no site to act on."""

Target = tuple[str, str]


def check_moment(command: Command, received_at: int, floor: Floor) -> None:
    """That an act can have been done when it is said to have been.

    Raises:
        RefusedError: It lies in the future, before all time, or when its sender could have told it at once.
    """
    at, heard = command.at, heard_at(command, received_at)
    if at < EARLIEST:
        raise _unusable(
            f"操作时间 {_said(at, floor)} 不可能，请检查设备时钟（应为毫秒）",
            f"{_said(at, floor)} can't be when it was done: look at the device's clock (ms are expected)",
        )
    if at > heard + max(FUTURE_MS, _doubt(command)):
        raise _unusable(
            f"操作时间 {_said(at, floor)} 在将来，请检查设备时钟",
            f"{_said(at, floor)} lies in the future: look at the device's clock",
        )
    if command.since is not None and at < command.since:
        raise _unusable(
            f"本设备在 {_said(command.since, floor)} 时仍在线，不能补报 {_said(at, floor)} 的操作；请按现在操作，并在备注中写明时间",
            f"this device was in contact at {_said(command.since, floor)}, so that what was done at"
            f" {_said(at, floor)} could have been told then: do it now, and write the time in a note",
        )


def check_not_before(target: Target | None, command: Command, floor: Floor) -> None:
    """That an act does not come before the thing that it is about.

    Raises:
        RefusedError: It does.
    """
    began = _began(target, command, floor)
    if began is not None and command.at < began:
        raise RefusedError(
            "conflict",
            f"操作时间 {_said(command.at, floor)} 早于其对象的开始时间 {_said(began, floor)}，请查看后再操作",
            f"this began at {_said(began, floor)}, after {_said(command.at, floor)} when this was done: look again",
        )


def _began(target: Target | None, command: Command, floor: Floor) -> int | None:
    """Since when there is what an act is about; None where it may lie ahead, or its own book knows better."""
    if isinstance(command.action, ExplainMiss):
        return command.action.opened_at
    match floor.matter(*target) if target is not None else None:
        case Incident(id=identity, opened_at=opened_at):
            return min(opened_at, floor.alarms.began_at(identity) or opened_at)
        case Alarm(began_at=began_at):
            return began_at
        case Check(asked_at=asked_at):
            return asked_at
        case Order(opened_at=opened_at):
            return opened_at
        case _:
            return None


def _doubt(command: Command) -> int:
    """How far a tablet says that its clock may be off."""
    action = command.action
    return min(max(action.error_ms, 0), MOST_ERROR_MS) if isinstance(action, Scan) else 0


def _said(at: int, floor: Floor) -> str:
    """A moment as people of the site read it; as the bare number where no calendar has it."""
    try:
        moment = dt.datetime.fromtimestamp(at / 1_000, floor.site.timezone)
    except (OverflowError, ValueError, OSError):
        return str(at)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _unusable(zh: str, en: str) -> RefusedError:
    return RefusedError("unusable", zh, en)
