"""T40: one of eight devices on a serial line is silent. The others keep their pace, and the panel is never left alone."""

from tests.serial_wire import UNITS, asked, gaps, period

PANEL, SILENT = 1, 5


def test_t40_one_silent_of_eight() -> None:
    times = asked("1s", 10, silent={SILENT})
    for unit in UNITS:
        if unit != SILENT:
            assert period(times[unit]) <= 2.0, f"unit {unit}"
    assert max(gaps(times[PANEL])) <= 5.0
    assert len(times[SILENT]) >= 1, "it is never given up"
