"""A supervisor's review of a verdict that rests on what was only said late. Pure."""

from typing import Final

from cloud.correlation.response import SUPERVISOR
from cloud.correlation.rules import REVIEWED
from cloud.errors import RefusedError
from cloud.operations.command import ReviewVerdict
from cloud.operations.effects import Deed
from contract.site import Site

_FIELDS: Final = ("rule", "key", "opened_at", "accepts", "note")


def review_verdict(site: Site, action: ReviewVerdict, person: str, at: int) -> Deed:
    """What the rules are to know of a review. That nobody reviews their own word is for the rule to judge.

    Raises:
        RefusedError: The person is no supervisor, or gives no reason.
    """
    who = site.people.get(person)
    if who is None or SUPERVISOR not in who.roles:
        raise RefusedError("not_allowed", "仅主管可复核判定", "only a supervisor reviews a verdict")
    if not action.note.strip():
        raise RefusedError("unusable", "请写明理由", "give a reason")
    data = {name: getattr(action, name) for name in _FIELDS}
    return Deed(type=REVIEWED, at=at, person=person, data=data)
