"""Simulated devices: each a pure state machine that is told the time and the world, and shows registers.

The world gives inputs as plain values under names that the device documents (`Inputs`); adapters serve the
`Image` that comes back. Neither side knows the other.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

Inputs = Mapping[str, float | int | bool | str]
"""What the world does to a device: by name, only what changed or all of it; an input keeps its last value."""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """What a Modbus master can read, by 0-based wire address.

    An address that is not there is answered with exception 2 (illegal data address); one of `refused` with the
    exception code it names; `silent` makes the device not answer at all. `hole`: what a register reads that is not
    there, in devices that answer for it; `silent_on_holes`: they answer no request that touches one.
    """

    coils: Mapping[int, bool] = {}
    discrete_inputs: Mapping[int, bool] = {}
    holding_registers: Mapping[int, int] = {}
    input_registers: Mapping[int, int] = {}
    refused: Mapping[int, int] = {}
    silent: bool = False
    hole: int | None = None
    silent_on_holes: bool = False

    def with_registers(self, registers: Mapping[int, int]) -> "Image":
        """The same with further holding registers."""
        if not registers:
            return self
        return msgspec.structs.replace(self, holding_registers={**self.holding_registers, **registers})


class SimDevice(Protocol):
    """A simulated Modbus device. Pure: the same calls give the same images."""

    def update(self, now: int, inputs: Inputs) -> Image:
        """Live until `now` (ms, never going back) with `inputs` in force from now on, and show the registers.

        Raises:
            KeyError: An input that the device does not have.
        """
