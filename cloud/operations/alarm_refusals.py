"""Refusals of acts upon alarms. Each function raises `RefusedError`."""

from collections.abc import Sequence
from typing import Never

from cloud.errors import RefusedError
from cloud.operations.alarm import Alarm


def refuse_acknowledgement(alarms: Sequence[Alarm]) -> Never:
    """None of them waits for it."""
    if any(alarm.acked_at is None for alarm in alarms):
        raise _earlier()
    by = alarms[0].acked_by if alarms else ""
    raise RefusedError("conflict", f"{by} 已确认", f"already acknowledged by {by}")


def need_reason(text: str) -> None:
    """An act that keeps people from seeing an alarm has a reason."""
    if not text.strip():
        raise RefusedError("unusable", "请写明原因", "write a reason")


def refuse_earlier(alarm: Alarm | None, at: int) -> None:
    """An act of a moment is not about what began after it."""
    if alarm is not None and alarm.began_at > at:
        raise _earlier()


def _earlier() -> RefusedError:
    return RefusedError(
        "conflict", "该报警发生在此操作之后，请查看后再操作", "it began after this was done: look again"
    )
