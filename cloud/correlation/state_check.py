"""Filters of events that would take the end of a state for its beginning, or both."""

from collections.abc import Iterator
from typing import Final

from cloud.correlation.rules import EventFilter, While
from contract.events import ENDED_BY, MOMENT_TYPES, STATE
from contract.state_words import ACTIVE, CLEARED, state_word

_EXPECTED: Final = f"expected {ACTIVE} or {CLEARED}"


def mistakes_of_state(wanted: EventFilter | While, *, may_take_both: bool) -> Iterator[tuple[str, str]]:
    """The mistakes of a filter, each with the field it stands in.

    `may_take_both`: whether beginning and end may count alike, as they do for a sign of life.
    """
    asked = {"data": wanted.data}
    if isinstance(wanted, While):
        asked["unless"] = wanted.unless
    for field, data in asked.items():
        if STATE in data and wanted.types - MOMENT_TYPES:
            for said in _of_state(data[STATE]):
                yield f"{field}.{STATE}", said
    if isinstance(wanted, While) and _is_never(wanted):
        yield f"unless.{STATE}", "nothing is left that `while` could ask for: leave `state` out here"
    if not may_take_both:
        for said in _of_types(wanted.types):
            yield "type", said


def _of_state(state: object) -> Iterator[str]:
    if isinstance(state, str) and state in {ACTIVE, CLEARED}:
        return
    if isinstance(state, list | tuple):
        yield f"would take beginning and end alike: {_EXPECTED}; without `state` it means {ACTIVE}"
        return
    meant = state_word(state)
    close = f"did you mean {meant}?" if meant else f"without `state` it means {ACTIVE}"
    yield f"{_EXPECTED}, found {state!r}; {close}"


def _of_types(types: frozenset[str]) -> Iterator[str]:
    for name in sorted(types):
        for end in sorted(ENDED_BY.get(name, frozenset()) & types):
            if name not in ENDED_BY.get(end, frozenset()) or name < end:
                yield f"would take beginning and end alike: {end} is the end of {name}; leave one of them out"


def _is_never(condition: While) -> bool:
    """Whether `unless` shuts out all that `while` could ask for."""
    shut, wanted = state_word(condition.unless.get(STATE)), state_word(condition.data.get(STATE))
    return shut is not None and shut == (wanted or ACTIVE)
