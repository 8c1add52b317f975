"""What is to be told to whom, through which channel."""

from typing import Literal

import msgspec

from cloud.operations.alarm import Priority


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person through one channel.

    `id` is derived from the content: the same step of the same escalation has the same id however often it is
    decided. `about` names the matter, such as `incident:9f1c2b7a90d4e6f3`. It is not sent before `not_before`, ms.
    `withdraws`: the message says that an earlier one about the matter no longer holds.
    """

    site: str
    id: str
    about: str
    person: str
    channel: str
    kind: Literal["alarm", "concern", "withdrawal", "digest"]
    priority: Priority
    title: str
    text: str
    made_at: int
    not_before: int
    chain: str = ""
    step: int = 0


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms about a matter that were not sent yet are not to be sent any more: somebody has acknowledged it."""

    site: str
    about: str
    at: int
