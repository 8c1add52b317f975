"""The newest known of devices and agents, gathered between two commits. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.ingest.facts import UNKNOWN_DEVICE
from cloud.store.base import WITHHELD, AgentHealth, BlindRow, DeviceHealth
from contract.batch import Coverage
from contract.events import Event

_MOST_SPANS: Final = 256
_WITHHELD: Final = int(WITHHELD)


class _Told(msgspec.Struct, frozen=True):
    """What a batch told of devices: when each said something last, by its stamp; `sure`: the stamps are trusted."""

    last: dict[str, int]
    sure: bool
    flag: int
    agent: str
    received_at: int


class Health:
    """Of one site. What changed since the last commit is handed over by `changed_devices` and its like."""

    def __init__(self, site: str, devices: Iterable[DeviceHealth], agents: Iterable[AgentHealth]) -> None:
        self._site = site
        self._devices = {row.device: row for row in devices}
        self._agents = {row.agent: row for row in agents}
        self._blind: dict[str, dict[int, int]] = {}
        self._told: list[_Told] = []
        self._dirty_devices: set[str] = set()
        self._dirty_agents: set[str] = set()
        self._new_blind: dict[tuple[str, int], int] = {}

    @property
    def agents(self) -> Mapping[str, AgentHealth]:
        """By agent, what is known."""
        return self._agents

    def has_statement(self, device: str) -> bool:
        """Whether any agent ever stated the coverage of a device."""
        row = self._devices.get(device)
        return row is not None and row.complete_to is not None

    def saw_events(self, events: Sequence[Event], flags: Sequence[int], agent: str, received_at: int) -> bool:
        """Take in stored events with their flags (none: nothing is odd); of each device the last one counts.

        Returns:
            Whether the agent told of itself.
        """
        # Nearly always nothing is done for each event but what one comprehension does.
        last = {event.device: event.at for event in events}
        if flags:
            for event, flag in zip(events, flags, strict=True):
                self.saw(event.device, None if flag & _WITHHELD else event.at, flag, agent, received_at)
        else:
            self._told.append(_Told(last, True, 0, agent, received_at))
        return agent in last

    def saw(self, device: str, at: int | None, flag: int, agent: str, received_at: int) -> None:
        """A device said something at `at`; None when its stamp can't be trusted."""
        sure = at is not None
        self._told.append(_Told({device: at or 0}, sure, flag & UNKNOWN_DEVICE, agent, received_at))

    def covered(self, device: str, agent: str, statement: Coverage, *, known: bool) -> None:
        """Take in a statement that holds."""
        row = self._devices.get(device) or DeviceHealth(site=self._site, device=device, agent=agent)
        if row.complete_to is None or statement.complete_to > row.complete_to:
            self._devices[device] = msgspec.structs.replace(
                row, complete_to=statement.complete_to, known=known
            )
            self._dirty_devices.add(device)
        spans = self._blind.setdefault(device, {})
        for start, end in statement.blind:
            if end > spans.get(start, start):
                spans[start] = self._new_blind[device, start] = end
        while len(spans) > _MOST_SPANS:
            del spans[next(iter(spans))]

    def heard(self, row: AgentHealth) -> None:
        """Take in a message of an agent; what it does not say stays as it was."""
        before = self._agents.get(row.agent)
        if before is not None and row.last_observed_at is None:
            row = msgspec.structs.replace(row, last_observed_at=before.last_observed_at)
        self._agents[row.agent] = row
        self._dirty_agents.add(row.agent)

    def changed_devices(self) -> list[DeviceHealth]:
        """The devices that changed since this was asked last."""
        told, self._told = self._told, []
        last: dict[str, int] = {}
        by: dict[str, _Told] = {}
        for one in told:
            if one.sure:
                last |= one.last
            by |= dict.fromkeys(one.last, one)
        for device, one in by.items():
            row = self._devices.get(device) or DeviceHealth(site=self._site, device=device, agent=one.agent)
            at = last.get(device)
            self._devices[device] = msgspec.structs.replace(
                row,
                agent=one.agent,
                last_at=row.last_at if at is None else max(at, row.last_at or at),
                last_seen=max(one.received_at, row.last_seen or 0),
                known=not one.flag,
            )
            self._dirty_devices.add(device)
        dirty, self._dirty_devices = self._dirty_devices, set()
        return [self._devices[device] for device in dirty]

    def changed_agents(self) -> list[AgentHealth]:
        """The agents that changed since this was asked last."""
        dirty, self._dirty_agents = self._dirty_agents, set()
        return [self._agents[agent] for agent in dirty]

    def new_blind(self) -> list[BlindRow]:
        """The blind spans that are new or longer since this was asked last."""
        found, self._new_blind = self._new_blind, {}
        return [
            BlindRow(site=self._site, device=device, start=start, end=end)
            for (device, start), end in found.items()
        ]
