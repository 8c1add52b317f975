"""After a timeout nothing that a unit sends is believed until it has shown that no answer is missing."""

from edge.drivers.modbus_frames import Ask, Signature
from edge.drivers.modbus_sync import FORGET_MS, Probe, Sync, Wait, probes_for

ONE, TWO = Ask(1, 3, 0, 1), Ask(1, 3, 8, 2)
SETTLE = 200


def suspect(*missed: Ask, at: int = 0) -> Sync:
    sync = Sync()
    for ask in missed:
        sync.missed(ask.signature, at)
    return sync


def test_a_unit_that_always_answered_may_be_asked() -> None:
    assert Sync().next_step(1, [ONE], SETTLE, 0) is None


def test_a_unit_that_missed_an_answer_is_left_alone_for_a_while() -> None:
    assert suspect(ONE).next_step(1, [ONE, TWO], SETTLE, 50) == Wait(200)


def test_other_units_of_the_line_go_on() -> None:
    assert suspect(ONE).next_step(2, [ONE], SETTLE, 50) is None


def test_then_it_is_asked_something_whose_answer_can_be_no_late_one() -> None:
    assert suspect(ONE).next_step(1, [ONE, TWO], SETTLE, 200) == Probe(TWO, proof=True)


def test_a_late_answer_that_came_home_clears_the_unit() -> None:
    sync = suspect(ONE)
    sync.stray(ONE.signature)
    assert not sync.is_suspect(1)


def test_each_missing_answer_has_to_come_home() -> None:
    sync = suspect(ONE, ONE)
    sync.stray(ONE.signature)
    assert sync.is_suspect(1)


def test_a_late_refusal_is_the_late_answer_too() -> None:
    sync = suspect(ONE)
    sync.stray(Signature(1, 3, None))
    assert not sync.is_suspect(1)


def test_another_units_answer_is_not_the_one_that_is_missing() -> None:
    sync = suspect(ONE)
    sync.stray(Signature(2, 3, 2))
    assert sync.is_suspect(1)


def test_while_an_answer_is_missing_one_that_looks_like_it_may_be_late() -> None:
    sync = suspect(ONE)
    assert sync.may_be_late(ONE.signature)
    assert sync.may_be_late(Signature(1, 3, None))
    assert not sync.may_be_late(TWO.signature)


def test_when_answers_of_every_form_are_missing_it_takes_time_and_a_single_answer() -> None:
    sync = suspect(ONE, TWO)
    assert sync.next_step(1, [ONE, TWO], SETTLE, 1_000) == Wait(FORGET_MS)
    assert sync.next_step(1, [ONE, TWO], SETTLE, FORGET_MS) == Probe(ONE, proof=False)


def test_probes_all_differ_in_form() -> None:
    probes = probes_for([Ask(1, 4, 1, 2), Ask(1, 4, 9, 2), Ask(1, 2, 0, 8)])
    assert probes == (Ask(1, 4, 1, 2), Ask(1, 2, 0, 8), Ask(1, 4, 1, 1))


def test_a_probe_stays_within_what_the_device_is_read_for_anyway() -> None:
    for probe in probes_for([Ask(1, 3, 100, 20), Ask(1, 1, 16, 30)]):
        assert (100 <= probe.address < 120 and probe.count <= 20) or (
            probe.address >= 16 and probe.count <= 30
        )
