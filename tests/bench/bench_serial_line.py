"""One RTU line at 9600 baud with eight devices: how much of the wire's time is used, and what a silent one costs."""

from typing import Any

from tests.serial_wire import BYTE_S, SILENCE_S, UNITS, asked, gaps, period

PANEL = 1
SILENT = 5


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """Saturated, the share of what the wire allows; at a pace of 1 s, periods with and without a silent device."""
    seconds = max(5.0, 15 * scale)
    saturated = asked("10ms", seconds, silent=set())
    reads = sum(len(times) for times in saturated.values()) / seconds
    possible = 1 / (8 * BYTE_S + 25 * BYTE_S + 2 * SILENCE_S)
    well, ill = (asked("1s", seconds, silent=silent) for silent in (set[int](), {SILENT}))
    others = [unit for unit in UNITS if unit != SILENT]
    before, after = (sum(period(times[unit]) for unit in others) / len(others) for times in (well, ill))
    return [
        _row("reads of 10 registers, 8 devices", reads, "reads/s"),
        _row("what the wire allows", possible, "reads/s"),
        _row("share of it", 100 * reads / possible, "%"),
        _row("period of the others, all well", 1_000 * before, "ms"),
        _row("period of the others, one silent", 1_000 * after, "ms"),
        _row("longest gap of the panel, one silent", 1_000 * max(gaps(ill[PANEL])), "ms"),
    ]


def _row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": f"9600 baud: {name}", "value": round(value, 1), "unit": unit}
