"""The screens of a control room: what each says of itself, how it is arranged, and when somebody must be watching."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from cloud.operations.sections import Placed, read_one
from contract.duration import parse_duration
from contract.problems import ConfigError, Problem
from contract.site import Id, Site
from contract.yamlfile import unknown_name

SCREENS: Final = "~screens"
"""In the place of an agent, what the web part says of screens travels under this name. People's actions travel under
another, so that no action can say it, and no agent is called so."""
LEAST_WITHIN_MS: Final = 15_000
"""Screens answer every 5 s and are told of every 5 s: anything shorter would cry wolf."""


class Sign(msgspec.Struct, frozen=True, array_like=True):
    """A screen's last answer, taken at `at`, ms. `live`: it is in view and was painted a moment ago.

    `heard_by` is who said that the test sound was heard; empty where nobody said so since.
    """

    screen: str
    at: int
    live: bool
    audible: bool
    heard_by: str = ""


class Pulse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The screens of a site that answered one web process since it said so last."""

    signs: tuple[Sign, ...]


pulse_decoder: Final = msgspec.json.Decoder(Pulse)


class Screen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A screen as it stands. `seen_at` is when `live` or `audible` changed last, not each answer.

    `layout` is the screen's own business: what it shows, in which theme and language. `heard_at`: when `heard_by`
    said that its test sound was heard.
    """

    id: str
    opened_at: int
    name: str = ""
    layout: dict[str, Any] = {}
    seen_at: int | None = None
    live: bool = False
    audible: bool = False
    heard_by: str = ""
    heard_at: int | None = None
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`live` (and audible), `muted`, `away`, or `new`: it never answered."""
        if self.live:
            return "live" if self.audible else "muted"
        return "new" if self.seen_at is None else "away"

    @property
    def is_live(self) -> bool:
        """Any screen may answer again at any moment."""
        return True


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In the windows of `schedule` a screen must be live and audible at `post`, and be so again within `within`.

    `begins`: with the first answer of any screen of the site, or at once, whether there ever was one or not.
    """

    post: Id
    schedule: Id
    within: Annotated[str, Meta(pattern=r"^[0-9]+(s|m)$", description="a duration such as 60s")] = "60s"
    begins: Annotated[
        str, Meta(pattern=r"^(first-screen|at-once)$", description="first-screen or at-once")
    ] = "first-screen"


def load_watch(site: Site) -> Watch | None:
    """The watch that a site's files ask for, if any.

    Raises:
        ConfigError: It has mistakes; every one is named with its file and line.
    """
    placed, problems = read_one(site, "watch", Watch)
    if placed is not None:
        problems += _mistakes(placed, site)
    if problems:
        raise ConfigError(problems)
    return placed.item if placed is not None else None


def _mistakes(placed: Placed[Watch], site: Site) -> Iterator[Problem]:
    watch = placed.item
    if watch.post not in site.zones:
        yield placed.problem(unknown_name("zone", watch.post, site.zones), "post")
    if watch.schedule not in site.schedules:
        yield placed.problem(unknown_name("schedule", watch.schedule, site.schedules), "schedule")
    if parse_duration(watch.within).ms < LEAST_WITHIN_MS:
        seconds = LEAST_WITHIN_MS // 1_000
        yield placed.problem(f"expected at least {seconds}s: screens answer every 5 s", "within")
