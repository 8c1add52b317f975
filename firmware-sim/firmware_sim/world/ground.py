"""What everything in the world stands on: the site, its ways, the agenda, chance, and a place to tell effects."""

from collections.abc import Callable
from random import Random

import msgspec

from contract.site import Site
from firmware_sim.scenario import Between, ms
from firmware_sim.world.agenda import Agenda
from firmware_sim.world.effects import Effect, Happened
from firmware_sim.world.field import Field
from firmware_sim.world.graph import Graph


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all parts of one world. `tell` takes effects in the order of their times."""

    site: Site
    field: Field
    graph: Graph
    agenda: Agenda
    rng: Random
    tell: Callable[[Effect], None]

    def draw(self, between: Between) -> int:
        """A length of time in ms, drawn evenly."""
        return self.rng.randint(ms(between.least), ms(between.most))

    def switch(self, now: int, device: str, event_type: str) -> None:
        """Bring a device behind an input module into the state of which `event_type` tells."""
        contact = self.field.contacts[device, event_type]
        self.tell(contact.inputs(now))
        self.tell(Happened(now, device, event_type, contact.zone))
