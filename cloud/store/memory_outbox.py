"""The outbox of the in-memory store."""

import threading
from collections import Counter
from collections.abc import Mapping

import msgspec
from typing_extensions import override

from cloud.operations.alarm import Priority
from cloud.store.memory import HeldNotice, MemoryStore, Send
from cloud.store.outbox import EVERYWHERE, Claim, Outbox, Room


class MemoryOutbox(Outbox):
    """Over a `MemoryStore`, also one that another thread writes."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._filled = threading.Event()
        with store.lock:
            store.listeners.add(self._tell)

    @override
    def claim(
        self, now: int, most: int, lease_ms: int, rooms: Mapping[str, Room] = EVERYWHERE
    ) -> list[Claim]:
        with self._store.lock:
            free = sorted((held for held in self._waiting() if _free_at(held) <= now), key=_urgency)
            return [_claimed(held, now + lease_ms) for held in _fitting(free, rooms)[:most]]

    @override
    def settle(self, claim: Claim, now: int, *, ok: bool, answer: str, again_at: int | None = None) -> None:
        site, notice = claim.notice.site, claim.notice.id
        send = Send(site=site, notice=notice, attempt=claim.attempt, at=now, ok=ok, answer=answer)
        with self._store.lock:
            part = next(part for part in self._store.partitions.values() if (site, notice) in part.notices)
            part.sends.setdefault((site, notice, claim.attempt), send)
            held = part.notices[site, notice]
            if held.state != "waiting" or not (ok or held.attempts == claim.attempt):
                return
            held.answer, held.claimed_until = answer, 0
            if ok or again_at is None:
                held.state, held.settled_at = "sent" if ok else "failed", now
            else:
                held.not_before = again_at

    @override
    def next_at(self, now: int) -> int | None:
        with self._store.lock:
            return min((at for held in self._waiting() if (at := _free_at(held)) > now), default=None)

    @override
    def wait(self, timeout_s: float) -> bool:
        told = self._filled.wait(timeout_s)
        self._filled.clear()
        return told

    @override
    def close(self) -> None:
        with self._store.lock:
            self._store.listeners.discard(self._tell)

    def _tell(self, partition: int, commit_no: int) -> None:
        if self._store.partitions[partition].commits[commit_no - 1].notices:
            self._filled.set()

    def _waiting(self) -> list[HeldNotice]:
        held = (held for part in self._store.partitions.values() for held in part.notices.values())
        return [notice for notice in held if notice.state == "waiting"]


def _free_at(held: HeldNotice) -> int:
    return max(held.not_before, held.claimed_until)


def _urgency(held: HeldNotice) -> tuple[int, int, str, str]:
    return held.notice.priority, held.notice.made_at, held.notice.site, held.notice.id


def _fitting(free: list[HeldNotice], rooms: Mapping[str, Room]) -> list[HeldNotice]:
    """Those that their channels have room for, the critical ones before the others as they come sorted."""
    taken: Counter[str] = Counter()
    unhurried: Counter[str] = Counter()
    found = []
    for held in free:
        channel, critical = held.notice.channel, held.notice.priority is Priority.CRITICAL
        room = rooms.get(channel)
        if room is None or (
            taken[channel] < room.slots and (critical or unhurried[channel] < room.unhurried)
        ):
            taken[channel] += 1
            unhurried[channel] += not critical
            found.append(held)
    return found


def _claimed(held: HeldNotice, until: int) -> Claim:
    held.claimed_until = until
    held.attempts += 1
    notice = msgspec.structs.replace(held.notice, not_before=held.not_before)
    return Claim(notice=notice, attempt=held.attempts, until=until)
