"""How much of a machine the bus takes: planning, decoding, and reading over a real line."""

import asyncio
import time
import tracemalloc
from typing import Any

from contract.profile.expand import device_map
from edge.decode.sheet import sheet
from edge.ports import Covered
from firmware_sim.adapters.modbus import Unit
from firmware_sim.device.dse7320 import GeneratorController
from firmware_sim.device.notifier import FirePanel
from tests.bus import Hand, on_site, shipped
from tests.lines import reading, served

PANEL, GENSET = "notifier-modbus-gw", "dse-7320-mkii"
POINTS = [f"l{loop}{kind}{number:03}" for loop in range(1, 11) for kind in "dm" for number in range(1, 160)]


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """Figures of this machine; `scale` shortens or lengthens the work."""
    rounds = max(5, int(50 * scale))
    return [
        *_planning(rounds),
        *_decoding(rounds),
        *_memory(),
        *asyncio.run(_reading(max(1.0, 3 * scale))),
    ]


def _result(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": f"edge bus: {name}", "value": round(value, 1), "unit": unit}


def _planning(rounds: int) -> list[dict[str, Any]]:
    profile, device = shipped(PANEL), on_site(PANEL)
    begun = time.perf_counter()
    for _ in range(rounds // 5):
        sheet(device_map(profile, device))
    took = (time.perf_counter() - begun) / (rounds // 5)
    return [_result("profile to plan, fire panel of 3,181 points", took * 1000, "ms")]


def _decoding(rounds: int) -> list[dict[str, Any]]:
    """A fire panel of ten loops, all points programmed: nothing new, and a point changed in every request."""
    hand = Hand(shipped(PANEL), on_site(PANEL))
    panel = FirePanel(POINTS, loops=10)
    image = panel.update(0, {})
    hand.reads(image, 0)
    begun = time.perf_counter()
    for n in range(1, rounds + 1):
        hand.reads(image, n * 1_000)
    quiet = time.perf_counter() - begun
    changing = [panel.update(0, dict.fromkeys(POINTS[::50], on)) for on in (True, False)]
    begun = time.perf_counter()
    for n in range(rounds):
        hand.reads(changing[n % 2], (rounds + n) * 1_000)
    busy = time.perf_counter() - begun
    return [
        _result("decode, nothing new", rounds * len(POINTS) / quiet, "points/s"),
        _result("decode, a change in every request", rounds * len(POINTS) / busy, "points/s"),
    ]


def _memory() -> list[dict[str, Any]]:
    """Two fire panels and 48 generators, read once."""
    profiles = {name: shipped(name) for name in (PANEL, GENSET)}
    images = {PANEL: FirePanel(POINTS, loops=10).update(0, {}), GENSET: GeneratorController().update(0, {})}
    tracemalloc.start()
    hands = [Hand(profiles[name], on_site(name)) for name in [PANEL] * 2 + [GENSET] * 48]
    for hand in hands:
        hand.reads(images[PANEL if len(hand.sheet.map.points) > 1_000 else GENSET], 0)
        hand.told.clear()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return [_result("memory of 50 devices, two of them panels of 3,181 points", used / 2**20, "MiB")]


async def _reading(seconds: float) -> list[dict[str, Any]]:
    """One generator asked as fast as it answers, over Modbus TCP on loopback, both ends in this process."""
    unit = Unit(GeneratorController().update(0, {}))
    device = on_site(GENSET).__class__(id="dev", profile=GENSET, poll="1ms")
    async with served({10: unit}, "modbus-tcp") as (_, endpoint), reading(endpoint, [device]) as notebook:
        await notebook.until(lambda seen: any(isinstance(one, Covered) for one in seen))
        asked, cpu, begun = unit.asked, time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        took = time.perf_counter() - begun
        count = unit.asked - asked
        used = time.process_time() - cpu
    return [
        _result("reads over Modbus TCP, simulator included", count / took, "reads/s"),
        _result("processor time of a read, simulator included", used / count * 1e6, "us"),
    ]
