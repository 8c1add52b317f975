"""The time from one event of a device to another, such as from the loss of the mains to load on the generator."""

from collections.abc import Iterable, Mapping

from contract.profile.points import Lapse
from edge.ports import Happened, Measured, Observation

Begun = Mapping[str, int]
"""By lapse, when it began: `at` of its first event, in ms of the boot clock."""

_UNWITNESSED = frozenset({"initial", "unseen_ms"})


def follow_lapses(
    device: str, lapses: Iterable[Lapse], begun: Begun, seen: Iterable[Observation]
) -> tuple[Begun, list[Measured]]:
    """What has begun by now, and the readings, in s, of what has ended. An end without its begin is none."""
    running = dict(begun)
    found: list[Measured] = []
    for event in seen:
        if not isinstance(event, Happened) or not _UNWITNESSED.isdisjoint(event.data):
            continue
        for lapse in lapses:
            if event.type == lapse.begin:
                running[lapse.name] = event.at
            elif event.type == lapse.end and (began := running.pop(lapse.name, None)) is not None:
                took = event.at - began
                if 0 <= took <= lapse.at_most_ms:
                    found.append(Measured(device=device, point=lapse.name, at=event.at, value=took / 1_000))
    return running, found
