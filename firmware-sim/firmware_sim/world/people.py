"""People: they walk the site graph, walk their rounds, follow calls after a while, and sometimes don't."""

import math
from collections.abc import Callable

from firmware_sim.scenario import Actor, Behaviour, Call, Scenario, ms
from firmware_sim.world.effects import Happened, Swiped
from firmware_sim.world.ground import Ground


class Walker:
    """One person: the zone they are in or come into next, and the reader they are heading for.

    A plan that a later one has replaced is dropped when its time comes (`_turn`); only a way between two zones
    is always walked to its end.
    """

    def __init__(self, ground: Ground, actor: Actor, behaviour: Behaviour) -> None:
        self.person = ground.site.people[actor.person]
        self.behaviour = behaviour
        self.zone: str = actor.at
        self.busy = False
        self._ground = ground
        self._round = _checkpoints(ground, actor.route)
        self._next = 0
        self._turn = 0
        self._under_way = False
        self._heading: tuple[str, Callable[[int], None]] | None = None
        if self._round:
            self._later(ms(actor.begins), self._walk_round)

    def called_to(self, now: int, zone: str) -> None:
        """Follow a call: after a reaction time, leave what they do and go to the nearest reader that counts."""
        self.busy = True
        reaction = self._ground.draw(self.behaviour.reaction)
        self._ground.agenda.put(now + reaction, lambda then: self._respond(then, zone))

    def _respond(self, now: int, zone: str) -> None:
        self._head_for(now, self._reader_for(zone), self._at_the_scene)

    def _reader_for(self, zone: str) -> str:
        """The zone's own reader if it has one, else the nearest of those from which it is answered."""
        ground = self._ground
        answering = ground.site.answering_zones[zone]
        counting = [(z != zone, ground.graph.seconds(self.zone, z), r) for r, z in ground.field.readers.items()
                    if z in answering]  # fmt: skip
        return min(counting)[2]

    def _at_the_scene(self, now: int) -> None:
        self._later(now + self._ground.draw(self.behaviour.stays), self._back_to_work)

    def _back_to_work(self, now: int) -> None:
        self.busy = False
        self._walk_round(now)

    def _walk_round(self, now: int) -> None:
        if self._next < len(self._round):
            self._head_for(now, self._round[self._next], self._checked)

    def _checked(self, now: int) -> None:
        self._next += 1
        if self._next < len(self._round):
            self._walk_round(now)
        else:
            self._next = 0
            self._later(now + self._ground.draw(self.behaviour.rest), self._walk_round)

    def _head_for(self, now: int, reader: str, then: Callable[[int], None]) -> None:
        self._turn += 1
        self._heading = (reader, then)
        if not self._under_way:
            self._go_on(now)

    def _go_on(self, now: int) -> None:
        if self._heading is None:
            return
        ground = self._ground
        neighbour = ground.graph.step(self.zone, ground.field.readers[self._heading[0]])
        if neighbour is None:
            self._later(now + ground.draw(self.behaviour.dwell), self._swipe)
            return
        self._under_way = True
        seconds = ground.graph.leg(self.zone, neighbour) * ground.rng.uniform(1.0, self.behaviour.slowest)
        ground.agenda.put(now + round(seconds * 1000), lambda then: self._arrive(then, neighbour))

    def _arrive(self, now: int, zone: str) -> None:
        self.zone = zone
        self._under_way = False
        self._go_on(now)

    def _swipe(self, now: int) -> None:
        if self._heading is None:
            return
        reader, then = self._heading
        self._heading = None
        card = self.person.cards[0]
        self._ground.tell(Swiped(now, reader, card))
        self._ground.tell(Happened(now, reader, "checkpoint.scan", self.zone, card))
        then(now)

    def _later(self, at: int, action: Callable[[int], None]) -> None:
        """Do `action` at `at`, unless another plan has been made by then."""
        turn = self._turn
        self._ground.agenda.put(at, lambda now: action(now) if turn == self._turn else None)


class Crowd:
    """Everybody who is on site."""

    def __init__(self, ground: Ground, scenario: Scenario) -> None:
        self._ground = ground
        self._walkers = [
            Walker(ground, actor, actor.behaviour or scenario.behaviour) for actor in scenario.people
        ]

    def call(self, now: int, call: Call, zone: str) -> None:
        """Call the nearest people of a role to a zone; each of them turns out, or doesn't, by their behaviour."""
        if not self._ground.site.answering_zones[zone] & set(self._ground.field.readers.values()):
            return
        for walker in self._nearest(call, zone):
            if self._ground.rng.random() < walker.behaviour.turns_out:
                walker.called_to(now, zone)

    def _nearest(self, call: Call, zone: str) -> list[Walker]:
        seconds = self._ground.graph.seconds
        free = [w for w in self._walkers if call.role in w.person.roles and not w.busy]
        near = sorted(
            (seconds(w.zone, zone), w.person.id, w) for w in free if seconds(w.zone, zone) < math.inf
        )
        return [walker for *_, walker in near[: call.sends]]


def _checkpoints(ground: Ground, route: str | None) -> tuple[str, ...]:
    return tuple(leg.device for r in ground.site.file.routes if r.id == route for leg in r.checkpoints)
