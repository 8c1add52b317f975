"""Who is told what, when, and through what: the `telling` section of a site's files."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from cloud.correlation.windows import spans
from cloud.operations.alarm import Priority
from cloud.operations.sections import Placed, read_one
from contract.duration import parse_duration
from contract.problems import ConfigError, Problem
from contract.site import Id, Site, Text, Window
from contract.yamlfile import unknown_name

PriorityName = Literal["critical", "high", "medium", "low"]
DurationText = Annotated[str, Meta(pattern=r"^[0-9]+(s|m|h)$", description="a duration such as 60s")]
LongText = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]*(s|m|h)$", description="a duration such as 10m, more than nothing")
]
_DAY_MS: Final = 86_400_000


class Recipients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who: everybody on duty in a role, everybody with a role, or people by name. Any of them."""

    duty: Id | None = None
    role: Id | None = None
    people: tuple[Id, ...] = ()


class ChainStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So long after the alarm, these are told through these channels, unless somebody has acknowledged it.

    `outward`: a drill does not reach them.
    """

    after: DurationText
    to: Recipients
    through: tuple[Id, ...]
    outward: bool = True


class Chain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An escalation. It is taken for alarms of one of `priorities` and of one of `emergencies` (none named: any).

    After its last step that step is told again every `repeat`. `resume`: so long after an acknowledgement that
    nothing followed, it goes on.
    """

    id: Id
    name: Text = Text()
    priorities: tuple[PriorityName, ...] = ()
    emergencies: tuple[Id, ...] = ()
    steps: tuple[ChainStep, ...]
    repeat: LongText = "10m"
    resume: LongText | None = None


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In these windows nobody is told of what is less urgent than `below`; it waits until they end."""

    windows: tuple[Window, ...]
    below: PriorityName = "high"


class Digests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """More than `most` notices to one person within `within` become one message at its end; critical ones never do."""

    most: Annotated[int, Meta(ge=1)] = 10
    within: LongText = "10m"


class Telling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole section. `concerns`: the channels for what is no alarm."""

    chains: tuple[Chain, ...] = ()
    concerns: tuple[Id, ...] = ()
    quiet: Quiet | None = None
    digests: Digests = Digests()


def load_telling(site: Site) -> Telling:
    """Who is told, as a site's files say.

    Raises:
        ConfigError: They have mistakes; every one is named with its file and line.
    """
    placed, problems = read_one(site, "telling", Telling)
    if placed is not None:
        problems += _mistakes(placed, site)
    if problems:
        raise ConfigError(problems)
    return placed.item if placed is not None else Telling()


def _mistakes(placed: Placed[Telling], site: Site) -> Iterator[Problem]:
    people = {person.id for person in site.file.people}
    roles = {role for person in site.file.people for role in person.roles}
    seen: set[str] = set()
    for index, chain in enumerate(placed.item.chains):
        if chain.id in seen:
            yield placed.problem(f"{chain.id!r} is already the id of another chain", "chains", index, "id")
        seen.add(chain.id)
        if not chain.steps:
            yield placed.problem("expected at least one step", "chains", index, "steps")
        for number, step in enumerate(chain.steps):
            earlier = parse_duration(chain.steps[number - 1].after).ms if number else -1
            where = ("chains", index, "steps", number)
            if parse_duration(step.after).ms <= earlier:
                yield placed.problem("expected it later than the step before", *where, "after")
            yield from _step_mistakes(step, placed, where, people, roles)


def _step_mistakes(
    step: ChainStep,
    placed: Placed[Telling],
    where: tuple[str | int, ...],
    people: set[str],
    roles: set[str],
) -> Iterator[Problem]:
    if not step.through:
        yield placed.problem("expected at least one channel", *where, "through")
    for role in (step.to.duty, step.to.role):
        if role is not None and role not in roles:
            yield placed.problem(unknown_name("role", role, roles), *where, "to")
    for name in step.to.people:
        if name not in people:
            yield placed.problem(unknown_name("person", name, people), *where, "to", "people")
    if not (step.to.duty or step.to.role or step.to.people):
        yield placed.problem("expected duty, role or people", *where, "to")


def chain_for(telling: Telling, priority: Priority, emergency: str) -> Chain | None:
    """The first chain that is meant for an alarm."""
    for chain in telling.chains:
        fits = not chain.priorities or priority.name.lower() in chain.priorities
        if fits and (not chain.emergencies or emergency in chain.emergencies):
            return chain
    return None


def not_before(quiet: Quiet | None, priority: Priority, site: Site, now: int) -> int:
    """When somebody may be told: now, or when the quiet hours end. What is critical never waits."""
    if quiet is None or priority is Priority.CRITICAL or priority <= Priority[quiet.below.upper()]:
        return now
    for start, end in spans(quiet.windows, site.timezone, now - _DAY_MS, now + 1):
        if start <= now < end:
            return end
    return now


def channels_of(telling: Telling) -> Mapping[str, str]:
    """Every channel that is named, with where."""
    named = dict.fromkeys(telling.concerns, "telling.concerns")
    for chain in telling.chains:
        named |= {channel: f"telling.chains {chain.id}" for step in chain.steps for channel in step.through}
    return named
