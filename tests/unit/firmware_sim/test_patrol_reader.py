"""A simulated patrol reader tells each card once it can, by its own clock and count."""

import msgspec
import pytest

from firmware_sim.device.patrol_reader import KEPT_MOST, PatrolReader, Scan

NOW = 1_764_547_200_000
ONE, OTHER = "card:8812331", "card:8812332"


def scans(messages: list[bytes]) -> list[Scan]:
    return [msgspec.json.decode(message, type=Scan) for message in messages]


def test_a_card_is_told_at_once_in_the_agreed_form() -> None:
    assert PatrolReader(17).update(NOW, {"card": ONE}) == [
        b'{"card":"card:8812331","t":1764547200000,"n":17}'
    ]


def test_a_card_is_told_once_and_counted() -> None:
    reader = PatrolReader()
    reader.update(NOW, {"card": ONE})
    assert reader.update(NOW + 1, {}) == []
    assert scans(reader.update(NOW + 2, {"card": ONE})) == [Scan(ONE, NOW + 2, 2)]


def test_what_was_read_without_a_network_is_told_later_with_the_time_of_the_scan() -> None:
    reader = PatrolReader()
    assert reader.update(NOW, {"online": False}) == []
    assert reader.update(NOW + 10, {"card": ONE}) == []
    assert reader.update(NOW + 20, {"card": OTHER}) == []
    assert scans(reader.update(NOW + 30, {"online": True})) == [
        Scan(ONE, NOW + 10, 1),
        Scan(OTHER, NOW + 20, 2),
    ]


def test_a_reader_that_keeps_nothing_loses_what_it_read_without_a_network() -> None:
    reader = PatrolReader()
    reader.update(NOW, {"online": False, "keeps": False, "card": ONE})
    assert scans(reader.update(NOW + 1, {"online": True, "card": OTHER})) == [Scan(OTHER, NOW + 1, 2)]


def test_a_full_reader_forgets_its_oldest_scans() -> None:
    reader = PatrolReader()
    reader.update(NOW, {"online": False})
    for second in range(KEPT_MOST + 2):
        reader.update(NOW + second, {"card": ONE})
    told = scans(reader.update(NOW, {"online": True}))
    assert (len(told), told[0].n, told[-1].n) == (KEPT_MOST, 3, KEPT_MOST + 2)


def test_a_clock_that_is_off_shows_in_the_stamp_only() -> None:
    reader = PatrolReader()
    reader.update(NOW, {"off_by_ms": -90_000})
    assert scans(reader.update(NOW, {"card": ONE})) == [Scan(ONE, NOW - 90_000, 1)]


def test_copies_are_the_same_message_again() -> None:
    one, two, three = PatrolReader().update(NOW, {"copies": 3, "card": ONE})
    assert one == two == three


def test_an_input_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError, match="crad"):
        PatrolReader().update(NOW, {"crad": ONE})
