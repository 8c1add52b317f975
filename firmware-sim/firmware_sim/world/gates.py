"""Gates and doors: the fire panel's relays let the locks of an escape route go, and locks sometimes stick."""

from firmware_sim.scenario import Between
from firmware_sim.world.ground import Ground

LINKAGE = Between(least="1s", most="3s")
"""From an alarm to its relays and locks having moved: the panel's own time and the lock's, by estimate."""

RELOCK = Between(least="5s", most="15s")
"""From the panel's reset to the locks holding again, by estimate."""


class Gates:
    """Every lock of the site: who wants it open, whether it is, and whether it can move at all."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._locks = ground.field.having("gate.released")
        self._wanted_by: dict[str, set[str]] = {lock: set() for lock in self._locks}
        self._released: set[str] = set()
        self._stuck: dict[str, int] = dict.fromkeys(self._locks, 0)

    def release_for(self, now: int, zone: str) -> None:
        """Fire in `zone`: its escape route opens, each lock after its own time."""
        for lock in self._route(zone):
            self._wanted_by[lock].add(zone)
            self._settle_later(now, lock, LINKAGE)

    def lock_again(self, now: int, zone: str) -> None:
        """The fire in `zone` is over: what no other fire holds open is locked."""
        for lock in self._route(zone):
            self._wanted_by[lock].discard(zone)
            self._settle_later(now, lock, RELOCK)

    def stick(self, now: int, lock: str, lasts: int) -> None:
        """The lock does not move for `lasts` ms, and then does what it should have done."""
        self._stuck[lock] += 1
        self._ground.agenda.put(now + lasts, lambda then: self._come_free(then, lock))

    def _come_free(self, now: int, lock: str) -> None:
        self._stuck[lock] -= 1
        self._settle(now, lock)

    def _settle_later(self, now: int, lock: str, delay: Between) -> None:
        self._ground.agenda.put(now + self._ground.draw(delay), lambda then: self._settle(then, lock))

    def _settle(self, now: int, lock: str) -> None:
        wanted = bool(self._wanted_by[lock])
        if self._stuck[lock] or wanted == (lock in self._released):
            return
        if wanted:
            self._released.add(lock)
        else:
            self._released.discard(lock)
        self._ground.switch(now, lock, "gate.released" if wanted else "gate.locked")

    def _route(self, zone: str) -> list[str]:
        return [lock for lock in self._ground.site.zones[zone].escape_route if lock in self._locks]
