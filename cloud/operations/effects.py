"""What people's actions bring about outside the matters themselves: events for the rules, notices for people."""

from typing import Any

import msgspec

from contract.site import Text


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person did, or the system asked, as the rules are to know it: an event of the site's desk.

    `device`: what was measured by hand is told under the name of the thing that was measured, not the desk's. `clock_error_ms`: how far off `at` may be.
    """

    type: str
    at: int
    device: str | None = None
    person: str | None = None
    zone: str | None = None
    data: dict[str, Any] = {}
    clock_error_ms: int = 0


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a role must hear of something that is no alarm: a skipped step, an order at 80 % of its time.

    `about` names the matter, such as `order:9f1c`; the same `key` is told once. `people` are told besides the role.
    """

    key: str
    about: str
    text: Text
    role: str = ""
    people: tuple[str, ...] = ()
    urgent: bool = False


class Effects:
    """Gathers them between two hand-overs."""

    def __init__(self) -> None:
        self._deeds: list[Deed] = []
        self._concerns: list[Concern] = []

    def deed(self, deed: Deed) -> None:
        """The rules are to know this."""
        self._deeds.append(deed)

    def concern(self, concern: Concern) -> None:
        """Somebody is to know this."""
        self._concerns.append(concern)

    def take_deeds(self) -> list[Deed]:
        """Those since this was asked last."""
        taken, self._deeds = self._deeds, []
        return taken

    def take_concerns(self) -> list[Concern]:
        """Those since this was asked last."""
        taken, self._concerns = self._concerns, []
        return taken
