"""Why a checkpoint or a round was missed, in writing. The verdict stands; the record says who answered for it."""

from collections.abc import Iterable
from typing import Final

import msgspec

from cloud.errors import RefusedError
from cloud.operations.command import ExplainMiss
from cloud.operations.record import Record, RecordKind, Register, content_id
from contract.site import Site

MOST_WORDS: Final = 2_000


class Miss(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An episode that was not met, with its reason."""

    id: str
    rule: str
    key: str
    opened_at: int
    reason: str
    by: str
    at: int
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`explained`."""
        return "explained"

    @property
    def is_live(self) -> bool:
        """Nothing is to be done about it any more."""
        return False


def miss_id(rule: str, key: str, opened_at: int) -> str:
    """The id of what is said of an episode: two who answer for one write of the same matter."""
    return content_id("miss", rule, key, str(opened_at))


class MissBook:
    """The missed rounds of a site that were answered for.

    Whether an episode was missed is checked by the web part, which reads verdicts: the worker lets go of those that
    are decided. What slips through says something of an episode that nobody asks about.
    """

    def __init__(self, site: Site, records: Iterable[Record] = ()) -> None:
        self._site = site
        self._register = Register(site.id, RecordKind.MISS, Miss, records)

    def explain(self, action: ExplainMiss, person: str, at: int, now: int) -> Miss:
        """Somebody says why. Whoever answered for it may put it better; what they wrote before stays on record.

        Raises:
            RefusedError: No reason is given, or somebody else answered for it before.
        """
        reason = action.reason.strip()
        if not reason or len(reason) > MOST_WORDS:
            raise RefusedError(
                "unusable",
                f"请写原因，不超过{MOST_WORDS}字",
                f"write why, in {MOST_WORDS} letters at the most",
            )
        identity = miss_id(action.rule, action.key, action.opened_at)
        known = self._register.get(identity)
        if known is not None and known.by == person:
            return self._register.put(msgspec.structs.replace(known, reason=reason, at=at), now)
        if known is not None:
            who = self._site.people.get(known.by)
            name = who.name.in_("zh") if who is not None else known.by
            raise RefusedError(
                "conflict", f"{name} 已说明：{known.reason}", f"{known.by} said why before: {known.reason}"
            )
        miss = Miss(
            id=identity,
            rule=action.rule,
            key=action.key,
            opened_at=action.opened_at,
            reason=reason,
            by=person,
            at=at,
        )
        return self._register.put(miss, now)

    def get(self, identity: str) -> Miss | None:
        """One that is in memory."""
        return self._register.get(identity)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What is to be stored."""
        return self._register.take_records()
