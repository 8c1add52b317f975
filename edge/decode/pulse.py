"""Whether a device still lives behind its answers: a register that never stands still, followed. Pure."""

import msgspec

from contract.profile.model import Alive
from edge.decode.request import Answer


class Pulse(msgspec.Struct, frozen=True, gc=False):
    """The words that the register had last, and how many reads in a row brought them again."""

    words: tuple[int, ...]
    same: int = 0


def feel(alive: Alive | None, pulse: Pulse | None, answer: Answer) -> Pulse | None:
    """The pulse after an answer; as it was where the answer does not hold the register."""
    point = next((p for p in answer.request.points if alive is not None and p.name == alive.point), None)
    if point is None:
        return pulse
    start = point.address - answer.request.address
    words = answer.words[start : start + point.width]
    if pulse is None or pulse.words != words:
        return Pulse(words)
    return Pulse(words, pulse.same + 1)


def is_frozen(alive: Alive | None, pulse: Pulse | None) -> bool:
    """Whether the device answers with what it showed long ago."""
    return alive is not None and pulse is not None and pulse.same >= alive.polls
