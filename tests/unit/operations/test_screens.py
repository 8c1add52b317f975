"""Whether anybody watches a manned site: screens that answer, freeze, fall silent, are hidden or can't be heard."""

from typing import Any

import msgspec
import pytest

from cloud.errors import RefusedError
from cloud.ingest.desk import SiteSetup
from cloud.operations.command import DESK, AcknowledgeAlarms, Close, PlanDrill, SetScreen
from cloud.operations.record import Record, RecordKind
from cloud.operations.screen import SCREENS, Pulse, Screen, Sign, Watch
from cloud.operations.screen_book import MOST_LAYOUT, MOST_SCREENS, SILENT_MS, ScreenBook
from cloud.store.base import IncidentKind, IncidentState
from contract.site import Schedule, Site, SiteFile, Window, Zone
from contract.topics import Address
from tests.house import MONDAY, H, House, M, S, demo

WATCH = Watch(post="control", schedule="always")
ALWAYS = Schedule(id="always", windows=(Window(),))
OFFICE = Schedule(id="office", windows=(Window(from_="08:00", to="12:00"),))
ROOM = Site(SiteFile(site="s", zones=(Zone(id="control"),), schedules=(ALWAYS, OFFICE)))


class Room:
    """A control room in virtual time: the screens that are `on` answer every 5 s, one beat after another."""

    def __init__(self, watch: Watch | None = WATCH, now: int = MONDAY) -> None:
        self.watch = watch
        self.now = now
        self.on: dict[str, dict[str, Any]] = {}
        self.drill = False
        self.turns: list[tuple[int, bool]] = []
        self.kept: dict[str, Record] = {}
        self.written = 0
        self.unwatched = False
        self.start()

    def start(self) -> None:
        """A worker begins from what is stored."""
        self.book = ScreenBook(
            ROOM,
            self.watch,
            lambda _: self.drill,
            self.kept.values(),
            began=self.now,
            unwatched=self.unwatched,
        )

    def answer(self, screen: str, *, ago: int = 0, **flags: Any) -> None:
        given = {"live": True, "audible": True} | flags
        self.book.take(Pulse((Sign(screen, self.now - ago, **given),)), self.now)

    def settle(self) -> None:
        turn = self.book.settle(self.now)
        if turn is not None:
            self.turns.append((self.now, turn.watched))
            self.unwatched = not turn.watched
        records = self.book.take_records()
        self.written += len(records)
        self.kept |= {record.id: record for record in records}

    def wait(self, ms: int) -> None:
        """Time goes on, from one beat or deadline to the next."""
        end = self.now + ms
        while self.now < end:
            deadline = self.book.next_at()
            beat = self.now - (self.now - MONDAY) % (5 * S) + 5 * S
            self.now = min(end, beat, max(deadline, self.now + 1) if deadline is not None else end)
            if self.now == beat:
                for screen, flags in self.on.items():
                    self.answer(screen, **flags)
            self.settle()

    def screen(self, name: str) -> Screen:
        return msgspec.json.decode(self.kept[name].body, type=Screen)

    @property
    def told(self) -> list[tuple[int, bool]]:
        """When it was said that nobody watches (False) and that somebody does (True), ms since the start."""
        return [(at - MONDAY, watched) for at, watched in self.turns]


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_site_that_never_had_a_screen_is_not_unwatched(room: Room) -> None:
    room.wait(2 * H)
    assert room.told == []


def test_a_site_that_must_have_one_is_unwatched_when_none_ever_answers() -> None:
    room = Room(msgspec.structs.replace(WATCH, begins="at-once"))
    room.wait(2 * H)
    assert room.told == [(60 * S, False)]


