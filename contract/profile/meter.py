"""A meter's profile and a device of the site made into the device's points. Pure.

Each value of a block takes a place of its own in what the driver makes of an answer: four registers, that hold a double
where it is a number, and the bits themselves where it is bits. `edge.drivers.dlt645` puts them there.
"""

from typing import Final

import msgspec

from contract.profile import points
from contract.profile.expand import DEFAULT_POLL_MS, ms_of, number_point, ratio_of, told_by
from contract.profile.model import Block, Item, Kind, Limits, MeterProfile
from contract.site import Device

FIRST_FUNCTION: Final = 100
"""Blocks are counted from here; below are the functions of Modbus."""
PLACE: Final = 4
"""Registers that a value takes."""
NOT_THERE: Final = 0x7FF8_0000_0000_0001
"""The double that stands for a value that the meter says it does not have."""


def meter_map(profile: MeterProfile, device: Device, unit: int) -> points.DeviceMap:
    """The points of a meter, which is the `unit`-th on its line."""
    polls = {"normal": DEFAULT_POLL_MS} | {name: ms_of(span) for name, span in profile.polls.items()}
    if device.poll is not None:
        polls["normal"] = ms_of(device.poll)
    return points.DeviceMap(
        device=device.id,
        unit=unit,
        limits=Limits(response_timeout_ms=profile.response_timeout_ms, pause_ms=profile.pause_ms),
        polls=polls,
        points=tuple(
            point
            for number, block in enumerate(profile.blocks)
            for place, item in enumerate(block.points)
            if (point := _point(profile, device, (number, block), (place, item))) is not None
        ),
    )


def _point(
    profile: MeterProfile, device: Device, block: tuple[int, Block], item: tuple[int, Item]
) -> points.Point | None:
    number, asked = block
    place, said = item
    binding = device.points.get(said.name)
    if binding is not None and binding.skip:
        return None
    states = profile.states[said.states] if said.states else ()
    told = told_by(device, binding, said.name)
    ratio = ratio_of(profile, device, said.times)
    return msgspec.structs.replace(
        number_point(said, told, states, binding, ratio),
        function=FIRST_FUNCTION + number,
        address=PLACE * place,
        width=PLACE,
        kind=Kind.FLOAT64 if said.form == "digits" else Kind.UINT64,
        na={NOT_THERE: "unimplemented"} if said.form == "digits" else {},
        absent_causes=frozenset({"unimplemented"}),
        optional=asked.optional or said.optional,
        expected=binding is not None or not (asked.optional or said.optional),
        poll=asked.poll,
    )
