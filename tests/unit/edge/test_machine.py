"""The uplink's decisions, in virtual time."""

from collections.abc import Iterable

import pytest

from contract.batch import Ack, Lane, Opening
from edge.spool.base import BatchName
from edge.uplink.machine import (
    Accept,
    Action,
    AskTime,
    Beat,
    BeginEpoch,
    Fault,
    Fetch,
    Machine,
    Pace,
    Reconnect,
    Refuse,
    Rewind,
    TellState,
)
from edge.uplink.window import FIRST_BYTES

EPOCH = 7
OPENING = Opening("one", {Lane.LIFE: 0, Lane.MAIN: 0})
PACE = Pace()


class Field:
    """A machine, the rows it is to send, and a clock; a broker that takes all at once unless told otherwise."""

    def __init__(self) -> None:
        self.now = 0
        self.rows = {Lane.LIFE: 0, Lane.MAIN: 0}
        self.machine = Machine(EPOCH, dict(self.rows), dict(self.rows), 0, PACE, [OPENING])
        self.sent: list[BatchName] = []
        self.done: list[Action] = []
        self.broker_takes = True

    def add(self, lane: Lane, count: int) -> None:
        self.rows[lane] += count
        self.machine.kept(dict(self.rows), self.now)

    def connect(self) -> None:
        self.machine.connect(self.now)
        self.machine.time_answered(self.now)

    def step(self, rows_per_batch: int = 10) -> list[Action]:
        """Carry out all that is to be done at this moment; what that was."""
        done: list[Action] = []
        while actions := self.machine.wake(self.now):
            for action in actions:
                self.act(action, rows_per_batch)
            done += actions
            if any(isinstance(action, Reconnect) for action in actions):
                break
        self.done += done
        return done

    def act(self, action: Action, rows_per_batch: int) -> None:
        if isinstance(action, Fetch):
            last = min(action.after + rows_per_batch, self.rows[action.lane])
            name = BatchName(EPOCH, action.lane, action.after + 1, last)
            self.machine.sent(name, f"digest-{action.lane}-{name.first}", 1_000, self.now)
            self.sent.append(name)
            if self.broker_takes:
                self.machine.delivered(name, self.now)
                self.machine.heard(self.now)
        elif isinstance(action, Beat) and self.broker_takes:
            self.machine.beaten(self.now)
            self.machine.heard(self.now)
        elif isinstance(action, Reconnect):
            self.machine.disconnect(self.now)
            self.machine.connect(self.now)

    def run(self, ms: int, *, answering_time: bool = True) -> None:
        for _ in range(ms // 250):
            self.now += 250
            if any(isinstance(action, AskTime) for action in self.step()) and answering_time:
                self.machine.time_answered(self.now)

    def ack(self, lane: Lane, through: int) -> list[Action]:
        actions = self.machine.acknowledged(Ack(epoch=EPOCH, durable={lane: through}), self.now)
        self.done += actions
        return actions

    def of(self, kind: type) -> list[Action]:
        return [action for action in self.done if isinstance(action, kind)]


@pytest.fixture
def field() -> Field:
    return Field()


def spans(names: Iterable[BatchName]) -> list[tuple[Lane, int, int]]:
    return [(name.lane, name.first, name.last) for name in names]


def test_nothing_goes_without_a_connection(field: Field) -> None:
    field.add(Lane.LIFE, 1)
    assert field.step() == []


def test_nothing_goes_before_the_time_is_known(field: Field) -> None:
    field.add(Lane.LIFE, 1)
    field.machine.connect(0)
    field.step()
    assert field.sent == []
    assert field.of(AskTime)
    field.machine.time_answered(0)
    field.step()
    assert spans(field.sent) == [(Lane.LIFE, 1, 1)]


def test_rows_go_in_order_without_gaps(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 25)
    field.step()
    assert spans(field.sent) == [(Lane.MAIN, 1, 10), (Lane.MAIN, 11, 20), (Lane.MAIN, 21, 25)]


def test_life_safety_goes_before_a_backlog(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 10_000)
    field.step()
    waiting = len(field.sent)
    field.add(Lane.LIFE, 1)
    field.step()
    assert spans(field.sent[waiting:]) == [(Lane.LIFE, 1, 1)]


def test_only_so_much_is_on_its_way(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 10_000)
    field.step()
    assert len(field.sent) == 16
    field.ack(Lane.MAIN, 20)
    field.step()
    assert len(field.sent) == 18


def test_what_the_broker_has_not_taken_is_not_sent_a_second_time(field: Field) -> None:
    field.connect()
    field.broker_takes = False
    field.add(Lane.MAIN, 10)
    field.run(PACE.silence_ms - 250)
    assert spans(field.sent) == [(Lane.MAIN, 1, 10)]


def test_a_line_that_takes_nothing_of_a_backlog_is_given_up_for_an_alarm(field: Field) -> None:
    field.connect()
    field.broker_takes = False
    field.add(Lane.MAIN, 10_000)
    field.run(1_000)
    field.add(Lane.LIFE, 1)
    field.run(PACE.overtake_ms)
    assert len(field.of(Reconnect)) == 1
    field.run(PACE.overtake_ms + 1_000)
    assert len(field.of(Reconnect)) == 1
    life = [name.lane for name in field.sent].index(Lane.LIFE)
    assert spans(field.sent[life : life + 3]) == [(Lane.LIFE, 1, 1), (Lane.LIFE, 1, 1), (Lane.MAIN, 1, 10)]


def test_an_ack_accepts_once(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 10)
    field.step()
    assert field.ack(Lane.MAIN, 10) == [Accept(Lane.MAIN, 10)]
    assert field.ack(Lane.MAIN, 10) == []


def test_an_ack_of_another_epoch_is_not_for_us(field: Field) -> None:
    field.add(Lane.MAIN, 10)
    assert field.machine.acknowledged(Ack(epoch=EPOCH + 1, durable={Lane.MAIN: 10}), 0) == []


def test_an_ack_beyond_what_was_ever_kept_begins_a_new_epoch(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 10)
    field.ack(Lane.MAIN, 4)
    assert field.ack(Lane.MAIN, 99) == []
    assert field.machine.wake(field.now) == [BeginEpoch({Lane.LIFE: 0, Lane.MAIN: 4})]


def test_what_another_opening_made_durable_accepts_nothing(field: Field) -> None:
    field.add(Lane.MAIN, 10)
    ack = Ack(epoch=EPOCH, durable={Lane.MAIN: 10}, opening="another")
    assert field.machine.acknowledged(ack, field.now) == []
    assert field.machine.lineage == [OPENING]


def test_the_lineage_is_told_until_the_cloud_names_the_opening(field: Field) -> None:
    assert field.machine.lineage == [OPENING]
    field.machine.acknowledged(Ack(epoch=EPOCH, opening=OPENING.id), field.now)
    assert field.machine.lineage == []
    field.machine.connect(field.now)
    assert field.machine.lineage == [OPENING]


def test_after_a_fork_what_is_common_is_finished_first(field: Field) -> None:
    field.add(Lane.MAIN, 10)
    field.connect()
    forked = Ack(epoch=EPOCH, durable={Lane.MAIN: 3}, forked={OPENING.id: {Lane.LIFE: 0, Lane.MAIN: 7}})
    assert field.machine.acknowledged(forked, field.now) == [Accept(Lane.MAIN, 3)]
    assert not any(isinstance(action, BeginEpoch) for action in field.machine.wake(field.now))
    finished = Ack(epoch=EPOCH, durable={Lane.MAIN: 7}, forked={OPENING.id: {Lane.LIFE: 0, Lane.MAIN: 7}})
    assert field.machine.acknowledged(finished, field.now) == [Accept(Lane.MAIN, 7)]
    assert field.machine.wake(field.now) == [BeginEpoch({Lane.LIFE: 0, Lane.MAIN: 7})]


def test_what_is_not_acknowledged_goes_again(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 20)
    field.step()
    field.ack(Lane.MAIN, 10)
    field.sent.clear()
    field.run(PACE.resend_ms)
    assert spans(field.sent) == [(Lane.MAIN, 11, 20)]


def test_resends_come_ever_more_rarely_and_one_at_a_time(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 100)
    field.step()
    field.sent.clear()
    field.run(50_000)
    assert spans(field.sent) == [(Lane.MAIN, 1, 10)] * 2
    field.ack(Lane.MAIN, 10)
    field.step()
    assert field.sent[-1].last == 100


def test_after_a_reconnect_everything_unacknowledged_goes_again(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 20)
    field.add(Lane.LIFE, 1)
    field.step()
    field.ack(Lane.MAIN, 10)
    field.machine.disconnect(field.now)
    field.sent.clear()
    field.machine.connect(field.now)
    field.step()
    assert spans(field.sent) == [(Lane.LIFE, 1, 1), (Lane.MAIN, 11, 20)]


def test_a_batch_fetched_before_the_connection_was_lost_does_not_skip_rows(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 10)
    field.machine.sent(BatchName(EPOCH, Lane.MAIN, 5, 10), "late", 1_000, field.now)
    field.step()
    assert field.sent[0].first == 1


def test_a_heartbeat_goes_every_five_seconds_while_the_last_one_was_taken(field: Field) -> None:
    field.connect()
    field.run(20_000)
    assert len(field.of(Beat)) == 4
    field.broker_takes = False
    field.run(10_000)
    assert len(field.of(Beat)) == 5


def test_the_time_is_asked_for_every_half_minute_and_quickly_until_it_is_answered(field: Field) -> None:
    field.machine.connect(0)
    field.run(5_000, answering_time=False)
    assert len(field.of(AskTime)) == 5
    field.run(120_000)
    assert len(field.of(AskTime)) == 5 + 1 + 3


def test_the_state_is_told_at_each_connection_and_every_half_minute(field: Field) -> None:
    field.connect()
    field.run(59_000)
    assert len(field.of(TellState)) == 2


def test_a_silent_broker_is_left(field: Field) -> None:
    field.connect()
    field.broker_takes = False
    field.run(PACE.silence_ms)
    assert field.of(Reconnect) == [Reconnect("the broker is silent")]


def test_without_an_ack_it_connects_anew_at_60_s_and_raises_a_fault_at_100_s(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 1)
    field.run(59_750)
    assert field.of(Reconnect) == []
    field.run(250)
    assert field.of(Reconnect) == [Reconnect("nobody acknowledges")]
    field.run(39_750)
    assert field.of(Fault) == []
    field.run(250)
    assert field.of(Fault) == [Fault(active=True, since=0)]
    field.run(400_000)
    assert len(field.of(Fault)) == 1
    assert len(field.of(Reconnect)) == 8


def test_the_fault_is_raised_without_a_connection_too(field: Field) -> None:
    field.run(100_000)
    assert field.of(Fault) == [Fault(active=True, since=0)]


def test_an_unanswered_time_request_is_silence_too(field: Field) -> None:
    field.connect()
    field.run(130_000, answering_time=False)
    assert field.of(Fault) == [Fault(active=True, since=30_000)]


def test_an_ack_clears_the_fault(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 1)
    field.run(100_000)
    field.ack(Lane.MAIN, 1)
    field.step()
    assert field.of(Fault)[1:] == [Fault(active=False, since=field.now)]


def test_answers_to_time_requests_do_not_hide_that_rows_are_not_acknowledged(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 1)
    field.run(100_000, answering_time=True)
    assert field.of(Fault)


def test_a_refused_batch_is_set_aside_and_its_numbers_go_again(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 30)
    field.step()
    refused = field.machine.acknowledged(Ack(epoch=EPOCH, refused=["digest-main-11"]), field.now)
    assert refused == [Refuse(BatchName(EPOCH, Lane.MAIN, 11, 20))]
    field.sent.clear()
    field.step()
    assert spans(field.sent) == [(Lane.MAIN, 11, 20), (Lane.MAIN, 21, 30)]


def test_a_refusal_of_something_else_changes_nothing(field: Field) -> None:
    assert field.machine.acknowledged(Ack(epoch=EPOCH, refused=["unheard of"]), 0) == []


def test_a_restored_database_is_refilled_but_a_late_ack_is_not_taken_for_one(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 50)
    field.step()
    field.ack(Lane.MAIN, 50)
    assert field.ack(Lane.MAIN, 20) == []
    field.now += PACE.rewind_ms
    assert field.ack(Lane.MAIN, 50) == []
    assert field.ack(Lane.MAIN, 20) == []
    field.now += PACE.rewind_ms
    assert field.ack(Lane.MAIN, 20) == [Rewind(Lane.MAIN, 20)]
    field.machine.rewound(Lane.MAIN, 20, field.now)
    field.machine.heard(field.now)
    field.sent.clear()
    field.step()
    assert field.sent[0].first == 21


def test_a_fetch_that_never_came_to_an_end_does_not_stop_the_next_connection(field: Field) -> None:
    field.connect()
    field.add(Lane.MAIN, 1)
    assert Fetch(Lane.MAIN, 0, FIRST_BYTES // 4) in field.machine.wake(field.now)
    field.machine.disconnect(field.now)
    field.machine.connect(field.now)
    field.step()
    assert spans(field.sent) == [(Lane.MAIN, 1, 1)]
