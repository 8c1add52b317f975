"""Coverage of a polled device: the span of time in which every change of it is known."""

from collections.abc import Mapping

import msgspec

from edge.decode.sheet import Sheet
from edge.plan import Request
from edge.ports import Covered

_FOR_EVER = 1 << 62


class Span(msgspec.Struct, frozen=True, gc=False):
    """Reads that follow each other closely: nothing between the first and the last of them went unseen."""

    since: int
    to: int


Spans = Mapping[tuple[str, str], Span]
"""By device told of and request key."""


def extend(spans: Spans, sheet: Sheet, request: Request, asked_at: int, unknown: frozenset[str]) -> Spans:
    """The spans after a read that was answered, asked at `asked_at`, in which points `unknown` had no value."""
    bridge = sheet.bridge_ms(request)
    changed: dict[tuple[str, str], Span] = {}
    for device, requests in sheet.told.items():
        needed = requests.get(request.key)
        if needed is None or needed & unknown:
            continue
        old = spans.get((device, request.key))
        joined = old is not None and asked_at - old.to <= bridge
        changed[device, request.key] = Span(old.since if old and joined else asked_at, asked_at)
    return {**spans, **changed}


def lack(spans: Spans, sheet: Sheet, request: Request, asked_at: int) -> Spans:
    """The spans after the device said that it has nothing of what a request reads."""
    keys = [(device, request.key) for device, requests in sheet.told.items() if request.key in requests]
    fresh = Span(asked_at, _FOR_EVER)
    return {**spans, **{key: Span(spans.get(key, fresh).since, _FOR_EVER) for key in keys}}


def anew(spans: Spans) -> Spans:
    """Nothing is known any more but what the device lacks."""
    return {key: span for key, span in spans.items() if span.to == _FOR_EVER}


def covered(spans: Spans, sheet: Sheet, before: Spans) -> list[Covered]:
    """What can be said now and could not be before, devices with the same span told together."""
    found: dict[Span, list[str]] = {}
    for device, requests in sheet.told.items():
        span = _common(spans, device, requests)
        if span is not None and span != _common(before, device, requests):
            found.setdefault(span, []).append(device)
    return [Covered(devices=tuple(devices), since=span.since, to=span.to) for span, devices in found.items()]


def _common(spans: Spans, device: str, requests: Mapping[str, frozenset[str]]) -> Span | None:
    """The time that every one of the requests covers."""
    each = [spans.get((device, key)) for key in requests]
    known = [span for span in each if span is not None]
    if len(known) < len(each) or not known:
        return None
    since, to = max(span.since for span in known), min(span.to for span in known)
    return Span(since, to) if since <= to < _FOR_EVER else None
