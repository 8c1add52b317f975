"""When the product says that something was, and what it claims to have known, compared with when it was.

All times are ms of the agent's clock.
"""

from collections.abc import Iterator
from typing import Final

from cloud.correlation.verdict import Outcome, Verdict
from contract.events import LASTING, MOMENT_TYPES, RESET_TYPES, Event, event_data, part_of
from edge.decode.sheet import bridge_ms
from tests.truth.device import polls_ms
from tests.truth.history import History
from tests.truth.product import EPOCH, LONG_MS, Span
from tests.truth.standing import Key, begins, key_of

SLACK_MS: Final = 30
"""How long an answer takes."""
CLOCK_MS: Final = 1_000
"""By how much a span is wider at the most for what the clocks may be off."""
BACK_MS: Final = 16_000
"""How long it takes at the most to find a device again, and the line that it is on."""


def dates(history: History) -> Iterator[str]:
    """A change is dated within its error, at a moment at which it really was."""
    for event in history.product.events:
        about = event_data(event)
        if (
            event.type.startswith("device.")
            or event.type in MOMENT_TYPES - RESET_TYPES
            or about.get("initial")
        ):
            continue
        unseen = about.get("unseen_ms", 0)
        if not isinstance(unseen, int):
            continue
        at = event.at - EPOCH
        window = (at - max(event.clock_error_ms, unseen) - SLACK_MS, at + event.clock_error_ms + SLACK_MS)
        if "device_at" not in about:
            # What a device held back, and says without a stamp and without a word of its being away, seems to be of now.
            held = [start for start, end in history.held if start <= window[1] and window[0] <= end]
            window = (min([window[0], *held]), window[1])
        if not _was(history, event, window):
            yield f"not so in {window}: {event.type} of {event.device}, {about}"


def _was(history: History, event: Event, window: Span) -> bool:
    """Whether what an event tells began, ended or was told again within a window."""
    start, end = window
    if event.type in RESET_TYPES:
        return any(
            start <= one.at <= end and not one.so and one.key[1].startswith("fire.")
            for one in history.truth.changes
            if part_of(event) in {"", one.key[2]}
        )
    key, so = key_of(event), begins(event)
    moments = {at for at in history.moments if start <= at <= end}
    return any(_is_so(history, key, at) is so for at in moments)


def _is_so(history: History, key: Key, at: int) -> bool:
    """Whether something was so right after a moment."""
    return any(since <= at and (until is None or at < until) for since, until in history.truth.spans(key))


def completeness(history: History) -> Iterator[str]:
    """What was so for long enough while the product claims to have known the device was told."""
    lasts = _visible_ms(history.name)
    told = [(key_of(event), begins(event), event) for event in history.product.events]
    for key in sorted({one.key for one in history.truth.changes}):
        for since, until in history.truth.spans(key):
            end = history.played.now if until is None else until
            if end - since < lasts or not is_claimed(history, key[0], (since - lasts, since + lasts)):
                continue
            if since <= _FIRST_MS or any(start <= since <= back for start, back in history.held):
                continue
            if not any(
                one == key and so and since - lasts <= event.at - EPOCH <= since + lasts
                for one, so, event in told
            ):
                yield f"{key} was so from {since} to {until}, the device was known, and nothing was told"


_FIRST_MS: Final = 30_000
"""Until then the device and the agent begin."""


def _visible_ms(name: str) -> int:
    """What is so for so long shows in two reads at least; devices that speak tell at once."""
    return 2 * max(polls_ms(name), default=0) + 3_000


def is_claimed(history: History, device: str, span: Span) -> bool:
    """Whether the product claims to have known a device all through a span."""
    return not list(_unclaimed(history, device, span))


def _unclaimed(history: History, device: str, span: Span) -> Iterator[Span]:
    to, blind = history.product.claimed(device)
    start, end = span
    if to is None or to < end:
        yield (start if to is None else max(start, to), end)
    yield from (
        (max(start, since), min(end, until)) for since, until in blind if since < end and start < until
    )


def coverage(history: History) -> Iterator[str]:
    """A device that was away was not known meanwhile; one that was in reach was known."""
    polls = polls_ms(history.name)
    bridged = bridge_ms(min(polls)) if polls else 0
    for start, end in history.silent:
        inner = (start + SLACK_MS, end - SLACK_MS)
        if end - start <= bridged + SLACK_MS:
            continue
        known = list(_claimed_parts(inner, list(_unclaimed(history, "dev", inner))))
        if known:
            yield f"away from {start} to {end}, and known in {known}"
    if polls:
        yield from _needlessly_blind(history, max(polls))


def _claimed_parts(span: Span, blind: list[Span]) -> Iterator[Span]:
    at = span[0]
    for since, until in sorted(blind):
        if since > at:
            yield at, since
        at = max(at, until)
    if at < span[1]:
        yield at, span[1]


def _needlessly_blind(history: History, slowest: int) -> Iterator[str]:
    near = [(0, BACK_MS + slowest)]
    near.append((history.played.now - BACK_MS - slowest, history.played.now))
    near += [(start - slowest - CLOCK_MS, end + BACK_MS + slowest) for start, end in history.silent]
    to, blind = history.product.claimed("dev")
    for span in [*blind, (history.played.now if to is None else to, history.played.now)]:
        rest = list(_claimed_parts(span, [one for one in near if one[0] < span[1] and span[0] < one[1]]))
        if rest:
            yield f"in reach, and not known in {rest}"


def obligations(history: History) -> Iterator[str]:
    """A verdict says of a state what was so."""
    told = {(event.device, event.seq): event for event in history.product.events}
    for verdict in history.product.verdicts:
        kind, _, type_ = verdict.rule.partition("-")
        if not verdict.evidence:
            continue
        event = told.get(verdict.evidence[0])
        if event is None:
            yield f"a verdict on an event that is not there: {verdict}"
        elif kind == "begins":
            if (
                (not begins(event) and type_ not in _ENDINGS)
                or event.type != type_
                or event.at != verdict.opened_at
            ):
                yield f"an obligation without a beginning: {verdict}"
        elif type_ not in _ENDINGS:
            yield from _lasted(history, verdict, event, told.get(verdict.evidence[-1], event))


_ENDINGS: Final = frozenset(kinds[1] for kinds in LASTING.values() if len(kinds) > 1) | {"input.off"}


def _lasted(history: History, verdict: Verdict, event: Event, last: Event) -> Iterator[str]:
    key, error = key_of(event), event.clock_error_ms + SLACK_MS
    if verdict.outcome is Outcome.BREACHED:
        opened = verdict.opened_at - EPOCH
        longest = max(
            (
                min(_heard_at(history, until, last), opened + LONG_MS + error) - max(since, opened - error)
                for since, until in history.truth.spans(key)
            ),
            default=0,
        )
        # A change that is over before the next read is seen by nobody.
        if longest < LONG_MS - 2 * error - _visible_ms(history.name):
            yield f"{key} did not last: {verdict}"


def _heard_at(history: History, until: int | None, last: Event) -> int:
    """When a state ended as far as anybody can know: an end that was held back unnoticed, and has no stamp, is of when it came."""
    if until is None:
        return history.played.now
    if "device_at" in event_data(last):
        return until
    return max([until, *(end for start, end in history.unnoticed if start <= until < end)])
