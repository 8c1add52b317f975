"""Which screens watch a site, and whether any does: judged by when they answered, never by what stands stored."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from cloud.correlation.windows import WindowsOf
from cloud.errors import RefusedError
from cloud.operations.command import SetScreen
from cloud.operations.record import Record, RecordKind, Register
from cloud.operations.screen import Pulse, Screen, Sign, Watch
from contract.duration import parse_duration
from contract.limits import MOST_DEPTH, is_deep
from contract.site import Site

SILENT_MS: Final = 30_000
"""A screen answers every 5 s; one that is silent for so long is away."""
MOST_SCREENS: Final = 1_000
"""Of a site. Those beyond it still count as watching, but are no matters."""
MOST_LAYOUT: Final = 4_096
"""Bytes of a layout."""
_DAY_MS: Final = 86_400_000


class Turn(msgspec.Struct, frozen=True):
    """From `since` on nobody watches, or (`watched`) it need be no concern any more."""

    watched: bool
    since: int


class ScreenBook:
    """The screens of one site.

    `began`: when this worker began to listen; before that it could hear nobody. `unwatched`: whether that was said
    before and still stands. `excused(now)`: nobody need watch at this moment, such as in a drill at the post.
    """

    def __init__(
        self,
        site: Site,
        watch: Watch | None,
        excused: Callable[[int], bool],
        records: Iterable[Record] = (),
        *,
        began: int = 0,
        unwatched: bool = False,
    ) -> None:
        self._watch = watch
        self._excused = excused
        self._register = Register(site.id, RecordKind.SCREEN, Screen, records)
        self._windows = WindowsOf(watch.schedule, site, began - _DAY_MS) if watch is not None else None
        self._within = parse_duration(watch.within).ms if watch is not None else 0
        self._unwatched = unwatched
        known = self._register.all()
        # What was live when the worker before this one ended gets the time to answer this one.
        self._heard = {screen.id: began for screen in known if screen.live}
        # Who never had a screen has nothing to lose, unless the site says that it must have one.
        at_once = watch is not None and watch.begins == "at-once"
        self._armed = at_once or any(screen.seen_at is not None for screen in known)
        self._told: dict[str, Sign] = {}
        self._watched_at: int | None = None
        self._from = began
        self._look_at: int | None = began

    # --- what happens

    def take(self, pulse: Pulse, now: int) -> None:
        """Screens answered. An answer that is older than one that is known says nothing."""
        for sign in pulse.signs:
            at = min(sign.at, now)
            before = self._told.get(sign.screen)
            if before is None or at > before.at:
                self._answered(msgspec.structs.replace(sign, at=at), before, now)

    def _answered(self, sign: Sign, before: Sign | None, now: int) -> None:
        if not self._armed:
            self._armed, self._from, self._look_at = True, now, now
        if sign.live and sign.audible:
            self._watched_at = max(sign.at, self._watched_at or sign.at)
            if self._unwatched:
                self._look_at = now
        known = self._register.get(sign.screen)
        if known is None:
            if len(self._register) >= MOST_SCREENS:
                return
            known = Screen(id=sign.screen, opened_at=sign.at)
        self._told[sign.screen] = sign
        changed = known
        if now - sign.at < SILENT_MS:
            if sign.live:
                self._heard[sign.screen] = sign.at
            else:
                self._heard.pop(sign.screen, None)
            changed = _stands(known, sign.at, live=sign.live, audible=sign.live and sign.audible)
        if _is_new_word(sign, before, known):
            changed = msgspec.structs.replace(changed, heard_by=sign.heard_by, heard_at=sign.at)
        if changed is not known:
            self._register.put(changed, now)

    def set_up(self, action: SetScreen, _person: str, at: int, now: int) -> Screen:
        """Somebody names a screen, or says what it shows; what is not said stays.

        Raises:
            RefusedError: The layout is too large, or there are too many screens.
        """
        if action.layout is not None and len(msgspec.json.encode(action.layout)) > MOST_LAYOUT:
            raise RefusedError(
                "unusable",
                f"画面布局不得超过{MOST_LAYOUT}字节",
                f"a layout is {MOST_LAYOUT} bytes at the most",
            )
        if action.layout is not None and is_deep(msgspec.json.encode(action.layout)):
            raise RefusedError(
                "unusable",
                f"画面布局不得超过{MOST_DEPTH}层",
                f"a layout has {MOST_DEPTH} levels at the most",
            )
        known = self._register.get(action.screen)
        if known is None and len(self._register) >= MOST_SCREENS:
            raise RefusedError(
                "conflict", f"屏幕已达{MOST_SCREENS}个", f"there are {MOST_SCREENS} screens already"
            )
        screen = known or Screen(id=action.screen, opened_at=at)
        name = screen.name if action.name is None else action.name
        layout = screen.layout if action.layout is None else action.layout
        return self._register.put(msgspec.structs.replace(screen, name=name, layout=layout), now)

    # --- time

    def settle(self, now: int) -> Turn | None:
        """See which screens fell silent, and whether anybody watches; what turned since this was asked last."""
        for name in [name for name, at in self._heard.items() if now - at >= SILENT_MS]:
            del self._heard[name]
            known = self._register.get(name)
            if known is not None:
                self._register.put(_stands(known, now, live=False, audible=False), now)
        if self._armed and self._excused(now):
            self._from = now
        since, self._look_at = self._unwatched_since(now)
        if since is None:
            return self._turn(now, watched=True) if self._unwatched else None
        if self._unwatched or now < since + self._within:
            return None
        return self._turn(since, watched=False)

    def _turn(self, since: int, *, watched: bool) -> Turn:
        self._unwatched = not watched
        return Turn(watched, since)

    def _unwatched_since(self, now: int) -> tuple[int | None, int | None]:
        """Since when nobody has watched who should have (None: nobody need, or somebody does), and when to look again.

        Windows that touch are one here: midnight gives nobody another minute.
        """
        if self._windows is None or not self._armed:
            return None, None
        window = self._windows.holding(now)
        if window is None:
            return None, self._windows.next_start(now)
        if self._watched_at is not None and now - self._watched_at < self._within:
            return None, self._watched_at + self._within
        start = window[0]
        while start > now - self._within and (earlier := self._windows.holding(start - 1)) is not None:
            start = earlier[0]
        since = max(start, self._from, self._watched_at or 0)
        due = since + self._within
        return since, due if due > now else window[1]

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        wanted = [at + SILENT_MS for at in self._heard.values()]
        wanted += [self._look_at] if self._look_at is not None else []
        return min(wanted, default=None)

    # --- looking

    def get(self, identity: str) -> Screen | None:
        """One that is in memory."""
        return self._register.get(identity)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()


def _stands(screen: Screen, at: int, *, live: bool, audible: bool) -> Screen:
    """The screen with what is so from `at` on; the very same where nothing is new."""
    if screen.seen_at is not None and (screen.live, screen.audible) == (live, audible):
        return screen
    return msgspec.structs.replace(screen, live=live, audible=audible, seen_at=at)


def _is_new_word(sign: Sign, before: Sign | None, known: Screen) -> bool:
    """Whether somebody said anew that the sound was heard: answers repeat it until it is asked for again."""
    asked_again = before is not None and not before.heard_by
    return bool(sign.heard_by) and (sign.heard_by != known.heard_by or asked_again)