def test_a_screen_that_answers_is_all_that_is_needed_and_is_written_once(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(12 * H)
    assert (room.told, room.written) == ([], 1)
    assert (room.screen("wall").state, room.screen("wall").seen_at) == ("live", MONDAY + 5 * S)


@pytest.mark.parametrize(
    "ill",
    [{"live": False}, {"audible": False}, None],
    ids=["hidden or frozen", "muted", "gone"],
)
def test_the_last_screen_stops_watching_and_is_back(room: Room, ill: dict[str, Any] | None) -> None:
    room.on["wall"] = {}
    room.wait(10 * M)
    if ill is None:
        del room.on["wall"]
    else:
        room.on["wall"] = ill
    room.wait(10 * M)
    assert room.told == [(11 * M, False)], "60 s after its last good answer"
    room.on["wall"] = {}
    room.wait(10 * M)
    assert room.told == [(11 * M, False), (20 * M + 5 * S, True)]


@pytest.mark.parametrize(
    ("ill", "state", "after"),
    [({"live": False}, "away", 5 * S), ({"audible": False}, "muted", 5 * S), (None, "away", SILENT_MS)],
)
def test_a_screens_own_state_is_told_as_soon_as_it_is_known(
    room: Room, ill: dict[str, Any] | None, state: str, after: int
) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    if ill is None:
        del room.on["wall"]
    else:
        room.on["wall"] = ill
    room.wait(after - 1)
    assert room.screen("wall").state == "live"
    room.wait(1)
    assert (room.screen("wall").state, room.screen("wall").seen_at) == (state, room.now)
    room.wait(H)
    assert room.written == 2, "nothing is written while nothing changes"


def test_while_one_of_two_screens_lives_the_site_is_watched(room: Room) -> None:
    room.on = {"wall": {}, "desk": {}}
    room.wait(1 * M)
    del room.on["wall"]
    room.wait(10 * M)
    assert (room.told, room.screen("wall").state, room.screen("desk").state) == ([], "away", "live")
    room.on["desk"] = {"audible": False}
    room.wait(10 * M)
    assert room.told == [(12 * M, False)]


def test_a_screen_that_never_can_be_heard_leaves_the_site_unwatched(room: Room) -> None:
    room.wait(H)
    room.on["wall"] = {"audible": False}
    room.wait(H)
    assert room.told == [(H + 5 * S + 60 * S, False)]


def test_outside_its_hours_nobody_need_watch() -> None:
    room = Room(msgspec.structs.replace(WATCH, schedule="office"))
    room.on["wall"] = {}
    room.wait(1 * H)
    room.on.clear()
    room.wait(2 * H)
    assert room.told == [(1 * H + 60 * S, False), (2 * H, True)], "at noon it is over"
    room.wait(20 * H)
    eight = 22 * H
    assert room.told[2:] == [(eight + 60 * S, False)], "who comes at eight has a minute"


def test_midnight_gives_nobody_another_minute(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(14 * H - 10 * S)
    room.on.clear()
    room.wait(1 * H)
    assert room.told == [(14 * H + 50 * S, False)]


def test_a_worker_that_begins_gives_everybody_time_to_answer(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    room.now += 30 * M
    room.start()
    room.wait(50 * S)
    assert room.told == []
    assert (room.screen("wall").state, room.written) == ("live", 1)
    room.on.clear()
    room.now += 30 * M
    room.start()
    room.wait(59 * S)
    assert room.told == []
    room.wait(1 * S)
    assert [watched for _, watched in room.told] == [False], "it knows from before that there was a screen"


def test_what_was_said_before_a_restart_is_not_said_again_and_ends_with_an_answer(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    room.on.clear()
    room.wait(5 * M)
    room.start()
    room.wait(10 * M)
    assert len(room.told) == 1
    room.on["wall"] = {}
    room.wait(5 * S)
    assert room.told[1:] == [(16 * M + 5 * S, True)]


def test_what_was_said_ends_when_the_files_no_longer_ask_for_a_watch(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    room.on.clear()
    room.wait(5 * M)
    room.watch = None
    room.start()
    room.wait(1 * S)
    assert [watched for _, watched in room.told] == [False, True]


def test_an_old_answer_proves_only_that_somebody_watched_then(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    room.on.clear()
    room.wait(50 * S)
    room.answer("wall", ago=40 * S)
    room.settle()
    assert room.screen("wall").state == "away"
    room.wait(10 * M)
    assert room.told == [(130 * S, False)]
    room.answer("wall", ago=70 * S)
    room.settle()
    assert len(room.told) == 1, "too old to be the end of it"


def test_a_web_process_that_is_behind_does_not_undo_what_another_said(room: Room) -> None:
    room.answer("wall", audible=False)
    room.answer("wall", ago=3 * S)
    room.settle()
    assert room.screen("wall").state == "muted"


def test_a_clock_ahead_gives_no_screen_more_time(room: Room) -> None:
    room.answer("wall", ago=-H)
    room.wait(2 * M)
    assert room.told == [(60 * S, False)]


def test_in_a_drill_at_the_post_nobody_need_watch(room: Room) -> None:
    room.on["wall"] = {}
    room.wait(1 * M)
    room.on.clear()
    room.drill = True
    room.wait(1 * H)
    assert room.told == []
    room.drill = False
    room.wait(2 * M)
    assert [watched for _, watched in room.told] == [False]


def test_who_heard_the_test_sound_is_kept_until_it_is_tested_again(room: Room) -> None:
    room.on["wall"] = {"heard_by": "p-002"}
    room.wait(10 * M)
    assert (room.screen("wall").heard_by, room.screen("wall").heard_at) == ("p-002", MONDAY + 5 * S)
    room.start()
    room.wait(10 * M)
    assert (room.screen("wall").heard_at, room.written) == (MONDAY + 5 * S, 1)
    room.on["wall"] = {}
    room.wait(5 * S)
    assert room.screen("wall").heard_by == "p-002"
    room.on["wall"] = {"heard_by": "p-002"}
    room.wait(5 * S)
    assert room.screen("wall").heard_at == room.now


def test_a_layout_is_kept_and_what_is_not_given_stays(room: Room) -> None:
    at = room.now
    room.book.set_up(SetScreen(screen="wall", name="Left", layout={"page": "board"}), "p", at, at)
    room.settle()
    assert room.screen("wall").state == "new"
    room.on["wall"] = {}
    room.wait(5 * S)
    room.book.set_up(SetScreen(screen="wall", layout={"page": "plan"}), "p", at, room.now)
    room.settle()
    wall = room.screen("wall")
    assert (wall.name, wall.layout, wall.state, wall.revision) == ("Left", {"page": "plan"}, "live", 3)


def test_a_layout_too_large_is_refused_and_changes_nothing(room: Room) -> None:
    with pytest.raises(RefusedError, match="4096 bytes") as caught:
        room.book.set_up(SetScreen(screen="wall", layout={"x": "y" * MOST_LAYOUT}), "p", room.now, room.now)
    assert caught.value.problem == "unusable"
    assert room.book.take_records() == []


def test_screens_beyond_the_most_watch_but_are_not_kept(room: Room) -> None:
    signs = tuple(Sign(f"s{number}", room.now, True, False) for number in range(MOST_SCREENS))
    room.book.take(Pulse(signs), room.now)
    room.on["one-more"] = {}
    room.wait(2 * M)
    assert (room.told, len(room.kept), "one-more" in room.kept) == ([], MOST_SCREENS, False)
    with pytest.raises(RefusedError, match="screens already"):
        room.book.set_up(SetScreen(screen="one-more", name="x"), "p", room.now, room.now)


# --- the whole house


@pytest.fixture
def house() -> House:
    return House()


def watched_for(house: House, ms: int, *screens: str) -> None:
    for _ in range(ms // (5 * S)):
        house.wait(5 * S)
        for screen in screens:
            house.answer(screen)


def unwatched(house: House) -> list[Any]:
    return house.incidents(kind=IncidentKind.UNWATCHED)


def test_an_unwatched_site_is_an_incident_an_alarm_and_a_word_to_the_supervisor(house: House) -> None:
    watched_for(house, M, "wall-1")
    last = house.now
    house.wait(59 * S)
    assert unwatched(house) == []
    house.wait(1 * S)
    (incident,) = unwatched(house)
    assert (incident.state, incident.subject, incident.opened_at) == (IncidentState.OPEN, "control", last)
    (alarm,) = [alarm for alarm in house.alarms() if alarm.kind == "unwatched"]
    assert (alarm.priority.name, alarm.zone, alarm.active, alarm.suppressed_by) == (
        "HIGH",
        "control",
        True,
        (),
    )
    assert ("p-001", "没有可见且有声的屏幕在值守") in house.told(lambda notice: notice.made_at == house.now)
    assert house.do("p-001", Close(incident=incident.id)).problem == "conflict"
    house.restart()
    house.wait(10 * M)
    assert len(unwatched(house)) == 1
    house.answer("wall-1")
    (incident,) = unwatched(house)
    assert (incident.state, incident.closed_at) == (IncidentState.CLOSED, house.now)
    (alarm,) = [alarm for alarm in house.alarms() if alarm.kind == "unwatched"]
    assert not alarm.active
    house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
    watched_for(house, 10 * M, "wall-1")
    assert len(unwatched(house)) == 1


def test_answers_are_no_reason_to_write() -> None:
    answering, quiet = House(), House()
    for house in (answering, quiet):
        house.answer("wall-1")
    first = answering.store.partitions[0].commits[-1].position.seq
    for number in range(1, 251):
        for house in (answering, quiet):
            house.now += 100
        answering.answer("wall-1")
        quiet.work()
        position = answering.store.partitions[0].commits[-1].position.seq
        assert first + number - position < 100, "no more than these are read again after a restart"
    assert len(answering.store.partitions[0].commits) == len(quiet.store.partitions[0].commits)
    assert answering.store.partitions[0].answers == {}
    (wall,) = answering.matters(RecordKind.SCREEN, Screen)
    assert wall.revision == 1


def test_a_pulse_that_cant_be_read_is_put_aside(house: House) -> None:
    house._take(Address("demo", SCREENS), b'{"signs":[["wall-1"]]}')
    assert [row.agent for row in house.store.partitions[0].quarantine] == [SCREENS]
    assert house.matters(RecordKind.SCREEN, Screen) == []


def test_nobody_can_answer_for_a_screen_by_an_action(house: House) -> None:
    pulse = msgspec.json.encode(Pulse((Sign("wall-1", house.now, True, True),)))
    house._take(Address("demo", DESK), pulse)
    assert [row.agent for row in house.store.partitions[0].quarantine] == [DESK]
    assert house.matters(RecordKind.SCREEN, Screen) == []


def test_a_real_drill_at_the_post_keeps_it_quiet_and_one_elsewhere_does_not(house: House) -> None:
    for zone, quiet in (("control", True), ("b1", False)):
        watched_for(house, M, "wall-1")
        start = house.now
        plan = PlanDrill(name="x", start=start, end=start + 10 * M, zones=(zone,), emergencies=("fire",))
        assert house.do("p-001", plan).problem == ""
        house.wait(9 * M)
        assert (unwatched(house) == []) is quiet


def test_the_demo_without_a_screen_is_never_unwatched(house: House) -> None:
    house.wait(2 * H)
    assert unwatched(house) == []


def test_a_site_without_a_watch_is_never_unwatched() -> None:
    setup = demo()
    operations = msgspec.structs.replace(setup.operations, watch=None)
    house = House(SiteSetup(setup.site, setup.rules, setup.engine, setup.explain, operations))
    watched_for(house, M, "wall-1")
    house.wait(H)
    assert unwatched(house) == []
    (wall,) = house.matters(RecordKind.SCREEN, Screen)
    assert wall.state == "away"


def test_a_layout_survives_a_restart_and_a_stale_one_is_refused(house: House) -> None:
    first = house.do("p-002", SetScreen(screen="wall-1", name="Left", layout={"page": "board"}))
    assert (first.problem, first.kind, first.target, first.revision) == ("", "screen", "wall-1", 1)
    house.restart()
    assert house.do("p-002", SetScreen(screen="wall-1", layout={}), expects=9).problem == "stale"
    assert house.do("p-099", SetScreen(screen="wall-1", layout={})).problem == "not_allowed"
    (wall,) = house.matters(RecordKind.SCREEN, Screen)
    assert (wall.name, wall.layout) == ("Left", {"page": "board"})


def test_the_hours_of_the_demo_are_every_hour() -> None:
    watch = demo().operations.watch
    assert watch is not None
    window = demo().site.schedules[watch.schedule].windows
    assert (watch.post, watch.within, window) == ("control", "60s", (Window(days="daily"),))
