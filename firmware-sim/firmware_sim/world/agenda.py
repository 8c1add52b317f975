"""What is due when: the order in which a simulated world lives, independent of how often it is asked."""

import heapq
from collections.abc import Callable

Action = Callable[[int], None]
"""Something to do at its time, which it is told in ms."""


class Agenda:
    """Actions by time; those of one time in the order in which they were put."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Action]] = []
        self._count = 0

    def put(self, at: int, action: Action) -> None:
        """Do `action` at `at` ms."""
        heapq.heappush(self._due, (at, self._count, action))
        self._count += 1

    def next_at(self) -> int | None:
        """When the next action is due; None when nothing is planned."""
        return self._due[0][0] if self._due else None

    def run(self, until: int) -> None:
        """Do all that is due up to `until`, and what they put in for that time."""
        while self._due and self._due[0][0] <= until:
            at, _, action = heapq.heappop(self._due)
            action(at)
