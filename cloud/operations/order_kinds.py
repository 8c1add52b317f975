"""Which orders there are, and how soon what must happen to them: `config/operations/orders.yaml`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloud.operations.checklist import Checklists
from contract.duration import Duration, parse_duration
from contract.problems import ConfigError, Problem
from contract.site import Id, Text
from contract.yamlfile import FieldPath, Located, convert, load_yaml, unknown_name

Limits = str | dict[str, str] | None
"""One for all, or by urgency; an urgency that is not named has none. Durations are checked here: msgspec 0.22 crashes
when it frees a union of a string with a pattern and a mapping or a tuple."""
LIMITS: Final = (
    "accept_within",
    "arrive_within",
    "done_within",
    "answer_within",
    "close_within",
    "call_back_within",
)
_MOST_WORKING_DAYS: Final = 260


class OrderKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is owed for orders of a kind, and within what time.

    Time runs from the opening; `call_back_within` from when the work was done. A kind with `answer_within` is
    answered in words before it is closed. `role`: who may take it. `told_as`, `done_as`: the kind that the rules
    know it as when it is opened and done, where that is another. `requested`: somebody asked for it; the rules are not
    told of what nobody asked for.
    """

    id: Id
    name: Text
    role: Id
    urgencies: Annotated[tuple[Id, ...], Meta(min_length=1)] = ("normal", "urgent")
    accept_within: Limits = None
    arrive_within: Limits = None
    done_within: Limits = None
    answer_within: Limits = None
    close_within: Limits = None
    call_back_within: Limits = None
    needs_verification: bool = False
    call_back: bool = False
    checklist: Id | None = None
    told_as: Id | None = None
    done_as: Id | None = None
    requested: bool = True

    def limit(self, name: str, urgency: str) -> Duration | None:
        """One of `LIMITS` for an urgency."""
        given: Limits = getattr(self, name)
        text = given.get(urgency) if isinstance(given, dict) else given
        return parse_duration(text) if text is not None else None


class OrdersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    orders: tuple[OrderKind, ...]


OrderKinds = Mapping[str, OrderKind]
"""By id."""


def load_order_kinds(path: Path, checklists: Checklists) -> OrderKinds:
    """The kinds of a file.

    Raises:
        ConfigError: It has mistakes, or a checklist opens an order of a kind that it does not have.
    """
    located = load_yaml(path)
    kinds = convert(located, OrdersFile).orders
    problems = [*_mistakes(kinds, checklists, located), *_not_to_open(kinds, checklists, located)]
    if problems:
        raise ConfigError(problems)
    return {kind.id: kind for kind in kinds}


def _mistakes(kinds: tuple[OrderKind, ...], checklists: Checklists, located: Located) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, kind in enumerate(kinds):
        at: FieldPath = ("orders", index)
        if kind.id in seen:
            yield located.problem((*at, "id"), f"{kind.id!r} is already the id of another kind")
        seen.add(kind.id)
        if kind.checklist is not None and kind.checklist not in checklists:
            message = unknown_name("checklist", kind.checklist, checklists)
            yield located.problem((*at, "checklist"), message)
        if kind.call_back_within is not None and not kind.call_back:
            yield located.problem((*at, "call_back_within"), "expected only with `call_back: true`")
        yield from _limit_mistakes(kind, located, at)


def _limit_mistakes(kind: OrderKind, located: Located, at: FieldPath) -> Iterator[Problem]:
    for name in LIMITS:
        given: Limits = getattr(kind, name)
        by_urgency = given if isinstance(given, dict) else {}
        for urgency in by_urgency:
            if urgency not in kind.urgencies:
                message = unknown_name("urgency", urgency, kind.urgencies)
                yield located.problem((*at, name, urgency), message)
        for urgency, text in by_urgency.items():
            yield from _no_limit(text, located, (*at, name, urgency))
        if isinstance(given, str):
            yield from _no_limit(given, located, (*at, name))


def _no_limit(text: str, located: Located, path: FieldPath) -> Iterator[Problem]:
    try:
        limit = parse_duration(text)
    except ValueError as error:
        yield located.problem(path, str(error))
        return
    if limit == Duration():
        yield located.problem(path, "expected more than 0")
    if limit.working_days > _MOST_WORKING_DAYS:
        yield located.problem(path, f"expected {_MOST_WORKING_DAYS} working days at the most")


def _not_to_open(kinds: tuple[OrderKind, ...], checklists: Checklists, located: Located) -> Iterator[Problem]:
    """What checklists open and nobody knows."""
    known = {kind.id: kind for kind in kinds}
    for checklist in checklists.values():
        for item in checklist.items:
            if item.opens is not None and item.opens not in known:
                message = f"checklist {checklist.id}, item {item.id} opens it, but there is no such kind"
                yield located.problem(("orders",), f"{item.opens!r}: {message}")
