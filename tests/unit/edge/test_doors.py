"""Doors that are held open or forced, whoever tells of them."""

from contract.causes import Cause, because
from contract.site import Device, Door
from edge.doors import Doors
from edge.ports import Covered, Failed, Happened

DOOR = Device(id="d1", door=Door(held="30s", forced=True))


def told(type_: str, at: int, **data: bool) -> Happened:
    return Happened(device="d1", type=type_, at=at, observed_at=at, data=data)


def after(*seen: Happened | Failed) -> tuple[Doors, list[str]]:
    doors = Doors([DOOR])
    return doors, [event.type for one in seen for event in doors.take([one])]


def test_a_door_open_for_too_long_is_held_once_until_it_is_shut() -> None:
    doors, _ = after(told("door.opened", 1_000))
    assert doors.look_around(30_999) == []
    (held,) = doors.look_around(31_500)
    assert (held.type, held.at, held.data) == ("door.held", 31_000, {"state": "active", "open_ms": 30_500})
    assert doors.look_around(40_000) == []
    (cleared,) = doors.take([told("door.closed", 50_000)])
    assert (cleared.type, cleared.data) == ("door.held", {"state": "cleared"})


def test_a_door_that_is_shut_in_time_is_none() -> None:
    doors, seen = after(told("door.opened", 1_000), told("door.closed", 20_000))
    assert doors.look_around(60_000) == []
    assert seen == []


def test_a_locked_door_that_opens_is_forced() -> None:
    assert after(told("gate.locked", 0), told("door.opened", 9_000))[1] == ["door.forced"]


def test_a_released_door_or_one_where_somebody_was_let_in_is_not() -> None:
    assert after(told("gate.locked", 0), told("gate.released", 1), told("door.opened", 9))[1] == []
    assert after(told("gate.locked", 0), told("access.granted", 1), told("door.opened", 9_000))[1] == []
    assert after(told("gate.locked", 0), told("door.opened", 9, initial=True))[1] == []


def test_of_a_lock_that_is_not_known_nothing_is_said() -> None:
    assert after(told("door.opened", 9))[1] == []


def test_nothing_is_said_of_a_door_while_it_is_not_known() -> None:
    doors, _ = after(told("door.opened", 9), Failed(devices=("d1",), at=5, why=because(Cause.SILENT)))
    assert doors.look_around(99_000) == []
    doors.take([Covered(devices=("d1",), since=98_000, to=99_000)])
    assert [held.type for held in doors.look_around(99_000)] == ["door.held"]
