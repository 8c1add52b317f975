"""Who works when: shifts by weekly schedules and rotating teams, in the site's time zone."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloud.correlation.windows import WindowsOf, local_day, midnight
from cloud.operations.record import content_id
from cloud.operations.sections import Placed, read_list
from contract.problems import ConfigError, Problem
from contract.site import Id, Person, Site, Text
from contract.yamlfile import unknown_name

_LOOK_MS: Final = 36 * 3_600_000


class Rotation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """From a day on, each team works for `days` days, then the next one."""

    from_: dt.date
    days: Annotated[int, Meta(ge=1, le=366)] = 1


class Roster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shift: its schedule, the role it fills, the post (a zone) it stands at, and the teams that take turns."""

    id: Id
    name: Text = Text()
    role: Id
    post: Id | None = None
    schedule: Id
    teams: tuple[tuple[Id, ...], ...]
    rotation: Rotation | None = None


class Shift(msgspec.Struct, frozen=True, order=True):
    """One shift, `[start, end)` ms, with the people that the roster names. `id` is derived from roster and start."""

    start: int
    end: int
    roster: str
    id: str
    people: tuple[str, ...]


class Rosters:
    """The rosters of a site."""

    def __init__(self, site: Site, rosters: Sequence[Roster] = ()) -> None:
        self._site = site
        self.by_id = {roster.id: roster for roster in rosters}
        self._windows = {roster.id: WindowsOf(roster.schedule, site, 0) for roster in rosters}

    def shifts(self, since: int, until: int) -> list[Shift]:
        """The shifts that end after `since` and begin before `until`, in order."""
        return sorted(
            self._shift(roster, span)
            for name, roster in self.by_id.items()
            for span in self._between(name, since, until)
        )

    def _between(self, name: str, since: int, until: int) -> Iterator[tuple[int, int]]:
        # The windows of a moment far from the last one asked for are worked out from there on.
        windows = WindowsOf(self.by_id[name].schedule, self._site, since - _LOOK_MS)
        yield from (span for span in windows.between(since, until) if span[0] > since - _LOOK_MS)

    def _shift(self, roster: Roster, span: tuple[int, int]) -> Shift:
        people = roster.teams[self._turn(roster, span[0])]
        here = tuple(name for name in people if works(self._site.people[name], span[0], self._site))
        identity = content_id(self._site.id, "shift", roster.id, str(span[0]))
        return Shift(span[0], span[1], roster.id, identity, here)

    def _turn(self, roster: Roster, start: int) -> int:
        """Which team's turn it is; a rotation is counted in days of the site's calendar, whatever their length."""
        if roster.rotation is None:
            return 0
        days = (local_day(start, self._site.timezone) - roster.rotation.from_).days
        return days // roster.rotation.days % len(roster.teams)

    def fills(self, role: str) -> bool:
        """Whether any roster names who does a role when."""
        return any(roster.role == role for roster in self.by_id.values())


def works(person: Person, at: int, site: Site) -> bool:
    """Whether somebody works here still at that moment."""
    if person.until is None:
        return True
    return at < midnight(person.until + dt.timedelta(days=1), site.timezone)


def load_rosters(site: Site) -> Rosters:
    """The rosters in a site's files.

    Raises:
        ConfigError: They have mistakes; every one is named with its file and line.
    """
    placed, problems = read_list(site, "rosters", Roster)
    seen: set[str] = set()
    for one in placed:
        problems += _mistakes(one, site, seen)
        seen.add(one.item.id)
    if problems:
        raise ConfigError(problems)
    return Rosters(site, [one.item for one in placed])


def _mistakes(one: Placed[Roster], site: Site, seen: set[str]) -> Iterator[Problem]:
    roster = one.item
    if roster.id in seen:
        yield one.problem(f"{roster.id!r} is already the id of another roster", "id")
    if roster.schedule not in site.schedules:
        yield one.problem(unknown_name("schedule", roster.schedule, site.schedules), "schedule")
    if roster.post is not None and roster.post not in site.zones:
        yield one.problem(unknown_name("zone", roster.post, site.zones), "post")
    if not roster.teams:
        yield one.problem("expected at least one team", "teams")
    if len(roster.teams) > 1 and roster.rotation is None:
        yield one.problem("is missing: several teams take turns", "rotation")
    for number, team in enumerate(roster.teams):
        for place, name in enumerate(team):
            person = next((person for person in site.file.people if person.id == name), None)
            if person is None:
                ids = [person.id for person in site.file.people]
                yield one.problem(unknown_name("person", name, ids), "teams", number, place)
            elif roster.role not in person.roles:
                yield one.problem(f"{name} does not have the role {roster.role}", "teams", number, place)
